"""Charts and policies: numbers keep their meaning, and both have bounds."""

import math

import pytest

from likewise_engine import limits
from likewise_engine.answers import ClassifyOptions
from likewise_engine.chart import Category, Chart, Policy
from likewise_engine.errors import InvalidInput, LimitReached, UnknownDimension


def test_numbers_keep_their_meaning_when_a_chart_grows_and_changes() -> None:
    chart = Chart.of([Category("food"), Category("t1", "tax")])
    grown = chart.with_categories(
        [Category("rent"), Category("food", name="Food & drink"), Category("food", "tax")]
    )
    assert [(c.dimension, c.id, c.title) for c in grown.categories] == [
        ("category", "food", "Food & drink"),
        ("tax", "t1", "t1"),
        ("category", "rent", "rent"),
        ("tax", "food", "food"),
    ]
    assert grown.numbers == {(c.dimension, c.id): number for number, c in enumerate(grown.categories)}
    assert [c.title for c in chart.categories] == ["food", "t1"]


def test_the_dimension_category_comes_first_and_the_others_as_they_came() -> None:
    chart = Chart.of([Category("x", "tax"), Category("y", "project"), Category("z")])
    assert chart.dimensions == ("category", "tax", "project")
    chart.require_dimension("tax", "dimensions[0]")
    with pytest.raises(UnknownDimension, match=r"'nope' is not a dimension .*'category', 'tax', 'project'"):
        chart.require_dimension("nope", "dimensions[0]")


def test_a_chart_has_bounds() -> None:
    full = Chart().with_categories([Category(f"c{number}") for number in range(limits.CATEGORIES_MAX)])
    with pytest.raises(LimitReached) as reached:
        full.with_categories([Category("one more")])
    assert reached.value.metadata == {"limit": "CATEGORIES_MAX", "value": str(limits.CATEGORIES_MAX)}
    full.with_categories([Category("c0", name="A change is no growth")])
    wide = Chart().with_categories([Category("x", f"d{number}") for number in range(limits.DIMENSIONS_MAX)])
    with pytest.raises(LimitReached, match="17 dimensions"):
        wide.with_categories([Category("x", "one more")])


@pytest.mark.parametrize(
    ("category", "fields"),
    [
        (Category("food", name="n" * 256, description="d" * 2_048), []),
        (Category(""), ["id"]),
        (Category("x", " "), ["dimension"]),
        (Category("x", "d" * 65), ["dimension"]),
        (Category("c" * 129), ["id"]),
        (Category("x", name="n" * 257, description="d" * 2_049), ["name", "description"]),
        (Category("\x00", "\ud800"), ["dimension", "id"]),
    ],
)
def test_a_category_names_what_is_wrong_with_it(category: Category, fields: list[str]) -> None:
    assert [violation.field for violation in category.violations()] == fields


@pytest.mark.parametrize("precision", [0.49, 0.9991, 0.0, -1.0, math.nan, math.inf])
def test_a_target_precision_has_bounds(precision: float) -> None:
    assert [v.field for v in Policy(precision).violations()] == ["target_precision"]
    with pytest.raises(InvalidInput, match="target_precision"):
        ClassifyOptions(target_precision=precision).check()


def test_options_have_bounds_and_all_that_is_wrong_is_said_at_once() -> None:
    ClassifyOptions(
        target_precision=0.5, candidates_max=50, neighbours_max=64, dimensions=("x",) * 16
    ).check()
    with pytest.raises(InvalidInput) as refused:
        ClassifyOptions(
            target_precision=2.0,
            min_revision=-1,
            candidates_max=51,
            neighbours_max=-1,
            dimensions=("d" * 1_000_000,) * 17,
        ).check()
    fields = [violation.field for violation in refused.value.violations]
    assert fields[:3] == ["target_precision", "min_revision", "dimensions"]
    assert fields[3:] == [*(f"dimensions[{p}]" for p in range(16)), "max_candidates", "max_neighbours"]
    assert len(str(refused.value)) < 1_000
