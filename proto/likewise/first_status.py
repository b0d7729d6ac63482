"""What a server really answered, where grpc.aio tells something else."""

from typing import Any, Final

import grpc
import grpc.aio

from likewise.errors import Error, error_of_call

_MADE_UP_MESSAGE: Final = "Internal error from Core"


class FirstStatus:
    """The status that a call first ended with.

    When a server ends a call to which this side is still writing (it refuses a stream at once, say), the
    write fails, and grpc.aio puts INTERNAL with a message of its own in the place of the server's status
    (grpc/grpc#36066; a third of 300 refused streams with grpcio 1.85). Callbacks of the call come before.
    """

    def __init__(self, call: grpc.aio.Call) -> None:
        self.error: grpc.aio.AioRpcError | None = None
        call.add_done_callback(self._note)

    def _note(self, call: Any) -> None:
        reading = self._read(call)
        try:
            reading.send(None)  # all is there, so that this does not wait
        except StopIteration as read:
            self.error = read.value
        finally:
            reading.close()

    @staticmethod
    async def _read(call: grpc.aio.Call) -> grpc.aio.AioRpcError:
        return grpc.aio.AioRpcError(
            await call.code(), None, await call.trailing_metadata(), await call.details()
        )

    def instead_of(self, error: Error) -> Error:
        """The server's own status where ``error`` stands in its place."""
        if error.message != _MADE_UP_MESSAGE or self.error is None:
            return error
        return error if self.error.code() is grpc.StatusCode.OK else error_of_call(self.error)
