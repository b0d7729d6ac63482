"""A tenant's chart of categories, and its policy: what may be answered, and how sure one must be.

Categories of all dimensions share one list and are numbered in it from 0. A number never changes its
meaning and a category is never removed, only deactivated, so columns of labels hold the numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
    """

    id: str
    dimension: str = CATEGORY_DIMENSION
    name: str = ""
    description: str = ""
    active: bool = True

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
        dimensions: ``category`` first, then in the order of their first category.
    """

    categories: tuple[Category, ...] = ()
    numbers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    dimensions: tuple[str, ...] = ()

    @classmethod
    def of(cls, categories: Sequence[Category]) -> "Chart":
        """The chart of these categories, numbered in their order."""
        numbers = {(c.dimension, c.id): number for number, c in enumerate(categories)}
        seen = dict.fromkeys(c.dimension for c in categories)
        dimensions = tuple(sorted(seen, key=lambda dimension: dimension != CATEGORY_DIMENSION))
        return cls(tuple(categories), numbers, dimensions)

    def require_dimension(self, dimension: str, field_name: str) -> None:
        """Raise UnknownDimension where no category has this dimension."""
        if dimension not in self.dimensions:
            known = ", ".join(repr(d) for d in self.dimensions) or "none yet"
            raise UnknownDimension.of(
                field_name, f"{dimension!r} is not a dimension of this tenant (it has: {known})"
            )

    def with_categories(self, categories: Sequence[Category]) -> "Chart":
        """This chart with categories added, or replaced where dimension and id are known.

        Raises:
            LimitReached: more categories or dimensions than allowed.
        """
        if not categories:
            return self
        merged = list(self.categories)
        numbers = dict(self.numbers)
        for category in categories:
            key = (category.dimension, category.id)
            if key in numbers:
                merged[numbers[key]] = category
            else:
                numbers[key] = len(merged)
                merged.append(category)
        chart = Chart.of(merged)
        check_chart_size(len(merged), len(chart.dimensions))
        return chart


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
