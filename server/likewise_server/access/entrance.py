"""How calls come to a server: by which port, with which certificates, past which gate."""

from functools import partial
from typing import Final

import grpc

from likewise_engine import limits
from likewise_engine.errors import PreconditionFailed
from likewise_server.access.gate import Gate, Identify
from likewise_server.access.known_tokens import KnownTokens
from likewise_server.access.token_file import TokenFile
from likewise_server.access.watch import Watch
from likewise_server.settings import Settings

# Only where clients show certificates: see CONNECTION_AGE_S_MAX.
_AGE_OPTION: Final = ("grpc.max_connection_age_ms", limits.CONNECTION_AGE_S_MAX * 1_000)


class Entrance:
    """A server's port and gate.

    Attributes:
        gate: lets callers in.
        options: of the gRPC server.
    """

    def __init__(self, settings: Settings, *, asks_who_calls: bool) -> None:
        """Make ready to :meth:`open`.

        Args:
            settings: how to serve.
            asks_who_calls: False where only this very process reaches the address.
        """
        self._settings = settings
        self._asks_who_calls = asks_who_calls
        self._tokens = KnownTokens(are_required=asks_who_calls and settings.require_tokens)
        self._watch = Watch()
        self.gate: Final = Gate(self._tokens, settings, _identify(settings))
        self.options: Final = (_AGE_OPTION,) if settings.tls_client_ca else ()

    def open(self, server: grpc.Server) -> int:
        """Read tokens and certificates, follow them from now on, and have a gRPC server listen.

        Returns:
            The port; as gRPC tells it for a socket file.

        Raises:
            PreconditionFailed: the certificates are broken; or other machines can reach the address, and
                nobody would be asked who calls.
            RuntimeError: the address cannot be had.
        """
        if self._asks_who_calls:
            file = TokenFile(self._settings.data)
            self._watch.add([file.path], partial(self._tokens.read, file))
            self._watch.add_routine(self.gate.open_streams.sweep)
        self._check_exposure()
        credentials = self._credentials()
        listen = self._settings.listen
        port = (
            server.add_insecure_port(listen)
            if credentials is None
            else server.add_secure_port(listen, credentials)
        )
        self._watch.start()
        return port

    def close(self) -> None:
        """Follow the files no more."""
        self._watch.close()

    def _check_exposure(self) -> None:
        settings = self._settings
        if settings.is_exposed and settings.tls_client_ca is None and not self._tokens.are_required:
            raise PreconditionFailed(
                f"listen address {settings.listen!r} can be reached from other machines, and nobody would be "
                "asked who calls: make a token with 'likewise token create', ask for client certificates "
                "with --tls-client-ca, listen on 127.0.0.1, or pass --insecure-listen if you mean it"
            )

    def _credentials(self) -> grpc.ServerCredentials | None:
        settings = self._settings
        if settings.tls_certificate is None or settings.tls_key is None:
            return None
        # 30 ms and 10 MB that plain text does without.
        from likewise_server.access.certificates import CertificateFiles, ServerCertificates

        files = CertificateFiles(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
        certificates = ServerCertificates(files)
        self._watch.add(files.paths, certificates.read)
        return certificates.credentials()


def _identify(settings: Settings) -> Identify | None:
    if settings.tls_client_ca is None:
        return None
    from likewise_server.access.client_certificates import caller_of

    return partial(caller_of, source=settings.tenant_from_certificate)
