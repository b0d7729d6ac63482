"""What a review finds in a tenant's own history: values without behaviour, each with what it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from enum import IntEnum
from typing import Any

from likewise_engine import limits
from likewise_engine.errors import FieldViolation, InvalidInput
from likewise_engine.transaction import violations_of_string


class FindingKind(IntEnum):
    """What may be wrong. Numbered as in the contract."""

    PROBABLE_MISTAKE = 1
    LABEL_CONFLICT = 2
    NEAR_DUPLICATE_CATEGORIES = 3
    DEAD_CATEGORY = 4
    RARE_CATEGORY = 5
    PAYEE_SPLIT = 6
    PAYEE_SPELLINGS = 7


@dataclass(frozen=True, slots=True)
class FindingEntry:
    """An entry that a finding rests on.

    Attributes:
        transaction_id: its id.
        date: its date, where known.
        amount: its amount, where known.
        currency: ISO 4217 code, or empty.
        text: its wording as it is compared.
        category: the id of its label.
    """

    transaction_id: str
    date: date | None
    amount: Decimal | None
    currency: str
    text: str
    category: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that somebody should look at. Nothing is ever changed because of it.

    Attributes:
        kind: what may be wrong.
        dimension: in which it is.
        score: 0 to 1; higher is surer, within one kind.
        message: what was found, as a sentence for a person.
        action: what could be done, likewise.
        categories: ids; of a mistake the label that was given and then the one that is likelier.
        payees: normalised, where it is about them.
        statistics: the figures behind it, by name.
        entries: those that it rests on, at most REVIEW_ENTRIES_SHOWN_MAX, the most telling first.
        entries_total: how many there are.
    """

    kind: FindingKind
    dimension: str
    score: float
    message: str
    action: str
    categories: tuple[str, ...] = ()
    payees: tuple[str, ...] = ()
    statistics: Mapping[str, float] = field(default_factory=dict)
    entries: tuple[FindingEntry, ...] = ()
    entries_total: int = 0

    def to_json(self) -> dict[str, Any]:
        """This finding as JSON values."""
        fields = asdict(self)
        for entry in fields["entries"]:
            entry["date"] = entry["date"] and entry["date"].isoformat()
            entry["amount"] = None if entry["amount"] is None else str(entry["amount"])
        return fields

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Finding":
        """The finding that :meth:`to_json` gave."""
        entries = tuple(_entry(entry) for entry in fields["entries"])
        names = ("categories", "payees")
        plain = {**fields, **{name: tuple(fields[name]) for name in names}}
        return cls(**{**plain, "kind": FindingKind(fields["kind"]), "entries": entries})


def _entry(fields: Mapping[str, Any]) -> FindingEntry:
    day, amount = fields["date"], fields["amount"]
    return FindingEntry(
        **{
            **fields,
            "date": day and date.fromisoformat(day),
            "amount": None if amount is None else Decimal(amount),
        }
    )


@dataclass(frozen=True, slots=True)
class ReviewOptions:
    """How much to look at.

    Attributes:
        dimensions: to look at; all of the tenant's if empty.
        kinds: to look for; all if empty.
        entries_max: entries that are asked about once more; of more, a sample.
        findings_max: of each kind and dimension, the surest.
        budget_ms: when to end with what was looked at by then.
    """

    dimensions: tuple[str, ...] = ()
    kinds: tuple[FindingKind, ...] = ()
    entries_max: int = limits.REVIEW_ENTRIES_DEFAULT
    findings_max: int = limits.REVIEW_FINDINGS_DEFAULT
    budget_ms: int = limits.REVIEW_BUDGET_MS_DEFAULT

    def check(self) -> None:
        """Raise InvalidInput naming every option that is out of bounds."""
        violations: list[FieldViolation] = []
        if len(self.dimensions) > limits.DIMENSIONS_MAX:
            violations.append(FieldViolation("dimensions", f"are more than {limits.DIMENSIONS_MAX}"))
        for position, dimension in enumerate(self.dimensions[: limits.DIMENSIONS_MAX]):
            name = f"dimensions[{position}]"
            violations.extend(violations_of_string(name, dimension, limits.DIMENSION_CHARS_MAX))
        for name, value, high in (
            ("max_entries", self.entries_max, limits.REVIEW_ENTRIES_MAX),
            ("max_findings", self.findings_max, limits.REVIEW_FINDINGS_MAX),
            ("budget", self.budget_ms, limits.REVIEW_BUDGET_MS_MAX),
        ):
            if not 1 <= value <= high:
                violations.append(FieldViolation(name, f"is {value}: it must be within 1 to {high}"))
        if violations:
            raise InvalidInput(violations)

    def to_json(self) -> dict[str, Any]:
        """These options as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "ReviewOptions":
        """The options that :meth:`to_json` gave."""
        kinds = tuple(FindingKind(kind) for kind in fields["kinds"])
        return cls(**{**fields, "dimensions": tuple(fields["dimensions"]), "kinds": kinds})

    def wants(self, *kinds: FindingKind) -> bool:
        """Whether any of these is looked for."""
        return not self.kinds or any(kind in self.kinds for kind in kinds)


@dataclass(frozen=True, slots=True)
class Review:
    """What came of a review.

    Attributes:
        revision: of the tenant that was looked at.
        entries: live entries of the tenant.
        judged: labels that were asked about once more, each without its entry.
        judgeable: labels that could have been; more than ``judged`` where a sample was taken or time ran out.
        ran_out: whether the time ran out.
        findings: by kind, the surest first.
        found: how many there were by kind, those that are not among ``findings`` too.
    """

    revision: int
    entries: int
    judged: int
    judgeable: int
    ran_out: bool
    findings: Sequence[Finding]
    found: Mapping[FindingKind, int]

    def to_json(self) -> dict[str, Any]:
        """This review as JSON values."""
        return {
            "revision": self.revision,
            "entries": self.entries,
            "judged": self.judged,
            "judgeable": self.judgeable,
            "ran_out": self.ran_out,
            "findings": [finding.to_json() for finding in self.findings],
            "found": {str(int(kind)): count for kind, count in self.found.items()},
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Review":
        """The review that :meth:`to_json` gave."""
        findings = [Finding.from_json(finding) for finding in fields["findings"]]
        found = {FindingKind(int(kind)): count for kind, count in fields["found"].items()}
        return cls(**{**fields, "findings": findings, "found": found})
