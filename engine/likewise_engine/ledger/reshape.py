"""Changes of the chart, worked out before anything is written: rename, merge, split, deactivate, activate.

Each is a value that says what is wanted; ``plan`` works out, from the chart as it is, the chart as it will be
and which labels change sides. Columns hold categories by number and a number never changes its meaning, so a
rename touches no label, and a merge or a split is one pass over one column.

All may be repeated: what is so already is no change. No merge can lead in a circle, for only a category that
was not merged itself takes over another, and what was merged into that one goes along.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from likewise_engine import limits
from likewise_engine.audit import Action
from likewise_engine.chart import Category, Chart
from likewise_engine.errors import (
    CategoryExists,
    CategoryInactive,
    CategoryMerged,
    CategoryNotFound,
    FieldViolation,
    NothingSelected,
)
from likewise_engine.selection import Selection
from likewise_engine.store.base import Relabelling
from likewise_engine.transaction import Authority, violations_of_label

Select: TypeAlias = Callable[[int, Selection], Sequence[int]]
"""``seq`` of a category's entries that a selection means: :meth:`TenantStore.select`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The chart as it will be, and the labels that change sides; None for none."""

    chart: Chart
    relabelling: Relabelling | None = None


class Reshaping(Protocol):
    """One change of a chart. Implementations are frozen values of one dimension."""

    @property
    def action(self) -> Action:
        """What it is in the audit trail."""

    def violations(self) -> Iterator[FieldViolation]:
        """Yield what is wrong whatever the chart, field by field."""

    def plan(self, chart: Chart, select: Select, /) -> Plan:
        """What is to change.

        Raises:
            UnknownDimension, CategoryNotFound: there is no such thing.
            CategoryExists, CategoryMerged, CategoryInactive, NothingSelected: as each change says.
            LimitReached: the chart would outgrow its limits.
        """


@dataclass(frozen=True, slots=True)
class Rename:
    """A category gets another id, name or description; its labels are its labels still.

    Its id from before goes on to mean it, until another category gets it: by being created, or by a rename.

    Attributes:
        dimension: of the category.
        category: its id.
        new_id: "" to keep the id. CategoryExists where another category has it: the two are to be merged.
        new_name: "" to go by its id; None to keep the name.
        new_description: None to keep it.
    """

    dimension: str
    category: str
    new_id: str = ""
    new_name: str | None = None
    new_description: str | None = None

    @property
    def action(self) -> Action:
        return Action.RENAME

    def violations(self) -> Iterator[FieldViolation]:
        yield from violations_of_label("category", self.dimension, self.category)
        if not self.new_id and self.new_name is None and self.new_description is None:
            yield FieldViolation("new_id", "is empty and so is all else: say what is to change")
        renamed = Category(self.new_id or "-", "-", self.new_name or "", self.new_description or "")
        for violation in renamed.violations():
            yield FieldViolation(f"new_{violation.field}", violation.message)

    def plan(self, chart: Chart, _select: Select, /) -> Plan:
        new_id = self.new_id or self.category
        number = chart.former.get((self.dimension, self.category))
        if number is None or chart.categories[number].id != new_id:  # otherwise it was renamed so before
            number = number_of(chart, self.dimension, self.category)
        old = chart.categories[number]
        former_ids = old.former_ids
        if new_id != old.id:
            if (self.dimension, new_id) in chart.numbers:
                raise CategoryExists(self.dimension, new_id)
            former_ids = (*(i for i in old.former_ids if i != new_id), old.id)
        renamed = replace(
            old,
            id=new_id,
            name=old.name if self.new_name is None else self.new_name,
            description=old.description if self.new_description is None else self.new_description,
            former_ids=former_ids[-limits.CATEGORY_FORMER_IDS_MAX :],
        )
        return Plan(chart.revised({number: renamed}))


@dataclass(frozen=True, slots=True)
class Merge:
    """Categories are merged into another one: what was labelled with them is labelled with it.

    They are inactive then, and their ids mean the other one. Who gave a label gave it still. A split brings
    one of them back.

    Attributes:
        dimension: of all of them.
        categories: ids of those that are merged. CategoryMerged for one that was merged into yet another.
        into: id of the one that takes over. CategoryMerged, CategoryInactive where it cannot.
    """

    dimension: str
    categories: tuple[str, ...]
    into: str

    @property
    def action(self) -> Action:
        return Action.MERGE

    def violations(self) -> Iterator[FieldViolation]:
        if not 1 <= len(self.categories) <= limits.CATEGORIES_MAX:
            message = f"has {len(self.categories)} ids; 1 to {limits.CATEGORIES_MAX} are allowed"
            yield FieldViolation("categories", message)
            return
        for position, category in enumerate(self.categories):
            yield from violations_of_label(f"categories[{position}]", self.dimension, category)
            if category == self.into:
                yield FieldViolation(f"categories[{position}]", "is what it is to be merged into")
        yield from violations_of_label("into", self.dimension, self.into)

    def plan(self, chart: Chart, _select: Select, /) -> Plan:
        into = number_of(chart, self.dimension, self.into)
        _check_unmerged(chart, chart.categories[into])
        if not chart.categories[into].active:
            raise CategoryInactive(self.dimension, self.into)
        sources = []
        for category_id in dict.fromkeys(self.categories):
            number = number_of(chart, self.dimension, category_id)
            if chart.categories[number].merged_into != into:
                _check_unmerged(chart, chart.categories[number])
                sources.append(number)
        if not sources:
            return Plan(chart)
        changes = {n: replace(chart.categories[n], active=False, merged_into=into) for n in sources}
        for number, category in enumerate(chart.categories):
            if category.merged_into in changes:
                changes[number] = replace(category, merged_into=into)
        return Plan(chart.revised(changes), Relabelling(sources, into))


@dataclass(frozen=True, slots=True)
class Split:
    """Some of a category's entries get another category: a person's label each.

    Attributes:
        dimension: of both.
        category: id of the one that is split. CategoryMerged where all it had is another's.
        into: id of the other one. It is made where there is none, and active again where it was not.
        selection: which entries. NothingSelected where the category has none such.
        into_name: name of the other one; "" to keep what it has.
        into_description: likewise.
    """

    dimension: str
    category: str
    into: str
    selection: Selection
    into_name: str = ""
    into_description: str = ""

    @property
    def action(self) -> Action:
        return Action.SPLIT

    def violations(self) -> Iterator[FieldViolation]:
        yield from violations_of_label("category", self.dimension, self.category)
        if self.category == self.into:
            yield FieldViolation("into", "is the category that is to be split")
        other = Category(self.into or " ", "-", self.into_name, self.into_description)
        for violation in other.violations():
            yield FieldViolation(f"into_{violation.field}".removesuffix("_id"), violation.message)
        yield from (violation.beneath("selection") for violation in self.selection.violations())

    def plan(self, chart: Chart, select: Select, /) -> Plan:
        number = number_of(chart, self.dimension, self.category)
        _check_unmerged(chart, chart.categories[number])
        seqs = select(number, self.selection)
        if not seqs:
            raise NothingSelected(self.dimension, self.category)
        into = chart.numbers.get((self.dimension, self.into), len(chart.categories))
        is_new = into == len(chart.categories)
        other = Category(self.into, self.dimension) if is_new else chart.categories[into]
        other = replace(
            other,
            name=self.into_name or other.name,
            description=self.into_description or other.description,
            active=True,
            merged_into=None,
        )
        return Plan(chart.revised({into: other}), Relabelling([number], into, seqs, Authority.PERSON))


@dataclass(frozen=True, slots=True)
class Activation:
    """A category is deactivated, and so never proposed; or activated.

    An inactive category keeps its labels, and may be given new ones: old books have closed accounts. They
    speak for nothing. A merged category that is activated has its id to itself again, and none of its labels.

    Attributes:
        dimension: of the category.
        category: its id.
        active: what it is to be.
    """

    dimension: str
    category: str
    active: bool

    @property
    def action(self) -> Action:
        return Action.ACTIVATE if self.active else Action.DEACTIVATE

    def violations(self) -> Iterator[FieldViolation]:
        yield from violations_of_label("category", self.dimension, self.category)

    def plan(self, chart: Chart, _select: Select, /) -> Plan:
        number = number_of(chart, self.dimension, self.category)
        old = chart.categories[number]
        merged_into = None if self.active else old.merged_into
        return Plan(chart.revised({number: replace(old, active=self.active, merged_into=merged_into)}))


def number_of(chart: Chart, dimension: str, category_id: str) -> int:
    """Number of the category that has this id for its own. A change of the chart takes no id from before.

    Raises:
        UnknownDimension, CategoryNotFound.
    """
    chart.require_dimension(dimension, "dimension")
    number = chart.numbers.get((dimension, category_id))
    if number is None:
        former = chart.former.get((dimension, category_id))
        renamed_to = None if former is None else chart.categories[former].id
        raise CategoryNotFound(dimension, category_id, renamed_to)
    return number


def _check_unmerged(chart: Chart, category: Category) -> None:
    if category.merged_into is not None:
        raise CategoryMerged(category.dimension, category.id, chart.categories[category.merged_into].id)
