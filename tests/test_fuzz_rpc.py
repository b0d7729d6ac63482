"""All that comes, by every method and in every kind of file, has an outcome that is meant.

The same inputs in every run; bench/fuzz.py makes a million of them, and other ones with another seed.
"""

from collections.abc import Iterator

import pytest
from google.protobuf import descriptor_pool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import likewise
from fuzz_side.calls import Calls
from fuzz_side.chance import Chance, chance_of
from fuzz_side.files import Files
from fuzz_side.frames import Frames
from fuzz_side.memory import memory_of
from fuzz_side.messages import message_of
from fuzz_side.models import Models
from fuzz_side.target import Input, Target, smallest
from fuzz_side.texts import Texts
from likewise_server.lifecycle import SERVICES, Server

MIB = 1024 * 1024
METHODS = {
    f"/{name}/{method.name}": method.input_type
    for name in SERVICES
    for method in descriptor_pool.Default().FindServiceByName(name).methods
}
FEW = settings(max_examples=12, suppress_health_check=list(HealthCheck))


@pytest.fixture
def calls(server: Server, client: likewise.Client) -> Iterator[Calls]:
    for number in range(3):
        client.create_tenant(likewise.Tenant(id=f"tenant-{number}"))
    target = Calls(server.address)
    yield target
    target.close()


@pytest.mark.parametrize("path", METHODS)
@FEW
@given(seed=st.integers(0, 2**32), wildness=st.floats(0, 1), mutations=st.integers(0, 2))
def test_every_method_takes_any_message(
    calls: Calls, path: str, seed: int, wildness: float, mutations: int
) -> None:
    chance = Chance(seed)
    message = message_of(METHODS[path], chance, wildness).SerializeToString()
    for _ in range(mutations):
        message = chance.mutated(message)
    assert calls.feed(Input(path, len(message).to_bytes(4, "big") + message)) in {
        "OK",
        "ALREADY_EXISTS",
        "FAILED_PRECONDITION",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "RESOURCE_EXHAUSTED",
    }


@pytest.mark.parametrize("kind", [Texts, Files, Models])
def test_the_first_inputs_of_a_target_are_taken(kind: type[Texts] | type[Files] | type[Models]) -> None:
    target = kind()
    for number in range(150):
        assert target.feed(target.make(chance_of(5, target.name, number)))
    target.close()


def test_the_first_connections_are_taken(server: Server, client: likewise.Client, cafe: str) -> None:
    target = Frames(server.address)
    outcomes = {target.feed(target.make(chance_of(5, target.name, number))) for number in range(100)}
    assert len(outcomes) > 3
    assert client.get_tenant(cafe).statistics.labels == 5


def test_an_input_is_made_again_by_its_number() -> None:
    target = Texts()
    made = [target.make(chance_of(5, target.name, number)) for number in (7, 8, 7)]
    assert made[0] == made[2] != made[1]


def test_what_fails_is_cut_down_to_what_matters() -> None:
    class Picky:
        name = "picky"

        def make(self, chance: Chance) -> Input:
            return Input("bytes", chance.randbytes(10))

        def feed(self, made: Input) -> str:
            if b"!" in made.content and b"?" in made.content:
                raise ValueError("both")
            return "fine"

        def close(self) -> None:
            pass

    target: Target = Picky()
    failing = Input("bytes", b"some words! and then, why? more of them")
    assert smallest(target, failing).content == b"!?"


def test_memory_that_grows_is_told_from_memory_that_wanders() -> None:
    wandering = [100 * MIB + (number % 7) * MIB for number in range(400)]
    assert not memory_of(wandering).grows
    assert memory_of([size + number * MIB for number, size in enumerate(wandering)]).grows
    assert not memory_of([]).grows
