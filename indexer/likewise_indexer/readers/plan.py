"""Which column of a file means what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from likewise_engine import limits
from likewise_engine.transaction import CATEGORY_DIMENSION
from likewise_engine.wording.identifiers import KIND_OF_FIELD
from likewise_indexer.readers import headers
from likewise_indexer.readers.errors import ColumnsUnclear

MEANINGS: Final = (headers.TENANT, *headers.RANKS)
"""What ``--map`` can name: each meaning that a column can have."""


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ColumnWishes:
    """What the user says about the columns; all else is recognised by name.

    Attributes:
        columns: columns by meaning; several only for the description, which then are joined.
        labels: column by further dimension of labels.
        ignored: columns that are not to be recognised.
        keep_fields: whether the columns without a meaning are kept as fields of the transaction.
        currency: the currency of rows that name none.
    """

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=_nothing)
    ignored: tuple[str, ...] = ()
    keep_fields: bool = False
    currency: str = ""


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """Which column of a file means what: names of columns by meaning.

    Attributes:
        columns: column by meaning, for the meanings that the file has, the description apart.
        descriptions: columns that make up the description, in this order.
        labels: column by dimension of labels, ``category`` included.
        fields: columns kept as fields of the transaction, under their own names.
        unused: the columns that mean nothing here.
        currency: the currency of rows that name none; empty if unknown.
    """

    columns: Mapping[str, str]
    descriptions: tuple[str, ...]
    labels: Mapping[str, str]
    fields: tuple[str, ...]
    unused: tuple[str, ...]
    currency: str

    @property
    def column_of_field(self) -> Mapping[str, str]:
        """Columns by the field of the transaction that they are kept as: identifiers and what was wished."""
        identifiers = {name: self.columns[name] for name in KIND_OF_FIELD if name in self.columns}
        return {column: column for column in self.fields} | identifiers

    @property
    def used(self) -> tuple[str, ...]:
        """The columns to read, each once."""
        named = (*self.columns.values(), *self.descriptions, *self.labels.values(), *self.fields)
        return tuple(dict.fromkeys(named))

    def column_of(self, path: str) -> str:
        """The file's column behind a field of a LabelledTransaction, as its violations name it.

        Empty where no column is behind it.
        """
        name = path.removeprefix("transaction.")
        if name.startswith("labels["):
            return next((c for d, c in self.labels.items() if name == f"labels[{d!r}]"), "")
        if name.startswith("fields["):
            return next((c for f, c in self.column_of_field.items() if name == f"fields[{f[:32]!r}]"), "")
        if name == headers.DESCRIPTION or (name == headers.PAYEE and name not in self.columns):
            return " + ".join(self.descriptions)
        if name == headers.AMOUNT and name not in self.columns:
            return " / ".join(self.columns[n] for n in (headers.DEBIT, headers.CREDIT) if n in self.columns)
        return self.columns.get(name, "")


def recognise(columns: Sequence[str], wishes: ColumnWishes, *, labelled: bool, tenants: bool) -> ColumnPlan:
    """Find out which column means what.

    Args:
        columns: the file's columns.
        wishes: what the user says about them.
        labelled: whether there must be a column of labels. Otherwise two that could be are no question: the
            first is taken.
        tenants: whether there must be a column that names the tenant.

    Raises:
        ColumnsUnclear: a column that was named is not there, two could be meant, or one that is needed is
            missing; the message says what to give.
    """
    taken = _mapped(columns, wishes)
    free = [c for c in columns if c not in taken and c not in wishes.ignored]

    found = {meaning: names for meaning, names in wishes.columns.items() if names}
    for meaning, ranks in headers.RANKS.items():
        asks = labelled or meaning != headers.CATEGORY
        if meaning not in found and (column := _of_ranks(meaning, ranks, free, asks=asks)):
            found[meaning] = (column,)
    labels = {**_dimensions(free, wishes, asks=labelled), **wishes.labels}
    _settle_amounts(found, wishes)
    if category := found.pop(headers.CATEGORY, None):
        labels = {CATEGORY_DIMENSION: category[0], **labels}
    descriptions = found.pop(headers.DESCRIPTION, ())
    plan_columns = {meaning: names[0] for meaning, names in found.items()}
    meant = {*plan_columns.values(), *descriptions, *labels.values()}
    rest = tuple(c for c in columns if c not in meant)
    fields = tuple(c for c in rest if c not in wishes.ignored) if wishes.keep_fields else ()
    plan = ColumnPlan(
        columns=plan_columns,
        descriptions=descriptions,
        labels=labels,
        fields=fields,
        unused=tuple(c for c in rest if c not in fields),
        currency=wishes.currency or _currency_in_headers(plan_columns),
    )
    _check_complete(plan, columns, labelled=labelled, tenants=tenants)
    return plan


def _mapped(columns: Sequence[str], wishes: ColumnWishes) -> set[str]:
    """The columns that the user named, checked."""
    for meaning, names in wishes.columns.items():
        if meaning not in MEANINGS:
            raise ColumnsUnclear(
                f"--map {meaning}=…: there is no {meaning!r}; choose from {', '.join(MEANINGS)}"
            )
        if len(names) > 1 and meaning != headers.DESCRIPTION:
            raise ColumnsUnclear(f"--map {meaning}=…: is given {len(names)} times; only description can be")
    named = [*(n for names in wishes.columns.values() for n in names), *wishes.labels.values()]
    for name in (*named, *wishes.ignored):
        if name not in columns:
            raise ColumnsUnclear(f"there is no column {name!r}; the columns are {_listed(columns)}")
    return set(named)


def _of_ranks(meaning: str, ranks: Sequence[frozenset[str]], columns: Sequence[str], *, asks: bool) -> str:
    for rank in ranks:
        candidates = [column for column in columns if headers.key(column) in rank]
        if len(candidates) > 1 and asks:
            raise _ambiguous(meaning, candidates, f"--map {meaning}")
        if candidates:
            return candidates[0]
    return ""


def _dimensions(columns: Sequence[str], wishes: ColumnWishes, *, asks: bool) -> Mapping[str, str]:
    """Column by further dimension of labels, for those that the user did not name."""
    found: dict[str, str] = {}
    for dimension, keys in headers.DIMENSIONS.items():
        candidates = [c for c in columns if headers.key(c) in keys]
        if dimension in wishes.labels or not candidates:
            continue
        if len(candidates) > 1 and asks:
            raise _ambiguous(dimension, candidates, f"--label {dimension}")
        found[dimension] = candidates[0]
    return found


def _settle_amounts(found: dict[str, tuple[str, ...]], wishes: ColumnWishes) -> None:
    """Debit and credit columns tell the sign, so they go before an amount, unless that was asked for."""
    if headers.AMOUNT not in found:
        return
    pair = [meaning for meaning in (headers.DEBIT, headers.CREDIT) if meaning in found]
    if len(pair) == 2 and headers.AMOUNT not in wishes.columns:
        del found[headers.AMOUNT]
    else:
        for meaning in pair:
            if meaning in wishes.columns:
                raise ColumnsUnclear(
                    f"--map {meaning} and an amount: map either the amount or debit and credit"
                )
            del found[meaning]


def _currency_in_headers(columns: Mapping[str, str]) -> str:
    named = (columns.get(m, "") for m in (headers.AMOUNT, headers.DEBIT, headers.CREDIT))
    return next(filter(None, map(headers.currency_in, named)), "")


def _check_complete(plan: ColumnPlan, columns: Sequence[str], *, labelled: bool, tenants: bool) -> None:
    missing = []
    if not (plan.descriptions or headers.PAYEE in plan.columns):
        missing.append("a payee or a description (--map payee=COLUMN)")
    if labelled and not plan.labels:
        missing.append("a category (--map category=COLUMN, or --label DIMENSION=COLUMN)")
    if tenants and headers.TENANT not in plan.columns:
        missing.append("a tenant (--tenant-column COLUMN)")
    if missing:
        recognised = [*plan.columns.items(), *plan.labels.items()]
        recognised += [(headers.DESCRIPTION, column) for column in plan.descriptions]
        understood = ", ".join(f"{meaning}={column}" for meaning, column in recognised) or "nothing"
        raise ColumnsUnclear(
            f"no column was recognised as {' nor as '.join(missing)}."
            f" The columns are {_listed(columns)}; recognised: {understood}"
        )
    kept = len(plan.column_of_field)
    if kept > limits.FIELDS_MAX:
        raise ColumnsUnclear(
            f"{kept} columns would be kept as fields, at most {limits.FIELDS_MAX} can be:"
            " leave some out with --ignore COLUMN"
        )
    if len(plan.labels) > limits.DIMENSIONS_MAX:
        raise ColumnsUnclear(f"{len(plan.labels)} columns of labels: at most {limits.DIMENSIONS_MAX} can be")


def _ambiguous(meaning: str, candidates: Sequence[str], option: str) -> ColumnsUnclear:
    choices = " or ".join(f"{option}={_quoted(column)}" for column in candidates)
    return ColumnsUnclear(f"{_listed(candidates)} could each be the {meaning}: give {choices}")


def _quoted(name: str) -> str:
    return name if name.isalnum() else f'"{name}"'


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(map(repr, columns[:40]))
    return f"{shown} and {len(columns) - 40} more" if len(columns) > 40 else shown
