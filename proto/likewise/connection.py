"""How a client talks to a server: where, as whom, how long at most, what is tried again.

Calls that may be repeated without harm (reads, and writes that say the same twice) are tried again by
gRPC itself while the server is UNAVAILABLE or has too much work; the others are left to the caller, who alone
knows. A server that has too much work says after how long to come again, and gRPC waits for so long; one that
refuses for good says not to (``grpc-retry-pushback-ms``, gRFC A6).
"""

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import quote

import grpc

DEADLINE_MS_UNARY: Final = 5_000
"""For one request and one answer, retries included."""
DEADLINE_MS_RESHAPE: Final = 120_000
"""For a merge, a split or a purge, where the client's own is shorter: a million labels take ten seconds."""
DEADLINE_MS_STREAM: Final = 30 * 60_000
"""For a whole stream. A million rows take some minutes; a stream that hangs should still end by itself."""
MESSAGE_BYTES_MAX: Final = 32 * 1024 * 1024
"""One message, as the server has it (a test compares them). gRPC's own default for answers is 4 MiB."""

TENANT_KEY: Final = "likewise-tenant"
"""Key of the metadata by which a call says whose it is before its message is read: the tenant's id,
percent-encoded as in a URL (RFC 3986). Proxies may choose a server by it, and the server lets in by turns."""

SAFE_TO_RETRY: Final[Mapping[str, tuple[str, ...]]] = {
    "likewise.v1.CardService": ("GetCard",),
    "likewise.v1.ClassifierService": ("Classify",),
    # RollbackEncoderChange is missing: the second time it rolls back the first.
    "likewise.v1.EncoderService": (
        "ListEncoders",
        "GetEncoderChange",
        "StartEncoderChange",
        "PauseEncoderChange",
        "ResumeEncoderChange",
    ),
    # Learn carries a request id; forgetting twice is forgetting once; gRPC repeats no export that has begun.
    "likewise.v1.LedgerService": (
        "Learn",
        "GetTransaction",
        "ListTransactions",
        "ForgetTransactions",
        "ExportTransactions",
    ),
    "likewise.v1.ModelService": ("ListModels", "GetModelCard"),
    "likewise.v1.InsightService": ("AuditTenant", "ExplainTransaction", "ReplayPrediction"),
    # To create or delete a rule carries a request id.
    "likewise.v1.RuleService": (
        "CreateRule",
        "BatchCreateRules",
        "GetRule",
        "ListRules",
        "UpdateRule",
        "DeleteRule",
        "TryRule",
        "SuggestRules",
    ),
    "likewise.v1.FeedbackService": ("GetFeedback", "GetFeedbackOverview", "ListPredictions"),
    "likewise.v1.SuggestionService": ("GetSuggestion", "ListSuggestions"),
    # CreateTenant and DeleteTenant are missing: where the first answer was lost, the second is an error.
    # A merge, a split and a purge carry a request id; the other changes of a chart are none the second time.
    "likewise.v1.TenantService": (
        "GetTenant",
        "ListTenants",
        "ExportTenant",
        "UpdateTenant",
        "RenameCategory",
        "MergeCategories",
        "SplitCategory",
        "DeactivateCategory",
        "ActivateCategory",
        "PurgeCategory",
        "ListAuditRecords",
    ),
}
"""Methods by service. Streams of requests are missing: what was read from the caller's iterator is gone."""

_TENANT_CHARS_MAX: Final = 240
"""No server has a tenant of a longer id (80 bytes), and metadata of any length would be refused unread."""
_KEEPALIVE_TIME_MS: Final = 60_000
_KEEPALIVE_TIMEOUT_MS: Final = 20_000

_RETRY_POLICY: Final = {
    "maxAttempts": 4,
    "initialBackoff": "0.05s",
    "maxBackoff": "1s",
    "backoffMultiplier": 4,
    # The last of a server that cannot even receive what comes: gRPC's core says no more then.
    "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "CANCELLED"],
}
# Ends a storm: when half of the latest calls failed, nothing is tried again until one in ten succeeds.
_RETRY_THROTTLING: Final = {"maxTokens": 20, "tokenRatio": 0.1}


class NotGiven(Enum):
    """Type of NOT_GIVEN, for arguments whose None has a meaning of its own."""

    NOT_GIVEN = "NOT_GIVEN"

    def __repr__(self) -> str:
        return self.name


NOT_GIVEN: Final = NotGiven.NOT_GIVEN

Deadline = float | NotGiven | None
"""Milliseconds; None for no deadline; NOT_GIVEN for the client's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Settings of a client.

    Attributes:
        target: the server's address in gRPC's syntax: ``host:port``, ``dns:///host:port``, ``unix:path``.
        credentials: of the channel (TLS); None for plain text.
        token: bearer token, or None. Sent over TLS, or to this very machine.
        deadline_ms: for unary calls; None for no deadline.
        stream_deadline_ms: for whole streams; None for no deadline.

    Raises:
        ValueError: the token would travel in plain text to another machine, or cannot be sent at all;
            or a deadline is not positive.
    """

    target: str
    credentials: grpc.ChannelCredentials | None = None
    token: str | None = field(default=None, repr=False)
    deadline_ms: float | None = DEADLINE_MS_UNARY
    stream_deadline_ms: float | None = DEADLINE_MS_STREAM

    def __post_init__(self) -> None:
        _timeout_s(self.deadline_ms)
        _timeout_s(self.stream_deadline_ms)
        if self.token is None:
            return
        if not (self.token and self.token.isascii() and self.token.isprintable() and " " not in self.token):
            raise ValueError("a token must be printable ASCII without spaces")
        if self.credentials is None and not is_loopback(self.target):
            raise ValueError(
                f"a token would travel in plain text to {self.target}: give credentials, "
                "for example grpc.ssl_channel_credentials()"
            )

    @property
    def channel_options(self) -> list[tuple[str, str | int]]:
        """Options for the gRPC channel."""
        methods = [{"service": s, "method": m} for s, names in SAFE_TO_RETRY.items() for m in names]
        service_config = {
            "methodConfig": [{"name": methods, "retryPolicy": _RETRY_POLICY}],
            "retryThrottling": _RETRY_THROTTLING,
        }
        return [
            ("grpc.service_config", json.dumps(service_config)),
            # By default only what fits 256 KiB is kept for a retry: a large Learn would have none.
            ("grpc.per_rpc_retry_buffer_size", MESSAGE_BYTES_MAX),
            ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
            ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
            # A dead peer is noticed within a call. Without calls there are no pings: servers take many
            # for an attack, and any broken connection shows with the next call.
            ("grpc.keepalive_time_ms", _KEEPALIVE_TIME_MS),
            ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
            ("grpc.keepalive_permit_without_calls", 0),
            # gRPC would take http_proxy from the environment even for this machine, token and all.
            ("grpc.enable_http_proxy", int(not is_loopback(self.target))),
        ]

    def metadata(self, tenant: str = "") -> tuple[tuple[str, str], ...]:
        """Metadata of a call for a tenant; "" where it is for none."""
        token = (("authorization", f"Bearer {self.token}"),) if self.token is not None else ()
        said = quote(tenant, safe="")
        return (*token, (TENANT_KEY, said)) if 0 < len(said) <= _TENANT_CHARS_MAX else token

    def timeout_s(self, deadline_ms: Deadline) -> float | None:
        """Seconds allowed to a unary call."""
        return _timeout_s(self.deadline_ms if deadline_ms is NOT_GIVEN else deadline_ms)

    def reshape_deadline_ms(self, deadline_ms: Deadline) -> Deadline:
        """Milliseconds allowed to a merge, a split or a purge."""
        if deadline_ms is not NOT_GIVEN or self.deadline_ms is None:
            return deadline_ms
        return max(self.deadline_ms, DEADLINE_MS_RESHAPE)

    def stream_timeout_s(self, deadline_ms: Deadline) -> float | None:
        """Seconds allowed to a stream."""
        return _timeout_s(self.stream_deadline_ms if deadline_ms is NOT_GIVEN else deadline_ms)


def is_loopback(target: str) -> bool:
    """Whether all addresses of a gRPC target are surely on this machine; of names only localhost is."""
    scheme, _, rest = target.partition(":")
    if scheme in ("unix", "unix-abstract"):
        return True
    if scheme in ("ipv4", "ipv6"):
        return all(_is_loopback_address(address) for address in rest.split(","))
    return _is_loopback_address(rest.rpartition("/")[2] if scheme == "dns" else target)


def _is_loopback_address(address: str) -> bool:
    if address.startswith("["):
        host = address[1:].partition("]")[0]
    elif address.count(":") > 1:
        host = address  # an IPv6 address without a port
    else:
        host = address.partition(":")[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _timeout_s(deadline_ms: float | None) -> float | None:
    if deadline_ms is None:
        return None
    if not deadline_ms > 0:
        raise ValueError(f"a deadline must be positive, not {deadline_ms} ms; None is no deadline")
    return deadline_ms / 1_000
