"""A dry run: a rule held against history, among the rules that there are. Nothing is written.

History has labels by then, so what a person said is the truth that the rule is measured by. What a machine
said is told apart: where the two differ, nobody says who is right.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from likewise_engine.rules.record import Texts
from likewise_engine.rules.rulebook import Rulebook, Ruling
from likewise_engine.store.base import Entry
from likewise_engine.transaction import Authority


@dataclass(slots=True)
class DimensionTrial:
    """What would come of a rule in one dimension.

    Attributes:
        category: number of the category that it gives.
        right: entries that it would decide as a person did.
        wrong: entries that it would decide otherwise than a person did.
        machine_changed: entries whose label, a machine's, it would change.
        unlabelled: entries without a label that it would decide.
    """

    category: int
    right: int = 0
    wrong: int = 0
    machine_changed: int = 0
    unlabelled: int = 0


@dataclass(slots=True)
class Trial:
    """What would come of a rule.

    Attributes:
        revision: of the tenant that it was held against.
        entries: all of them.
        matched: those that are as the rule says.
        taken_over: those that another rule decides by now, in a dimension in which this one would.
        dimensions: what would come of it in each.
        right_examples: the latest entries that it would decide as a person did.
        wrong_examples: the latest that it would decide otherwise.
    """

    revision: int = 0
    entries: int = 0
    matched: int = 0
    taken_over: int = 0
    dimensions: dict[str, DimensionTrial] = field(default_factory=dict)
    right_examples: Sequence[Entry] = ()
    wrong_examples: Sequence[Entry] = ()


def tried(
    number: int,
    rulebook: Rulebook,
    before: Rulebook,
    batches: Iterable[tuple[int, Sequence[Entry]]],
    examples_max: int,
    keep_on: Callable[[], None],
) -> Trial:
    """Hold a rule against history.

    Args:
        number: of the rule.
        rulebook: with the rule in its place.
        before: without it, or with what it is to replace.
        batches: the entries, each batch with the tenant's revision.
        examples_max: entries to show of each kind.
        keep_on: called before each batch; what it raises ends the run.

    Raises:
        EngineFault: a search ran out of its memory.
    """
    trial = Trial()
    right, wrong = deque[Entry](maxlen=examples_max), deque[Entry](maxlen=examples_max)
    texts = Texts(rulebook, before)
    for revision, batch in batches:
        keep_on()
        trial.revision = revision
        trial.entries += len(batch)
        for entry in batch:
            transaction = entry.transaction
            text = texts.of(transaction)
            if not rulebook.holds(number, transaction, text):
                continue
            trial.matched += 1
            earlier = before.rulings(transaction, text)
            rulings = {d: r for d, r in rulebook.rulings(transaction, text).items() if r.rule == number}
            trial.taken_over += any(
                dimension in earlier and earlier[dimension].rule != number for dimension in rulings
            )
            judged = [_is_right(rulebook, trial.dimensions, entry, each) for each in rulings.items()]
            if False in judged:
                wrong.append(entry)
            elif True in judged:
                right.append(entry)
    trial.right_examples, trial.wrong_examples = list(right), list(wrong)
    return trial


def _is_right(
    rulebook: Rulebook, trials: dict[str, DimensionTrial], entry: Entry, decided: tuple[str, Ruling]
) -> bool | None:
    """Count what is decided of an entry; whether it is as a person said, None where nobody did."""
    dimension, ruling = decided
    trial = trials.setdefault(dimension, DimensionTrial(ruling.category))
    label = entry.labels.get(dimension)
    is_same = label == rulebook.chart.categories[ruling.category].id
    if entry.authorities.get(dimension) is Authority.PERSON:
        trial.right += is_same
        trial.wrong += not is_same
        return is_same
    trial.unlabelled += label is None
    trial.machine_changed += label is not None and not is_same
    return None
