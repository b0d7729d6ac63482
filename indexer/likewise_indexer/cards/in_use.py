"""Which models a data folder names: what was decided, what its tenants have, and which of these are at hand.

Read from the folder itself, so that it can be told where a model is missing and no server would start.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from likewise_engine import cache_file
from likewise_engine.cache_file import HEADS_NAME
from likewise_engine.encoder_change import Decision, Stage
from likewise_engine.errors import LikewiseError, ModelFault
from likewise_engine.folder import DataFolder
from likewise_engine.ledger.hindsight import vote_of
from likewise_engine.store.sqlite import SqliteStore
from likewise_indexer.cards.record import CardKind
from likewise_indexer.cards.shelf import Model, listed_in


@dataclass(frozen=True, slots=True)
class InUse:
    """A model that a data folder names.

    Attributes:
        kind: an encoder, or a vote.
        fingerprint: as tenants' records have it.
        said: what was decided of it, in words; empty where tenants have it without that.
        tenants: whose vectors are an encoder's, or whose measured outcomes are a vote's.
        tenants_changing: that are being changed to it.
        was_at: where it was, as the folder remembers it; None where it does not.
        model: the model at hand; None where there is none of this fingerprint.
    """

    kind: CardKind
    fingerprint: str
    said: Sequence[str] = ()
    tenants: int = 0
    tenants_changing: int = 0
    was_at: str | None = None
    model: Model | None = None


@dataclass(slots=True)
class Counted:
    """What a data folder's tenants have.

    Attributes:
        tenants: that could be read.
        encoders: tenants by the encoder of their vectors.
        changing: tenants by the encoder that they are being changed to.
        votes: tenants by the vote of their measured outcomes; those that have none yet are not among them.
        heads: tenants with classifiers of their own that were kept.
        head_labels: that these were trained on.
        unread: why, by the tenant that could not be read.
    """

    tenants: int = 0
    encoders: Counter[str] = field(default_factory=Counter)
    changing: Counter[str] = field(default_factory=Counter)
    votes: Counter[str] = field(default_factory=Counter)
    heads: int = 0
    head_labels: int = 0
    unread: dict[str, str] = field(default_factory=dict)


def counted(
    folder: DataFolder, tracked: Callable[[Sequence[str]], Iterable[str]] = lambda names: names
) -> Counted:
    """Count the models of a data folder's tenants.

    Args:
        folder: open. Stores of earlier versions are brought up to date, as whatever opens them does.
        tracked: passes the tenants on, and may tell how far it is.

    Raises:
        StoreFault: the tenants cannot be listed.
    """
    found = Counted()
    for tenant in tracked(sorted(folder.tenants())):
        try:
            _count(found, folder, tenant)
        except LikewiseError as error:
            found.unread[tenant] = error.message
    return found


def _count(found: Counted, folder: DataFolder, tenant: str) -> None:
    path = folder.store_path(tenant)
    with closing(SqliteStore(path, folder.key_of(tenant))) as store:
        record, changing = store.record(), store.next_vectors.encoder()
    found.tenants += 1
    found.encoders[record.encoder_fingerprint] += 1
    if changing:
        found.changing[changing] += 1
    if record.outcomes_fingerprint:
        found.votes[vote_of(record.outcomes_fingerprint)] += 1
    heads = path.with_name(HEADS_NAME)
    if heads.exists() and not cache_file.doubt(heads):
        found.heads += 1
        found.head_labels += cache_file.stated(heads, "labels")


def in_use(
    decision: Decision | None, found: Counted, by_settings: Mapping[CardKind, Model], at_hand: Sequence[Model]
) -> list[InUse]:
    """The models that a data folder names, encoders first; those with the most tenants first.

    Args:
        decision: what was decided of encoders; None where no server was started yet.
        found: what tenants have.
        by_settings: what a command or server without other options would take.
        at_hand: models in folders; of two with the same fingerprint the first counts.
    """
    named = {
        (CardKind.ENCODER, name): InUse(CardKind.ENCODER, name) for name in found.encoders | found.changing
    }
    named |= {(CardKind.VOTE, name): InUse(CardKind.VOTE, name) for name in found.votes}
    for kind, name, said in _said(decision, by_settings):
        known = named.get((kind, name), InUse(kind, name))
        named[kind, name] = replace(known, said=(*known.said, said))
    models = {model.serves_as: model for model in reversed(at_hand)}
    folders = decision.folders if decision else {}
    full = [
        replace(
            one,
            tenants=(found.votes if one.kind is CardKind.VOTE else found.encoders)[one.fingerprint],
            tenants_changing=found.changing[one.fingerprint],
            was_at=folders.get(one.fingerprint),
            model=models.get(one.fingerprint),
        )
        for one in named.values()
    ]
    return sorted(full, key=lambda one: (one.kind, -one.tenants, one.fingerprint))


def _said(
    decision: Decision | None, by_settings: Mapping[CardKind, Model]
) -> Iterable[tuple[CardKind, str, str]]:
    """What was said of models: kind, fingerprint, words."""
    if decision is None:
        yield CardKind.ENCODER, by_settings[CardKind.ENCODER].serves_as, "by the settings"
    else:
        stage = "" if decision.stage is Stage.DONE else f", the change is {decision.stage}"
        yield CardKind.ENCODER, decision.wanted, f"wanted{stage}"
        if decision.previous:
            yield CardKind.ENCODER, decision.previous, "the one before"
        if decision.given not in (decision.wanted, decision.previous):
            yield CardKind.ENCODER, decision.given, "given at the last start"
    yield CardKind.VOTE, by_settings[CardKind.VOTE].serves_as, "by the settings"


def models_among(folders: Iterable[Path]) -> list[Model]:
    """The models of folders, one of each folder; what holds none is passed over."""
    models = []
    for folder in dict.fromkeys(folders):
        try:
            models.append(listed_in(folder))
        except ModelFault:
            continue  # Whoever names it is told that the model is not at hand.
    return models
