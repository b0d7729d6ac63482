"""The floor: an echo of bytes on the server's own stack, ``python -m latency_load.echo``.

The same gRPC server with the same threads, queue, options and interceptor as ``likewise serve`` by default,
and one method that hands back what it is given: what any answer costs before Likewise does anything for it.
The message is not even decoded.
"""

import grpc

from likewise_server import logs
from likewise_server.access.caller import ALL_SCOPES
from likewise_server.access.gate import Gate
from likewise_server.access.known_tokens import KnownTokens
from likewise_server.lifecycle import grpc_server, tune_process
from likewise_server.settings import LogFormat, LogLevel, Settings
from likewise_server.signals import SEEN_EVERY_S, stop_signals
from likewise_server.workers import Workers

SERVICE = "bench.Echo"
METHOD = f"/{SERVICE}/Echo"
_GRACE_S = 1.0


def open_gate() -> Gate:
    """Lets everybody echo."""
    return Gate(KnownTokens(), Settings(), scopes={METHOD: ALL_SCOPES})


def main() -> None:
    """Serve on a free port until SIGTERM; a line on standard output says where."""
    logs.configure(LogFormat.AUTO, LogLevel.WARNING)
    tune_process()
    with stop_signals() as stopped:
        workers = Workers(Settings())
        server = grpc_server(workers, open_gate())
        echo: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
            lambda request, _context: request
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Echo": echo}),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        print(f"Echo serves 127.0.0.1:{port}", flush=True)
        while not stopped.wait(SEEN_EVERY_S):
            pass
        server.stop(_GRACE_S).wait()
        workers.shutdown()


if __name__ == "__main__":
    main()
