"""TLS, client certificates, and certificates that change while the server runs: with real ones."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from structlog.testing import capture_logs

import likewise
from access_world import KNOWN, Authority, Issued, secret_of, tls_client, until
from conftest import Serve
from likewise.connection import TENANT_KEY
from likewise_engine.errors import PreconditionFailed
from likewise_server.access.caller import ALL_SCOPES, Caller, Scope, current_caller
from likewise_server.service.tenants import TenantService


@pytest.fixture(scope="module")
def ours() -> Authority:
    return Authority("ours")


@pytest.fixture(scope="module")
def theirs() -> Authority:
    return Authority("theirs")


@pytest.fixture
def tls(tmp_path: Path, ours: Authority) -> dict[str, Path]:
    """Settings of a server with a certificate."""
    certificate, key = ours.issue("localhost").written(tmp_path, "server")
    return {"tls_certificate": certificate, "tls_key": key}


@pytest.fixture
def mutual(tmp_path: Path, tls: dict[str, Path], ours: Authority) -> dict[str, Path]:
    """Settings of a server that asks for client certificates too."""
    return {**tls, "tls_client_ca": ours.written(tmp_path)}


def tenants(client: likewise.Client) -> list[str]:
    return [tenant.id for tenant in client.list_tenants(deadline_ms=20_000)]


def is_refused(client: likewise.Client) -> bool:
    """Whether the handshake fails."""
    try:
        tenants(client)
    except likewise.Unavailable:
        return True
    return False


def shown_serial(address: str) -> int:
    """The number of the certificate that a server shows to a new connection."""
    host, _, port = address.rpartition(":")
    return x509.load_pem_x509_certificate(
        ssl.get_server_certificate((host, int(port))).encode()
    ).serial_number


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("version", "is_spoken"),
    [
        (ssl.TLSVersion.TLSv1, False),
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
)
def test_tls_is_1_2_or_later(
    serve: Serve, tls: dict[str, Path], version: ssl.TLSVersion, is_spoken: bool
) -> None:
    host, _, port = serve(**tls).address.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")  # so that it is not the client that refuses
    context.set_alpn_protocols(["h2"])
    context.minimum_version = context.maximum_version = version
    with socket.create_connection((host, int(port)), timeout=20) as plain:
        try:
            with context.wrap_socket(plain):
                assert is_spoken
        except (ssl.SSLError, OSError):
            assert not is_spoken


def test_a_server_with_a_certificate_is_called_by_tls_alone(
    serve: Serve, tls: dict[str, Path], ours: Authority, theirs: Authority
) -> None:
    address = serve(**tls).address
    with tls_client(address, ours) as client:
        assert tenants(client) == []
    with tls_client(address, theirs) as client:
        assert is_refused(client)
    with likewise.Client(address) as client:
        assert is_refused(client)


def test_tokens_are_asked_for_within_tls(
    data_folder: Path, serve: Serve, tls: dict[str, Path], ours: Authority
) -> None:
    secret = secret_of(data_folder)
    address = serve(**tls).address
    with tls_client(address, ours, token=secret) as client:
        assert tenants(client) == []
    with tls_client(address, ours) as client, pytest.raises(likewise.Unauthenticated):
        tenants(client)


def test_where_clients_need_certificates_none_comes_in_without(
    serve: Serve, mutual: dict[str, Path], ours: Authority, theirs: Authority, callers: list[Caller]
) -> None:
    address = serve(**mutual).address
    with tls_client(address, ours, ours.issue("books")) as client:
        assert tenants(client) == []
    assert callers == [Caller("certificate:CN=books", None, ALL_SCOPES)]
    for own in (None, theirs.issue("books"), ours.issue("books", lasts=timedelta(hours=-1))):
        with tls_client(address, ours, own) as client:
            assert is_refused(client)


def test_a_certificate_is_not_enough_once_tokens_were_made(
    data_folder: Path, serve: Serve, mutual: dict[str, Path], ours: Authority
) -> None:
    secret = secret_of(data_folder)
    address = serve(**mutual).address
    with tls_client(address, ours, ours.issue("books"), token=secret) as client:
        assert tenants(client) == []
    with tls_client(address, ours, ours.issue("books")) as client, pytest.raises(likewise.Unauthenticated):
        tenants(client)


@pytest.fixture
def callers(monkeypatch: pytest.MonkeyPatch) -> list[Caller]:
    """Who listed tenants, as the method sees it."""
    seen: list[Caller] = []
    answer: Callable[..., Any] = TenantService.ListTenants

    def noting(*arguments: Any) -> Any:
        seen.append(current_caller())
        return answer(*arguments)

    monkeypatch.setattr(TenantService, "ListTenants", noting)
    return seen


@pytest.fixture
def two_tenants(serve: Serve) -> None:
    server = serve()
    with likewise.Client(server.address) as client:
        client.create_tenant(likewise.Tenant(id="caf\u00e9"))
        client.create_tenant(likewise.Tenant(id="bank"))
    server.stop()


@pytest.mark.parametrize(
    ("source", "names", "uris"),
    [
        ("common-name", ["caf\u00e9"], []),
        ("uri", ["anything"], ["urn:likewise:tenant:caf%C3%A9", "spiffe://books/app"]),
    ],
)
@pytest.mark.usefixtures("two_tenants")
def test_a_certificate_can_say_whose_it_is(
    serve: Serve,
    mutual: dict[str, Path],
    ours: Authority,
    callers: list[Caller],
    source: str,
    names: list[str],
    uris: list[str],
) -> None:
    address = serve(**mutual, tenant_from_certificate=source).address
    own = ours.issue(*names, uris=uris)
    with tls_client(address, ours, own) as client:
        assert tenants(client) == ["caf\u00e9"]
        client.learn("caf\u00e9", [likewise.labelled(likewise.transaction(id="1", payee="known"), "k")])
        assert client.classify("caf\u00e9", KNOWN).revision == 1
        for refused in (
            lambda: client.classify("bank", KNOWN),
            lambda: client.classify("nobody", KNOWN),
            lambda: client.delete_tenant("caf\u00e9"),
        ):
            with pytest.raises(likewise.PermissionDenied):
                refused()
    assert {(caller.tenant, caller.scopes) for caller in callers} == {
        ("caf\u00e9", frozenset({Scope.CLASSIFY, Scope.LEARN}))
    }


def test_a_certificate_is_judged_before_a_message_is_awaited(
    serve: Serve, mutual: dict[str, Path], ours: Authority
) -> None:
    address = serve(**mutual, tenant_from_certificate="common-name").address
    own = ours.issue("bank")
    credentials = grpc.ssl_channel_credentials(ours.pem, own.key, own.certificate)
    over = threading.Event()

    def nothing() -> Iterator[bytes]:
        over.wait(60)
        yield from ()

    with grpc.secure_channel(address, credentials) as channel:
        export: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
            "/likewise.v1.LedgerService/ExportTransactions"
        )
        call = export(nothing(), metadata=((TENANT_KEY, "cafe"),), timeout=30)
        assert call.code() is grpc.StatusCode.PERMISSION_DENIED
        over.set()


@pytest.mark.parametrize(
    ("source", "names", "uris"),
    [
        ("common-name", [], []),
        ("common-name", ["caf\u00e9", "bank"], []),
        ("common-name", [" bank"], []),
        ("uri", ["bank"], []),
        ("uri", ["bank"], ["urn:likewise:tenant:bank", "urn:likewise:tenant:caf%C3%A9"]),
        ("uri", ["bank"], ["urn:likewise:tenant:"]),
        ("uri", ["bank"], ["urn:likewise:tenant:%ff"]),
        ("uri", ["bank"], ["urn:likewise:tenants:bank"]),
    ],
)
def test_a_certificate_that_names_no_tenant_or_several_lets_nobody_in(
    serve: Serve, mutual: dict[str, Path], ours: Authority, source: str, names: list[str], uris: list[str]
) -> None:
    address = serve(**mutual, tenant_from_certificate=source).address
    with (
        tls_client(address, ours, ours.issue(*names, uris=uris)) as client,
        pytest.raises(likewise.Unauthenticated),
    ):
        tenants(client)


@pytest.mark.usefixtures("two_tenants")
def test_a_call_that_brings_a_token_is_judged_by_it(
    data_folder: Path, serve: Serve, mutual: dict[str, Path], ours: Authority
) -> None:
    secret = secret_of(data_folder)
    address = serve(**mutual, tenant_from_certificate="common-name").address
    own = ours.issue("bank")
    with tls_client(address, ours, own, token=secret) as client:
        assert tenants(client) == ["bank", "caf\u00e9"]
    with tls_client(address, ours, own) as client:
        assert tenants(client) == ["bank"]
    with tls_client(address, ours, own, token=secret[:-1]) as client, pytest.raises(likewise.Unauthenticated):
        tenants(client)


def test_a_new_certificate_is_shown_without_a_restart_and_a_broken_one_is_not(
    tmp_path: Path, serve: Serve, tls: dict[str, Path], ours: Authority
) -> None:
    address = serve(**tls).address
    first = shown_serial(address)
    with tls_client(address, ours) as client:
        assert tenants(client) == []
        new = ours.issue("localhost")
        new.written(tmp_path, "server")
        until(lambda: shown_serial(address) != first)
        assert tenants(client) == []  # over the connection that it had
    second = shown_serial(address)
    assert second == x509.load_pem_x509_certificate(new.certificate).serial_number
    newest = ours.issue("localhost")
    with capture_logs() as log:
        tls["tls_key"].write_bytes(newest.key)  # not that of the certificate
        until(lambda: any(line["event"].startswith("certificates are broken") for line in log))
    assert shown_serial(address) == second
    tls["tls_certificate"].write_bytes(newest.certificate)
    until(lambda: shown_serial(address) != second)


def test_authorities_of_clients_can_be_changed_without_a_restart(
    tmp_path: Path, serve: Serve, mutual: dict[str, Path], ours: Authority, theirs: Authority
) -> None:
    address = serve(**mutual).address
    their_client, our_client = theirs.issue("books"), ours.issue("books")

    def is_let_in(own: Issued) -> bool:
        with tls_client(address, ours, own) as client:
            return not is_refused(client)

    assert (is_let_in(our_client), is_let_in(their_client)) == (True, False)
    mutual["tls_client_ca"].write_bytes(theirs.pem)
    until(lambda: is_let_in(their_client))
    assert not is_let_in(our_client)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def key_pem(key: Any, *, secret: bytes | None = None) -> bytes:
    encryption = NoEncryption() if secret is None else BestAvailableEncryption(secret)
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return pem


@pytest.mark.parametrize(
    ("setting", "content", "message"),
    [
        ("tls_certificate", b"", "holds no certificate"),
        ("tls_certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no"),
        ("tls_key", b"nothing", "holds no private key"),
        ("tls_key", key_pem(rsa.generate_private_key(65_537, 2_048)), "is not that of"),
        ("tls_key", key_pem(ed25519.Ed25519PrivateKey.generate()), "neither RSA nor ECDSA"),
        ("tls_key", key_pem(ed25519.Ed25519PrivateKey.generate(), secret=b"x"), "or an encrypted one"),
        ("tls_client_ca", b"", "holds no certificate"),
    ],
)
def test_a_server_does_not_start_with_broken_certificates(
    serve: Serve, mutual: dict[str, Path], setting: str, content: bytes, message: str
) -> None:
    mutual[setting].write_bytes(content)
    with pytest.raises(PreconditionFailed, match=message) as failure:
        serve(**mutual)
    assert str(mutual[setting]) in failure.value.message


def test_a_server_does_not_start_without_the_files_that_it_is_told_of(
    serve: Serve, mutual: dict[str, Path]
) -> None:
    mutual["tls_key"].unlink()
    with pytest.raises(PreconditionFailed, match="could not read"):
        serve(**mutual)
