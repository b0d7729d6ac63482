"""Write docs/witnesses.md: who is heard before an answer is given, what each adds, and what it costs in time.

    python bench/witnesses.py RESULTS [--docs docs]

RESULTS holds what these have measured, in this order:

    ablation.json    likewise model ablate-vote BOOKS/*.parquet --tenant-column tenant --encoders-dir ENCODERS
                     --json …
    micro.json       python bench/micro.py -o …
    before/, after/  likewise backtest BOOKS/BOOK.parquet --tenant-column tenant --vote VOTES/BOOK --json …
                     one file for each BOOK, by the version before and by this one; both may be missing

The same results give the same bytes.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyperf

from accuracy_page.figures import STANDING
from accuracy_page.markdown import NOTHING, command, difference, share, table, wrapped
from accuracy_page.results import ResultsUnusable, backtest_of
from accuracy_page.sections import change, known
from likewise_engine.evidence import WITNESSES
from likewise_indexer.backtest import LIKEWISE, Backtest

PAGE: Final = "witnesses.md"
_ABLATED: Final = {
    "top1": "top-1",
    "coverage_at_95": "coverage at 95 %",
    "coverage_at_98": "coverage at 98 %",
    "top1_payee_unseen": "payee unseen",
    "top1_after_10": "after 10",
}
_STEP_OF: Final = {
    **dict.fromkeys(("similarity", "payee", "amount"), "witness-similarity-payee-amount"),
    **{name: f"witness-{name}" for name in WITNESSES if name not in ("similarity", "payee", "amount")},
}
"""The step of bench/micro.py that times a witness; the first three are read in one pass."""
_ROAD: Final = (
    "text",
    "vector-new",
    "vector-known",
    "search",
    "surroundings",
    "evidence",
    "vote",
    "classify",
)
_WHO: Final = (
    ("similarity, payee, amount", "the nearest wordings, the same payee, the same amount", "design"),
    ("regression", "the same entries, weighed by a regression made for this one question", "design"),
    ("head", "a classifier trained on this tenant's books alone", "design"),
    ("habits, succession", "what is due; what has taken the place of what", "design"),
    ("names", "what categories are called: it speaks before anything was taught", "first-days"),
    ("counterparty", "IBAN, VAT number, creditor identifier: the same or not", "wording"),
    ("rules", "what the tenant has laid down", "rules"),
    ("language model", "a local one, off unless switched on", "language-model"),
)
_OPENING: Final = """\
# The witnesses

Made by `python bench/witnesses.py RESULTS`, which says what to measure before; not to be edited.

An answer rests on many witnesses. Nearly all of them are heard by one vote: each says in a few numbers
how much speaks for each candidate category, and the vote, an ensemble of trees that knows no category and
no tenant, weighs them. Two stand outside of it, and the answer says so: a tenant's own rules come first,
and a language model is only heard where the answer would be ASK."""
_ENDING: Final = """What is compared at all is decided before: by the parser of [wordings](wording.md) and the
[encoder](encoder.md)."""


def text_of(ablation: Mapping[str, Any], micro: pyperf.BenchmarkSuite, changed: str) -> str:
    """The page."""
    microseconds = {each.get_name(): each.mean() * 1e6 for each in micro.get_benchmarks()}
    parts = (
        _OPENING,
        table(
            ["witness", "what it goes by", "more"], [[*who, f"[{page}]({page}.md)"] for *who, page in _WHO]
        ),
        _ENDING,
        "## What each adds, and what it takes",
        command(
            "likewise model ablate-vote BOOKS/*.parquet --tenant-column tenant --encoders-dir ENCODERS"
            " --json RESULTS/ablation.json",
            "python bench/micro.py -o RESULTS/micro.json",
        ),
        _ablation(ablation, microseconds),
        _note(ablation),
        "## Where the time of an answer goes",
        command("python bench/micro.py -o RESULTS/micro.json"),
        _road(microseconds),
        *([changed] if changed else []),
    )
    return wrapped("\n\n".join(parts)) + "\n"


def changed_by(before: Backtest, after: Backtest) -> str:
    """What wording and encoder have changed, on whole backtests."""
    rows = []
    for name, backtest in (("before", before), ("now", after)):
        figures = (figure.of(backtest.macro[LIKEWISE]) for figure in STANDING)
        rows.append([name, backtest.encoder_fingerprint, *map(share, figures)])
    changes = (f.of(after.macro[LIKEWISE]) - f.of(before.macro[LIKEWISE]) for f in STANDING)
    rows.append(["difference", "", *map(difference, changes)])
    return "\n\n".join(
        (
            "## What another wording and another encoder have changed",
            command(
                "likewise backtest BOOKS/BOOK.parquet --tenant-column tenant --vote VOTES/BOOK"
                " --json RESULTS/after/BOOK.json    # for each BOOK, by either version with its own votes"
            ),
            table(["", "encoder", *(figure.title for figure in STANDING)], rows),
            f"Averages over {len(after.tenants)} tenants, each kind of books by a vote that has not seen it.",
        )
    )


def _ablation(found: Mapping[str, Any], microseconds: Mapping[str, float]) -> str:
    everything = found["tried"][0]
    without = {row["what"].removeprefix("without "): row for row in found["tried"]}
    rows = []
    for name, features in WITNESSES.items():
        brings = [change(everything, without[name], figure) for figure in _ABLATED]
        rows.append([name, str(len(features)), *brings, _time(microseconds, _STEP_OF[name])])
    rows.append(
        ["*chance gives*", "", *(f"±{share(found['noise'][figure])}" for figure in _ABLATED), NOTHING]
    )
    together = (known(everything, figure) for figure in _ABLATED)
    rows.append(["*all together*", str(everything["features"]), *together, _time(microseconds, "evidence")])
    return table(["witness", "features", *_ABLATED.values(), "microseconds"], rows)


def _note(found: Mapping[str, Any]) -> str:
    return (
        "What a witness adds is what is lost where the vote is grown without it, the others taking over what"
        f" they can: on {found['questions_asked']:,} questions of {found['tenants']} tenants, by votes and"
        " encoders that had not seen a book of the kind asked about (ENCODERS is what `likewise model tune"
        " --leave-out-dir` writes). So a witness that adds nothing here may be one that others can stand in"
        " for; what lies within *chance* says nothing. Similarity, payee and amount are read in one pass,"
        " whose time stands at each of them. These books name no counterparty by a number and came with no"
        " rules: what identifiers and rules add is measured on their own pages."
    )


def _road(microseconds: Mapping[str, float]) -> str:
    rows = [[step, _time(microseconds, step)] for step in _ROAD]
    return table(["step", "microseconds"], rows)


def _time(microseconds: Mapping[str, float], step: str) -> str:
    return f"{microseconds[step]:.0f}" if step in microseconds else NOTHING


def _backtest(folder: Path) -> Backtest | None:
    paths = sorted(folder.glob("*.json"))
    if not paths:
        return None
    return backtest_of({path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths})


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("results", type=Path, help="what was measured")
    parser.add_argument("--docs", type=Path, default=Path(__file__).parents[1] / "docs")
    given = parser.parse_args(arguments)
    try:
        ablation = json.loads((given.results / "ablation.json").read_text(encoding="utf-8"))
        micro = pyperf.BenchmarkSuite.load(str(given.results / "micro.json"))
        before, after = (_backtest(given.results / name) for name in ("before", "after"))
        changed = "" if before is None or after is None else changed_by(before, after)
        page = given.docs / PAGE
        page.write_text(text_of(ablation, micro, changed), encoding="utf-8")
    except (OSError, ValueError, KeyError, ResultsUnusable) as error:
        sys.exit(f"witnesses: {error}")
    print(f"{page} is written")


if __name__ == "__main__":
    main()
