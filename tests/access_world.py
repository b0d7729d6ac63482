"""Certificates, tokens and callers, for the tests of who may call."""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from google.protobuf.message import Message

import likewise
from likewise_server.access.caller import ALL_SCOPES, Scope
from likewise_server.access.token_file import TokenFile
from likewise_server.access.tokens import Token, issued

KNOWN = likewise.transaction(payee="known")


def made(
    data: Path, *, tenant: str | None = None, scopes: Any = ALL_SCOPES, **more: Any
) -> tuple[Token, str]:
    """A token of a data folder, and its secret."""
    token, secret = issued(label="of a test", tenant=tenant, scopes=frozenset(scopes), **more)
    TokenFile(data).add(token)
    return token, secret


def secret_of(data: Path, *scopes: Scope, tenant: str | None = None) -> str:
    """The secret of a new token; with all scopes where none is named."""
    return made(data, tenant=tenant, scopes=scopes or ALL_SCOPES)[1]


Metadata = tuple[tuple[str, str | bytes], ...]


def bearing(*secrets: str) -> Metadata:
    """Metadata that show tokens."""
    return tuple(("authorization", f"Bearer {secret}") for secret in secrets)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended: all that its caller sees."""

    code: grpc.StatusCode
    details: str
    trailers: tuple[tuple[str, Any], ...]


def ended(channel: grpc.Channel, method: str, *messages: Message, metadata: Metadata = ()) -> Ended:
    """How a call of any kind ends, by default with one empty message: upon the wire, all are streams."""
    encoded = [message.SerializeToString() for message in messages] or [b""]
    stream: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(method)
    call = stream(iter(encoded), metadata=metadata, timeout=30)
    with suppress(grpc.RpcError):
        list(call)
    return Ended(call.code(), call.details(), tuple(call.trailing_metadata()))


def until(is_so: Callable[[], bool]) -> None:
    """Return when something has come about; fail where it does not for half a minute."""
    for _ in range(1_500):
        if is_so():
            return
        sleep(0.02)
    pytest.fail("it has not come about")


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes

    def written(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Two files of them."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(self.certificate)
        key.write_bytes(self.key)
        return certificate, key


class Authority:
    """Issues certificates of this machine."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        self._own = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = self._own.public_bytes(Encoding.PEM)

    def issue(
        self, *common_names: str, uris: Sequence[str] = (), lasts: timedelta = timedelta(days=9)
    ) -> Issued:
        """A certificate for localhost, with any common names and URIs."""
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            *map(x509.UniformResourceIdentifier, uris),
        ]
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in common_names]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + lasts)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Issued(
            certificate.public_bytes(Encoding.PEM),
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )

    def written(self, folder: Path, name: str = "ca.pem") -> Path:
        """A file of its own certificate."""
        path = folder / name
        path.write_bytes(self.pem)
        return path


@contextmanager
def tls_client(
    address: str, authority: Authority, own: Issued | None = None, token: str | None = None
) -> Iterator[likewise.Client]:
    """A client over a connection of its own, which trusts an authority and may show a certificate."""
    credentials = grpc.ssl_channel_credentials(
        authority.pem, *((own.key, own.certificate) if own is not None else (None, None))
    )
    with likewise.Client(address, credentials=credentials, token=token) as client:
        yield client
