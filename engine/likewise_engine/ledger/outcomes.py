"""What came of teaching, of forgetting, and of changes of the chart."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from likewise_engine.audit import Counts, Receipt
from likewise_engine.errors import FieldViolation


@dataclass(frozen=True, slots=True)
class LearnOutcome:
    """What came of a batch of labelled transactions.

    Attributes:
        revision: the revision that holds what was learned.
        created: entries that are new.
        updated: entries that replaced an earlier one of the same id.
        unchanged: entries that were there already, exactly so.
        kept: entries left as they are, since a person gave the labels that a machine's would replace.
        inactive_labels: labels of the created and updated entries whose category is not active.
    """

    revision: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: int = 0
    inactive_labels: int = 0

    def to_json(self) -> str:
        """This outcome as it is remembered with a request id."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, remembered: str) -> "LearnOutcome":
        """The outcome that :meth:`to_json` gave."""
        fields: Mapping[str, int] = json.loads(remembered)
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Rejection:
    """An item of an import that was refused.

    Attributes:
        position: of the item in its batch, from 0.
        transaction_id: its id, if it has one.
        violations: why.
    """

    position: int
    transaction_id: str
    violations: tuple[FieldViolation, ...]


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What came of an import's batch: what was learned, and which items were refused."""

    learned: LearnOutcome
    rejections: tuple[Rejection, ...] = ()


@dataclass(frozen=True, slots=True)
class ForgetOutcome:
    """What came of forgetting.

    Attributes:
        revision: the revision without them.
        forgotten: entries that were erased.
        missing: ids that were not there.
        receipt: of what was erased; None where there was nothing.
    """

    revision: int
    forgotten: int
    missing: int
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class PurgeOutcome:
    """What came of purging a category.

    Attributes:
        revision: the revision without it.
        erased: how much was erased.
        receipt: of that; None where there was nothing, or where it was only asked what would come of it.
    """

    revision: int
    erased: Counts
    receipt: Receipt | None = None

    def to_json(self) -> str:
        """This outcome as it is remembered with a request id."""
        receipt = self.receipt and self.receipt.to_json()
        return json.dumps({"revision": self.revision, "erased": self.erased.to_json(), "receipt": receipt})

    @classmethod
    def from_json(cls, remembered: str) -> "PurgeOutcome":
        """The outcome that :meth:`to_json` gave."""
        fields = json.loads(remembered)
        receipt = None if fields["receipt"] is None else Receipt.from_json(fields["receipt"])
        return cls(fields["revision"], Counts.from_json(fields["erased"]), receipt)


@dataclass(frozen=True, slots=True)
class ReshapeOutcome:
    """What came of a change of the chart.

    Attributes:
        revision: the revision that holds it.
        moved: entries whose label changed sides.
    """

    revision: int
    moved: int = 0

    def to_json(self) -> str:
        """This outcome as it is remembered with a request id."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, remembered: str) -> "ReshapeOutcome":
        """The outcome that :meth:`to_json` gave."""
        fields: Mapping[str, int] = json.loads(remembered)
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What came of a change of a rule.

    Attributes:
        revision: the revision that holds it.
        rule: number of the rule; of several the first.
    """

    revision: int
    rule: int

    def to_json(self) -> str:
        """This outcome as it is remembered with a request id."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, remembered: str) -> "RuleOutcome":
        """The outcome that :meth:`to_json` gave."""
        fields: Mapping[str, int] = json.loads(remembered)
        return cls(**fields)


UNREADABLE: Final = (TypeError, KeyError, ValueError, AttributeError, RecursionError)
"""What ``from_json`` raises of what is an outcome of another kind, or none."""


def as_remembered(claimed: str) -> str:
    """What somebody says was remembered with a request id, as it would have been written here.

    So it holds the numbers and times of an outcome, and no word besides.

    Raises:
        ValueError: it is the outcome of no kind of request, or one that cannot be.
    """
    for kind in (LearnOutcome, ReshapeOutcome, PurgeOutcome, RuleOutcome):
        try:
            outcome = kind.from_json(claimed)
        except UNREADABLE:
            continue
        _check_values(asdict(outcome))
        return outcome.to_json()
    raise ValueError("is the outcome of no kind of request")


def _check_values(fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if isinstance(value, dict):
            _check_values(value)
        elif isinstance(value, datetime):
            if value.utcoffset() != timedelta(0):
                raise ValueError(f"has a {name} that is not in UTC")
        elif name == "receipt" and value is None:
            continue
        elif type(value) is not int or not 0 <= value < 2**63:
            raise ValueError(f"has a {name} that cannot be")
