"""Changing the encoder of all tenants: what callers see meanwhile, and who may say so."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import likewise
from encoder_world import follow_at_once, other_model, wait_for
from engine_world import Books
from likewise_engine.errors import PreconditionFailed
from likewise_server.lifecycle import Server, open_tenants
from likewise_server.settings import Settings


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    follow_at_once(monkeypatch)


# --- What callers see --------------------------------------------------------------------------


@contextmanager
def serving(data: Path, **settings: object) -> Iterator[tuple[Server, likewise.Client]]:
    """A server as ``likewise serve`` makes it, in this process."""
    wanted = Settings(data=data, listen="127.0.0.1:0", **settings)  # type: ignore[arg-type]
    with (
        Server(open_tenants(wanted, serves=True), wanted, changes_encoders=True) as server,
        likewise.Client(server.address) as client,
    ):
        yield server, client


def state(client: likewise.Client) -> str:
    return likewise.EncoderChangeState.Name(client.encoders.get().state).rpartition("_")[2]


def items(prefix: str, count: int) -> list[likewise.LabelledTransaction]:
    books = Books(3)
    found = (books.item(f"{prefix}{n}") for n in range(count))
    return [
        likewise.labelled(
            likewise.transaction(id=item.transaction.id, payee=item.transaction.payee),
            category=item.labels["category"],
        )
        for item in found
    ]


class Callers:
    """Threads that ask and teach until they are stopped, and keep what they were told."""

    def __init__(self, address: str, payees: list[str]) -> None:
        self.still: list[tuple[str, likewise.Classification]] = []
        self.learned: list[str] = []
        self.failures: list[Exception] = []
        self._address = address
        self._payees = payees
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(what,)) for what in (self._ask, self._teach)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, what: Callable[[likewise.Client, int], None]) -> None:
        with likewise.Client(self._address) as client:
            number = 0
            while not self._stopping.is_set():
                try:
                    what(client, number)
                except Exception as error:  # noqa: BLE001 - it is what the test looks at
                    self.failures.append(error)
                number += 1
                self._stopping.wait(0.001)

    def _ask(self, client: likewise.Client, number: int) -> None:
        payee = self._payees[number % len(self._payees)]
        self.still.append((payee, client.classify("still", likewise.transaction(payee=payee))))

    def _teach(self, client: likewise.Client, number: int) -> None:
        name, payee = f"x{number}", f"Payee {number:x} of {number % 7}"
        item = likewise.labelled(likewise.transaction(id=name, payee=payee), category=f"c{number % 3}")
        learned = client.learn("busy", [item])
        self.learned.append(name)
        options = likewise.ClassifyOptions(min_revision=learned.revision)
        found = client.classify("busy", likewise.transaction(payee=payee), options=options)
        if found.neighbours[0].transaction_id != name:
            raise AssertionError(f"{name} is not there at revision {found.revision}")


def bare(answer: likewise.Classification) -> bytes:
    """All of an answer but the time that it took, and what names it."""
    copy = likewise.Classification()
    copy.CopyFrom(answer)
    copy.ClearField("time_spent")
    copy.ClearField("prediction_id")
    return copy.SerializeToString(deterministic=True)


def test_under_load_every_answer_is_of_the_one_encoder_or_the_other(tmp_path: Path) -> None:
    other_model(tmp_path / "shelf" / "other")
    with serving(tmp_path / "data", encoders=tmp_path / "shelf") as (server, client):
        for tenant in ("still", "busy", "cold"):
            client.create_tenant(likewise.Tenant(id=tenant))
            client.learn(tenant, items("e", 60))
        wait_for(lambda: state(client) == "DONE")
        server._tenants.settle()
        payees = [*sorted({item.transaction.payee for item in items("e", 60)}), "Nobody Knows Ltd"]

        def asked() -> dict[str, bytes]:
            return {p: bare(client.classify("still", likewise.transaction(payee=p))) for p in payees}

        expected = {"before": asked()}
        callers = Callers(server.address, payees)
        change = client.encoders.start("other")
        assert change.wanted.startswith("other@")
        wait_for(lambda: state(client) == "DONE")
        wait_for(lambda: len(callers.learned) > 20)
        callers.stop()
        server._tenants.settle()
        expected["after"] = asked()
        assert callers.failures == []
        told = [
            "before"
            if bare(answer) == expected["before"][payee]
            else "after"
            if bare(answer) == expected["after"][payee]
            else "neither"
            for payee, answer in callers.still
        ]
        assert set(told) == {"before", "after"}
        assert told == sorted(told, key=["before", "after"].index)
        assert {e.labelled.transaction.id for e in client.list_transactions("busy")} >= set(callers.learned)
        assert client.get_tenant("cold").statistics.encoder_fingerprint == change.wanted
        assert client.encoders.rollback().previous == change.wanted
        wait_for(lambda: state(client) == "DONE")
        assert client.get_tenant("cold").statistics.encoder_fingerprint != change.wanted


def test_it_is_for_whoever_runs_the_server_to_say(tmp_path: Path) -> None:
    with serving(tmp_path / "data", encoders=tmp_path / "shelf") as (_, client):
        (shipped,) = client.encoders.list()
        assert shipped.wanted
        assert shipped.name == "likewise-static"
        with pytest.raises(likewise.NotFound, match=r"at hand are likewise-static$"):
            client.encoders.start("other")
        with pytest.raises(likewise.InvalidRequest):
            client.encoders.start("")
        other_model(tmp_path / "shelf" / "one")
        other_model(tmp_path / "shelf" / "two", length_max=2)
        with pytest.raises(likewise.InvalidRequest, match="2 encoders"):
            client.encoders.start("other")
        assert len(client.encoders.list()) == 3


def test_a_server_without_the_encoder_that_tenants_have_does_not_start(tmp_path: Path) -> None:
    model = other_model(tmp_path / "model")
    with serving(tmp_path / "data", model=model) as (_, client):
        client.create_tenant(likewise.Tenant(id="acme"))
    # The option is gone, so the shipped one is wanted: it changes back, for the other is where it was.
    with serving(tmp_path / "data") as (_, client):
        wait_for(lambda: state(client) == "DONE")
        client.encoders.rollback()
        wait_for(lambda: state(client) == "DONE")
    model.rename(tmp_path / "elsewhere")
    with pytest.raises(PreconditionFailed, match="bring it back"):
        open_tenants(Settings(data=tmp_path / "data"), serves=True)
