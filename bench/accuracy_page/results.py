"""What backtests wrote as JSON, one document a source, as one backtest over all tenants.

Figures are averaged by the code that averages them in a backtest. Tenants lose their names here: they are
numbered within their source, in the order of its document.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from likewise_indexer.backtest import (
    LIKEWISE,
    Backtest,
    BacktestSettings,
    LearningPoint,
    LeftOut,
    Measures,
    Performance,
    TenantResult,
    Visibility,
)
from likewise_indexer.backtest.result import AskedRows, CoverageCurve, Floats, Reliability, SliceMeasures
from likewise_indexer.backtest.run import behind_of, macro_of

Json = Mapping[str, Any]

_ALIKE: Final = ("settings", "versions", "peers_missing")
"""What all documents of one experiment have in common, beside who answered."""


class ResultsUnusable(Exception):
    """The documents are not of one experiment, or there is nothing in them."""


def backtest_of(documents: Mapping[str, Json]) -> Backtest:
    """One backtest over all sources. Its tenants have figures, and no rows.

    Args:
        documents: of ``likewise backtest --json``, by the title of their source; at least one.

    Raises:
        ResultsUnusable: they were not made alike, or nobody was measured.
    """
    first, *others = documents.values()
    for other in others:
        if differing := [key for key in _ALIKE if other[key] != first[key]]:
            raise ResultsUnusable(
                f"backtests differ in {', '.join(differing)}: run those anew that are older"
            )
        if list(other["peers"]) != list(first["peers"]):
            raise ResultsUnusable(
                "not the same peers answered in all backtests: run those anew that lack some"
            )
    tenants = [tenant for title, document in documents.items() for tenant in _tenants(title, document)]
    if not tenants:
        raise ResultsUnusable("no tenant has enough rows to be measured")
    return Backtest(
        settings=_settings(first["settings"]),
        titles={LIKEWISE: "Likewise", **{who: peer["title"] for who, peer in first["peers"].items()}},
        tenants=tuple(tenants),
        macro=macro_of(tenants),
        behind=behind_of(tenants) if first["peers"] else None,
        confusions=(),
        left_out=tuple(
            LeftOut(title, left_out["rows"], left_out["reason"], left_out["failed"])
            for title, document in documents.items()
            for left_out in document["left_out"]
        ),
        peers_missing=first["peers_missing"],
        encoder_fingerprint=_named(documents, "encoder_fingerprint"),
        vote_fingerprint=_named(documents, "vote_fingerprint"),
        versions=first["versions"],
        seconds=sum(document["seconds"] for document in documents.values()),
        by_file={
            Path(title): macro_of([tenant for tenant in tenants if tenant.files == (Path(title),)])
            for title, document in documents.items()
            if document["tenants"]
        },
    )


def _named(documents: Mapping[str, Json], key: str) -> str:
    """The fingerprints of the documents, each once, in their order."""
    return ", ".join(dict.fromkeys(document[key] for document in documents.values()))


def _settings(document: Json) -> BacktestSettings:
    return BacktestSettings(**{**document, "visibility": Visibility(document["visibility"])})


def _tenants(title: str, document: Json) -> Iterator[TenantResult]:
    """Yield the tenants of a source, by their numbers."""
    for number, ours in enumerate(document["tenants"]):
        theirs = {who: peer["tenants"][number] for who, peer in document["peers"].items()}
        yield TenantResult(
            tenant=f"tenant {number + 1} of {title}",
            files=(Path(title),),
            rows=ours["rows"],
            history=ours["history"],
            undated=ours["undated"],
            asked=_unknown_rows(ours["asked"]),
            answers={},
            performance={LIKEWISE: _performance(ours), **{w: _performance(f) for w, f in theirs.items()}},
            confusions=(),
        )


def _unknown_rows(count: int) -> AskedRows:
    """So many rows that were asked about: a document says nothing else of them."""
    numbers = np.zeros(count, dtype=np.int64)
    return AskedRows(numbers, numbers, np.full(count, np.nan), numbers, (), ("",) * count, {}, numbers)


def _performance(figures: Json) -> Performance:
    bins, curve = figures["reliability"], figures["coverage_precision"]
    return Performance(
        measures=Measures(**{field.name: _figure(figures[field.name]) for field in fields(Measures)}),
        reliability=Reliability(*(_column(bins, name) for name in ("rows", "probability", "right"))),
        curve=CoverageCurve(_column(curve, "coverage"), _column(curve, "precision")),
        slices={name: SliceMeasures(**_figures(within)) for name, within in figures["slices"].items()},
        learning=tuple(
            LearningPoint(**{**_figures(point), "size": point["size"]}) for point in figures["learning_curve"]
        ),
    )


def _figures(document: Json) -> dict[str, Any]:
    return {name: _figure(value) for name, value in document.items()}


def _figure(value: Any) -> Any:
    """A figure that does not exist is null in JSON, and NaN here."""
    return float("nan") if value is None else value


def _column(rows: Sequence[Json], name: str) -> Floats:
    return np.array([_figure(row[name]) for row in rows], dtype=np.float64)
