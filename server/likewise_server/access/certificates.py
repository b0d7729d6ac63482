"""The server's certificates: checked before they are used, and taken over anew when their files change.

gRPC asks at each handshake whether there are others by now. Connections that are there go on as they are.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from likewise_engine.errors import PreconditionFailed

_log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where the certificates are, all PEM.

    Attributes:
        certificate: the server's own, first, and those that lead to its authority.
        key: its private key, not encrypted.
        client_ca: authorities, by one of which a client's certificate has to be issued; None where clients
            need none.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files."""
        return (self.certificate, self.key, *((self.client_ca,) if self.client_ca else ()))


class ServerCertificates:
    """What the server shows, and whom it trusts."""

    def __init__(self, files: CertificateFiles) -> None:
        """Raises PreconditionFailed where the files are not what they should be."""
        self._files: Final = files
        self._latest = _checked(files)
        self._handed = self._latest

    def read(self) -> None:
        """Read the files anew. Where they are broken, those from before stay in use, and it is logged."""
        try:
            latest = _checked(self._files)
        except PreconditionFailed as error:
            _log.error("certificates are broken: the earlier ones stay in use", error=error.message)
            return
        self._latest = latest
        _log.info("certificates read", certificate=str(self._files.certificate))

    def credentials(self) -> grpc.ServerCredentials:
        """Credentials for a port, which follow the files."""
        return grpc.dynamic_ssl_server_credentials(
            self._latest,
            self._fetched,  # type: ignore[arg-type] # gRPC takes None for no change
            require_client_authentication=self._files.client_ca is not None,
        )

    def _fetched(self) -> grpc.ServerCertificateConfiguration | None:
        """What has changed since the latest handshake; None where nothing has, which costs gRPC nothing."""
        latest = self._latest
        if latest is self._handed:
            return None
        self._handed = latest
        return latest


def _checked(files: CertificateFiles) -> grpc.ServerCertificateConfiguration:
    """The files' content, if they can be served with. Raises PreconditionFailed."""
    chain, key = _read(files.certificate), _read(files.key)
    try:
        certificate = x509.load_pem_x509_certificates(chain)[0]
    except ValueError as error:
        raise PreconditionFailed(f"{files.certificate} holds no certificate in PEM") from error
    try:
        private_key = load_pem_private_key(key, None)
    except (ValueError, TypeError) as error:
        raise PreconditionFailed(f"{files.key} holds no private key in PEM, or an encrypted one") from error
    if not isinstance(private_key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise PreconditionFailed(f"{files.key} holds a key that is neither RSA nor ECDSA")
    if private_key.public_key() != certificate.public_key():
        raise PreconditionFailed(
            f"the key in {files.key} is not that of the certificate in {files.certificate}"
        )
    if not certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc:
        _log.error(
            "the server's certificate is not valid now: clients will refuse it",
            valid_from=certificate.not_valid_before_utc.isoformat(),
            valid_until=certificate.not_valid_after_utc.isoformat(),
        )
    return grpc.ssl_server_certificate_configuration([(key, chain)], _client_ca(files.client_ca))


def _client_ca(path: Path | None) -> bytes | None:
    if path is None:
        return None
    authorities = _read(path)
    try:
        x509.load_pem_x509_certificates(authorities)
    except ValueError as error:
        raise PreconditionFailed(f"{path} holds no certificate in PEM") from error
    return authorities


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PreconditionFailed(f"could not read {path}: {error.strerror}") from error
