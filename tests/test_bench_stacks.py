"""bench/stacks.py: each way through gRPC answers, or refuses, as it says."""

import grpc
import pytest

import stacks
from latency_load.echo import METHOD
from latency_load.processes import served


@pytest.mark.parametrize("stack", ["aio", "refused"])
def test_a_stack_does_what_it_is_for(stack: str) -> None:
    options = ["--serve", stack, "--threads", "2", "--switch-us", "50", "--work-us", "1", "--busy"]
    with served("stacks", options) as server, grpc.insecure_channel(server.address) as channel:
        echo: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        if stack == "refused":
            with pytest.raises(grpc.RpcError) as failure:
                echo(b"x", timeout=10)
            assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        else:
            assert echo(b"x", timeout=10) == b"x"


def test_a_small_run_prints_every_load(capsys: pytest.CaptureFixture[str]) -> None:
    loads = ["--callers", "2", "--rate", "50", "--seconds", "0.2", "--rounds", "1", "--work-us", "1"]
    stacks.main(["--stacks", "lanes", "pool", "--threads", "2", *loads])
    printed = capsys.readouterr().out
    assert printed.count("2 at once") == 2
    assert printed.count("50/s") == 2
