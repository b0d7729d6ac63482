"""The server that is fuzzed, and a tenant of it that nobody may touch."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import likewise
from fuzz_side.target import UntypedOutcome
from latency_load.processes import Served, likewise_served

_LABELS: Final = 120
_PAYEES: Final = 12
_DEADLINE_MS: Final = 120_000
_OPTIONS: Final = (
    "--memory-mib-max",
    "8",
    "--wait-ms-max",
    "10000",
    "--queue-max",
    "10000",
    "--streams-max",
    "32",
)
"""So little memory that tenants are evicted all the time, so much patience that no input goes unread."""
_FAULTS: Final = ("error", "critical")


@dataclass(slots=True)
class Sentinel:
    """A tenant whose id nobody can guess. What it was taught is held against what is there.

    Attributes:
        tenant: its id.
        verified: how often all was as it should be.
    """

    tenant: str
    verified: int = 0

    @classmethod
    def taught(cls, address: str) -> "Sentinel":
        """One that was created and taught."""
        sentinel = cls(f"sentinel-{uuid.uuid4()}")
        with likewise.Client(address, deadline_ms=_DEADLINE_MS) as client:
            client.create_tenant(likewise.Tenant(id=sentinel.tenant))
            client.learn(sentinel.tenant, map(_lesson, range(_LABELS)))
        return sentinel

    def verify(self, address: str) -> None:
        """Raise UntypedOutcome where a label is lost or changed, or an answer is from another's books."""
        with likewise.Client(address, deadline_ms=_DEADLINE_MS) as client:
            found = {
                entry.labelled.transaction.id: entry.labelled
                for entry in client.export_transactions(self.tenant)
            }
            if found.keys() != {f"s{number}" for number in range(_LABELS)}:
                raise UntypedOutcome(f"the sentinel has {len(found)} labels of {_LABELS}")
            for number in range(_LABELS):
                kept, taught = found[f"s{number}"], _lesson(number)
                if kept.transaction != taught.transaction or kept.labels != taught.labels:
                    raise UntypedOutcome(f"the sentinel's label {number} is another one")
            for number in range(_PAYEES):
                answer = client.classify(self.tenant, likewise.transaction(payee=_payee(number)))
                if answer.answers[0].candidates[0].category != f"category-{number}":
                    raise UntypedOutcome("the sentinel is answered otherwise than it was taught")
        self.verified += 1


@contextmanager
def fuzzed_server(folder: Path) -> Iterator[Served]:
    """A server over a folder's data, for as long as the ``with`` lasts. Its log is added to the folder's."""
    with (folder / "log").open("a") as log, likewise_served(folder / "data", _OPTIONS, log=log) as server:
        yield server


def faults_in(folder: Path) -> list[str]:
    """Lines of the servers' log that tell of failures, and those that are no log lines at all."""
    found = []
    for line in (folder / "log").read_text().splitlines():
        try:
            is_fault = json.loads(line)["level"] in _FAULTS
        except (ValueError, KeyError, TypeError):
            is_fault = True
        if is_fault:
            found.append(line)
    return found


def _payee(number: int) -> str:
    return f"SENTINEL {'abcdefghijkl'[number] * 4} LIMITED"


def _lesson(number: int) -> likewise.LabelledTransaction:
    payee = number % _PAYEES
    return likewise.labelled(
        likewise.transaction(id=f"s{number}", payee=_payee(payee), amount=f"{number}.50", currency="EUR"),
        f"category-{payee}",
    )
