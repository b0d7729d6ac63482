"""A tenant's chart of categories, and its policy: what may be answered, and how sure one must be.

Categories of all dimensions share one list and are numbered in it from 0. A number never changes its
meaning and is never given anew, so columns of labels hold the numbers. A category is deactivated rather than
removed; of one that was purged only its number is left, which means nothing from then on.

An id means a category as long as it is that category's own. Besides, it means the category into which its own
was merged, and the one that had it before a rename; what applications send late lands there. Whatever
category gets the id for itself takes it from the one that had it before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from likewise_engine import limits
from likewise_engine.errors import FieldViolation, LimitReached, UnknownDimension
from likewise_engine.transaction import CATEGORY_DIMENSION, violations_of_string

TARGET_PRECISION_DEFAULT: Final = 0.95
TARGET_PRECISION_MIN: Final = 0.5
TARGET_PRECISION_MAX: Final = 0.999
"""Beyond one error in a thousand no tenant's history is long enough to tell."""


@dataclass(frozen=True, slots=True)
class Category:
    """An entry of a tenant's chart.

    Attributes:
        id: unique within the dimension; what labels refer to.
        dimension: the dimension it belongs to.
        name: for people; the id where none was given.
        description: what belongs there.
        active: an inactive category is never proposed.
        merged_into: number of the category that took over its labels; only of an inactive category, and never
            that of one that was merged itself. None where it was not merged.
        former_ids: ids that it had before it was renamed and that no other category has, the latest last.
    """

    id: str
    dimension: str = CATEGORY_DIMENSION
    name: str = ""
    description: str = ""
    active: bool = True
    merged_into: int | None = None
    former_ids: tuple[str, ...] = ()

    def violations(self) -> Iterator[FieldViolation]:
        """Yield what is wrong, field by field."""
        for field_name, value, chars_max in (
            ("dimension", self.dimension, limits.DIMENSION_CHARS_MAX),
            ("id", self.id, limits.CATEGORY_ID_CHARS_MAX),
        ):
            if not value.strip():
                yield FieldViolation(field_name, "is required")
            yield from violations_of_string(field_name, value, chars_max)
        yield from violations_of_string("name", self.name, limits.CATEGORY_NAME_CHARS_MAX)
        yield from violations_of_string(
            "description", self.description, limits.CATEGORY_DESCRIPTION_CHARS_MAX
        )

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name or self.id

    @property
    def is_purged(self) -> bool:
        """Whether this is what is left of one that was purged."""
        return not self.dimension

    @classmethod
    def purged(cls, number: int) -> "Category":
        """What is left of the category of a number: no caller can name it, for it has no dimension."""
        return cls(str(number), dimension="", active=False)


@dataclass(frozen=True, slots=True)
class Policy:
    """How a tenant is to be answered.

    Attributes:
        target_precision: the share of FILEd transactions that are to be right, 0.5 to 0.999.
        closed_chart: labels that are not in the chart are refused; otherwise learning adds them to it.
    """

    target_precision: float = TARGET_PRECISION_DEFAULT
    closed_chart: bool = False

    def violations(self) -> Iterator[FieldViolation]:
        """Yield what is wrong, field by field."""
        yield from violations_of_target_precision(self.target_precision)


def violations_of_target_precision(target_precision: float) -> Iterator[FieldViolation]:
    """Yield what is wrong with a target precision; NaN is out of bounds too."""
    if not TARGET_PRECISION_MIN <= target_precision <= TARGET_PRECISION_MAX:
        bounds = f"{TARGET_PRECISION_MIN} to {TARGET_PRECISION_MAX}"
        yield FieldViolation("target_precision", f"is {target_precision}: it must be within {bounds}")


@dataclass(frozen=True, slots=True)
class Chart:
    """All categories of a tenant, of every dimension, by number and by name. Immutable.

    Attributes:
        categories: by number.
        numbers: number by (dimension, category id).
        former: number by (dimension, former id); none of them is in ``numbers``.
        dimensions: ``category`` first, then in the order of their first category.
        has_ids_from_before: whether there is an id that means another category than the one that has it.
    """

    categories: tuple[Category, ...] = ()
    numbers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    former: Mapping[tuple[str, str], int] = field(default_factory=dict)
    dimensions: tuple[str, ...] = ()
    has_ids_from_before: bool = False

    @classmethod
    def of(cls, categories: Sequence[Category]) -> "Chart":
        """The chart of these categories, numbered in their order."""
        numbers = {(c.dimension, c.id): number for number, c in enumerate(categories) if not c.is_purged}
        former = {(c.dimension, id_): number for number, c in enumerate(categories) for id_ in c.former_ids}
        seen = dict.fromkeys(c.dimension for c in categories if not c.is_purged)
        dimensions = tuple(sorted(seen, key=lambda dimension: dimension != CATEGORY_DIMENSION))
        has_ids_from_before = bool(former) or any(c.merged_into is not None for c in categories)
        return cls(tuple(categories), numbers, former, dimensions, has_ids_from_before)

    def meant(self, dimension: str, category_id: str) -> int | None:
        """Number of the category that an id means today; None for one that means none.

        That is never a category that was merged into another.
        """
        number = self.numbers.get((dimension, category_id))
        if number is None:
            number = self.former.get((dimension, category_id))
            if number is None:
                return None
        into = self.categories[number].merged_into
        return number if into is None else into

    def require_dimension(self, dimension: str, field_name: str) -> None:
        """Raise UnknownDimension where no category has this dimension."""
        if dimension not in self.dimensions:
            known = ", ".join(repr(d) for d in self.dimensions) or "none yet"
            raise UnknownDimension.of(
                field_name, f"{dimension!r} is not a dimension of this tenant (it has: {known})"
            )

    def with_categories(self, categories: Sequence[Category]) -> "Chart":
        """This chart with categories added, or replaced where dimension and id are known.

        What became of a category is the chart's to know: former ids stay, and so does ``merged_into`` unless
        the category is active again.

        Raises:
            LimitReached: more categories or dimensions than allowed.
        """
        if not categories:
            return self
        numbers, known = dict(self.numbers), len(self.categories)
        changes: dict[int, Category] = {}
        for category in categories:
            number = numbers.setdefault((category.dimension, category.id), known)
            known += number == known
            old = self.categories[number] if number < len(self.categories) else Category(category.id)
            merged_into = None if category.active else old.merged_into
            changes[number] = replace(category, merged_into=merged_into, former_ids=old.former_ids)
        return self.revised(changes)

    def revised(self, changes: Mapping[int, Category]) -> "Chart":
        """This chart with categories replaced, or added at the end, by number.

        Raises:
            LimitReached: more categories or dimensions than allowed.
        """
        categories = [*self.categories, *(changes[n] for n in sorted(changes) if n >= len(self.categories))]
        for number, category in changes.items():
            categories[number] = category
        for category in changes.values():
            owner = self.former.get((category.dimension, category.id))
            if owner is not None:
                kept = tuple(id_ for id_ in categories[owner].former_ids if id_ != category.id)
                categories[owner] = replace(categories[owner], former_ids=kept)
        chart = Chart.of(categories)
        check_chart_size(len(chart.categories), len(chart.dimensions))
        return chart

    def changes_since(self, earlier: "Chart") -> list[tuple[int, Category]]:
        """(number, category) of those that an earlier chart has not, or has otherwise."""
        known = len(earlier.categories)
        return [
            (number, category)
            for number, category in enumerate(self.categories)
            if number >= known or category != earlier.categories[number]
        ]


def check_chart_size(categories: int, dimensions: int) -> None:
    """Raise LimitReached for a chart of more categories or dimensions than allowed."""
    if categories > limits.CATEGORIES_MAX:
        raise LimitReached(
            f"the chart would have {categories} categories; at most {limits.CATEGORIES_MAX} are allowed",
            limit="CATEGORIES_MAX",
            value=limits.CATEGORIES_MAX,
        )
    if dimensions > limits.DIMENSIONS_MAX:
        raise LimitReached(
            f"the tenant would have {dimensions} dimensions; at most {limits.DIMENSIONS_MAX} are allowed",
            limit="DIMENSIONS_MAX",
            value=limits.DIMENSIONS_MAX,
        )
