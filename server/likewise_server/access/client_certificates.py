"""Who calls, by its certificate. That an authority of ours issued it, the handshake has made sure of.

What it names is taken from the certificate itself, not from what gRPC makes of it: gRPC tells one of several
common names without a word about the others.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

import grpc
from cryptography import x509
from cryptography.x509.oid import NameOID

from likewise_engine.errors import InvalidInput, Unauthenticated
from likewise_engine.folder import check_tenant_id
from likewise_server.access.caller import ALL_SCOPES, Caller, Scope
from likewise_server.settings import TenantSource

URI_PREFIX: Final = "urn:likewise:tenant:"
"""Of a uniform resource identifier (URI) among a certificate's subject alternative names; the tenant's id
follows, percent-encoded."""

_OF_ONE_TENANT: Final = frozenset({Scope.CLASSIFY, Scope.LEARN})
_CERTIFICATE_KEY: Final = "x509_pem_cert"


def caller_of(context: grpc.ServicerContext, source: TenantSource) -> Caller:
    """Who calls.

    Args:
        context: of a call over a connection that took a client certificate.
        source: where the certificate says whose it is.

    Returns:
        A caller for its tenant alone, who may ask and teach; where none is to be taken from certificates,
        one who may do all for any.

    Raises:
        Unauthenticated: it names no tenant, or several, or has expired since the connection was made.
    """
    pem = context.auth_context().get(_CERTIFICATE_KEY)
    if not pem:
        raise Unauthenticated("no certificate")
    caller, valid_until = _read(pem[0], source)
    if datetime.now(UTC) > valid_until:
        raise Unauthenticated("expired", certificate=caller.name)
    return caller


@lru_cache(maxsize=1_024)
def _read(pem: bytes, source: TenantSource) -> tuple[Caller, datetime]:
    """The caller that a certificate is, and until when: .1 ms, and so once for each of the latest."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        name = f"certificate:{certificate.subject.rfc4514_string()}"
        if source is TenantSource.NONE:
            return Caller(name, None, ALL_SCOPES), certificate.not_valid_after_utc
        tenants = _NAMED[source](certificate)
    except ValueError as error:
        raise Unauthenticated("malformed certificate") from error
    if len(tenants) != 1:
        raise Unauthenticated(f"names {len(tenants)} tenants by its {source}", certificate=name)
    try:
        check_tenant_id(tenants[0])
    except InvalidInput as error:
        raise Unauthenticated(f"names no tenant by its {source}", certificate=name) from error
    return Caller(name, tenants[0], _OF_ONE_TENANT), certificate.not_valid_after_utc


def _common_names(certificate: x509.Certificate) -> list[str]:
    return [str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return [
        unquote(uri.removeprefix(URI_PREFIX), errors="strict") for uri in uris if uri.startswith(URI_PREFIX)
    ]


_NAMED: Final[dict[TenantSource, Callable[[x509.Certificate], list[str]]]] = {
    TenantSource.COMMON_NAME: _common_names,
    TenantSource.URI: _uris,
}
