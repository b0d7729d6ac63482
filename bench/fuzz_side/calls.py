"""Every method of the service, with messages that make sense, that nearly do, and that do not."""

import os
from collections.abc import Mapping
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor

from fuzz_side.chance import Chance
from fuzz_side.messages import TENANTS, message_of
from fuzz_side.target import Input, UntypedOutcome
from likewise.connection import TENANT_KEY
from likewise_server.lifecycle import SERVICES

_DEADLINE_S: Final = 60.0
"""More than anything here takes on a busy machine: beyond it, a call hangs."""
_CHANNEL: Final = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
)
_NEVER: Final = {
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
_METHODS: Final[Mapping[str, MethodDescriptor]] = {
    f"/{method.containing_service.full_name}/{method.name}": method
    for name in SERVICES
    for method in descriptor_pool.Default().FindServiceByName(name).methods
}
_OFTEN: Final = ("CreateTenant", "Learn", "Classify", "ClassifyStream", "ImportTransactions")
_PATHS: Final = tuple(path for path in _METHODS for _ in range(3 if path.endswith(_OFTEN) else 1))
_MESSAGES_MAX: Final = 4
_SIZE_BYTES: Final = 4


class Calls:
    """Any call ends with a status that tells its caller what to mend, or with an answer."""

    name = "calls"

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, options=_CHANNEL)

    def make(self, chance: Chance) -> Input:
        """A call: one message, or some, one after another, each behind its size."""
        path = chance.choice(_PATHS)
        method = _METHODS[path]
        wildness = chance.choice((0.0, 0.0, 0.05, 0.3, 0.9))
        count = 1
        if method.client_streaming or chance.one_in(100):
            count = chance.randint(0, _MESSAGES_MAX)
        content = b""
        for _ in range(count):
            message = message_of(method.input_type, chance, wildness).SerializeToString()
            if chance.one_in(10):
                message = chance.mutated(message)
            content += len(message).to_bytes(_SIZE_BYTES, "big") + message
        return Input(path, content, _metadata(chance))

    def feed(self, made: Input) -> str:
        """Raise UntypedOutcome for a status that no caller should see."""
        call: Any = self._channel.stream_stream(made.kind)
        try:
            for _ in call(iter(_split(made.content)), timeout=_DEADLINE_S, metadata=made.metadata):
                pass
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            if code in _NEVER:
                raise UntypedOutcome(f"{made.kind} ended with {code.name}: {error.details()}") from error
            return code.name
        return "OK"

    def close(self) -> None:
        """Let go of the connection."""
        self._channel.close()


def _metadata(chance: Chance) -> tuple[tuple[str, str | bytes], ...]:
    metadata: list[tuple[str, str | bytes]] = []
    if chance.one_in(8):
        said = chance.choice(TENANTS) if chance.one_in(2) else chance.text()
        metadata.append((TENANT_KEY, said.encode("ascii", "replace").decode().replace("\x00", "?")))
    if chance.one_in(8):
        metadata.append(
            ("authorization", chance.choice(("Bearer", "Bearer x", "Basic eDp5", "", "Bearer " + "a" * 900)))
        )
    if chance.one_in(8):
        metadata.append(("x-fuzz-bin", chance.randbytes(chance.choice((0, 1, 300)))))
    return tuple((key, _printable(value)) for key, value in metadata)


def _printable(value: str | bytes) -> str | bytes:
    """What gRPC's own client would refuse to send is for the raw connections."""
    return "".join(c for c in value if " " <= c <= "~").strip() if isinstance(value, str) else value


def _split(content: bytes) -> list[bytes]:
    messages = []
    while content:
        size = int.from_bytes(content[:_SIZE_BYTES], "big")
        messages.append(content[_SIZE_BYTES : _SIZE_BYTES + size])
        content = content[_SIZE_BYTES + size :]
    return messages


os.environ.setdefault("GRPC_VERBOSITY", "NONE")
