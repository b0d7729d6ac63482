"""Whether a server that came back knows what it should: by its journal, and by an oracle.

The oracle is a server that nothing is done to, and that is told in order what has happened by the journal.
Compared to the letter: all entries with labels, authorities and revisions; chart, policy and counts; what
came of every deed and of requests that are repeated; of answers the text, the neighbours, their similarities.
Where no upkeep is done, also candidates, decisions, calibrations, and probabilities to 1e-6: with it they
depend on the moment at which heads were trained.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from crash_side import wordings
from crash_side.calls import Calls, Refused
from crash_side.deeds import Deed, Fate, Kind
from likewise.v1.classifier_service_pb2 import Classification, ClassifyOptions, ClassifyRequest
from likewise.v1.tenant_service_pb2 import Tenant

_QUESTIONS: Final = 3
_PROBABILITY_TOLERANCE: Final = 1e-6

Find = Callable[[str, str], None]
"""Is told what is wrong: "lost", "phantom", "divergent" or "failed", and what exactly."""


def replay(oracle: Calls, happened: Sequence[Deed], find: Find) -> None:
    """Tell the oracle what has happened, in order; its answers have to be those that were given."""
    for deed in happened:
        again = Deed(deed.kind, deed.request)
        try:
            oracle.do(again)
        except Refused as error:
            find("divergent", f"{deed.kind.name} {deed.anchor} has happened, and would be refused: {error}")
            continue
        if deed.response is None:
            deed.response = again.response
        elif _outcome(deed) != _outcome(again):
            find("divergent", f"{deed.kind.name} {deed.anchor} was answered otherwise: {deed.response}")


def compare(
    calls: Calls, oracle: Calls, tenant: str, random: Random, find: Find, *, has_upkeep: bool
) -> None:
    """Compare a tenant with the oracle's. Raises Gone, Refused, ServerFailed."""
    entries, expected = calls.entries(tenant), oracle.entries(tenant)
    for name in sorted(entries.keys() | expected.keys()):
        if name not in entries:
            find("lost", f"entry {name} is not there")
        elif name not in expected:
            find("phantom", f"entry {name} is there")
        elif entries[name] != expected[name]:
            find("divergent", f"entry {name} is\n{entries[name]}and should be\n{expected[name]}")
    is_, should_be = (_comparable(c.tenant(tenant), has_upkeep=has_upkeep) for c in (calls, oracle))
    if is_ != should_be:
        find("divergent", f"the tenant is\n{is_}and should be\n{should_be}")
    names = random.sample(sorted(expected), min(len(expected), _QUESTIONS - 1))
    asked = [expected[name].labelled.transaction for name in names] + [wordings.question(random)]
    for transaction in asked:
        options = ClassifyOptions(max_neighbours=32)
        request = ClassifyRequest(tenant=tenant, transaction=transaction, options=options)
        answers = [c.classify(request).classification for c in (calls, oracle)]
        if difference := _difference(*answers, has_upkeep=has_upkeep):
            find("divergent", f"asked about {transaction.payee} {transaction.description}: {difference}")


def repeat(calls: Calls, deeds: Sequence[Deed], find: Find) -> int:
    """Ask once more for lessons that have happened: the first outcome, to the letter. Returns how many.

    Raises Gone, Refused, ServerFailed.
    """
    for deed in deeds:
        again = Deed(deed.kind, deed.request)
        calls.do(again)
        if again.response != deed.response:
            find("divergent", f"{deed.anchor} was repeated: {again.response} after {deed.response}")
    return len(deeds)


def repeatable(deeds: Sequence[Deed]) -> list[Deed]:
    """Those of them that have a request id."""
    return [deed for deed in deeds if getattr(deed.request, "request_id", "")]


def remains(data: Path, marks: Mapping[str, str]) -> list[str]:
    """Ids of the forgotten whose words are still somewhere in a data folder."""
    contents = [path.read_bytes() for path in data.rglob("*") if path.is_file()]
    return [name for name, mark in marks.items() if any(mark.encode() in content for content in contents)]


def was_forgotten(deed: Deed) -> bool:
    """Whether somebody was told that entries are forgotten."""
    return deed.kind is Kind.FORGET and deed.fate is Fate.ACKNOWLEDGED


def _outcome(deed: Deed) -> Any:
    """What an answer says of a deed, without what may differ."""
    response: Any = deed.response
    if deed.kind in (Kind.PIECE, Kind.UPDATE):
        return None  # An import is answered for all its pieces, an update by what the tenant is afterwards.
    if deed.kind is Kind.FORGET:
        erased = response.receipt.erased
        return response.revision, response.forgotten, response.missing, erased.entries, erased.texts
    return response


def _comparable(tenant: Tenant, *, has_upkeep: bool) -> Tenant:
    """A tenant without what may differ."""
    same = Tenant()
    same.CopyFrom(tenant)
    same.ClearField("create_time")
    for name in ("memory_bytes", "disk_bytes", "index_kind", *(("calibrations",) if has_upkeep else ())):
        same.statistics.ClearField(name)
    return same


def _difference(is_: Classification, should_be: Classification, *, has_upkeep: bool) -> str:
    """How two answers differ; "" where they do not."""
    for name, value in (("revision", _revision), ("text", _text), ("neighbours", _neighbours)):
        if value(is_) != value(should_be):
            return f"{name} {value(is_)}, and should be {value(should_be)}"
    if has_upkeep:
        return ""
    if _decisions(is_) != _decisions(should_be):
        return f"answers {_decisions(is_)}, and should be {_decisions(should_be)}"
    pairs = zip(_probabilities(is_), _probabilities(should_be), strict=True)
    worst = max((abs(a - b) for a, b in pairs), default=0.0)
    if worst > _PROBABILITY_TOLERANCE:
        return f"probabilities that are {worst} apart"
    return ""


def _revision(answer: Classification) -> Any:
    return answer.revision


def _text(answer: Classification) -> Any:
    return answer.text


def _neighbours(answer: Classification) -> Any:
    return [(n.transaction_id, dict(n.labels), round(n.similarity, 5)) for n in answer.neighbours]


def _decisions(answer: Classification) -> Any:
    return [(a.dimension, a.decision, a.witness, [c.category for c in a.candidates]) for a in answer.answers]


def _probabilities(answer: Classification) -> list[float]:
    return [c.probability for a in answer.answers for c in a.candidates]
