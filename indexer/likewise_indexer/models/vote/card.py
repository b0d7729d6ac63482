"""The card of a vote: what people should know of it, from the figures measured while it was trained."""

from collections.abc import Mapping
from math import isnan
from textwrap import fill
from typing import Any, Final

import numpy as np

from likewise_engine.evidence import FEATURES
from likewise_indexer.models.vote.pairs import Questions
from likewise_indexer.models.vote.train import Trained
from likewise_indexer.models.vote.trial import Figures

_WIDTH: Final = 108
_HEADER: Final = """| | who | tenants | top-1 | coverage@95 | coverage@98 | ECE | log loss |
|---|---|---|---|---|---|---|---|"""


def trained_summary(questions: Questions, trained: Trained, seed: int) -> dict[str, Any]:
    """How a vote was trained, as JSON values for its manifest."""
    return {
        "sources": len(questions.sources),
        "tenants": len(questions.tenants),
        "questions": len(questions.pairs),
        "pairs": len(questions.is_right),
        "trees": trained.growth.trees,
        "leaves": trained.growth.leaves,
        "learning_rate": trained.growth.learning_rate,
        "leaf_share_min": trained.growth.leaf_share_min,
        "feature_share": trained.growth.feature_share,
        "seed": seed,
    }


def card_of(name: str, questions: Questions, trained: Trained, *, seed: int, about: str = "") -> str:
    """The card in Markdown. It names no source, no tenant and nothing of a row.

    Args:
        name: of the vote.
        questions: what it was trained on.
        trained: the vote, and how it did.
        seed: of the training.
        about: Markdown on whose books these are, and by which right they are used.
    """
    return _CARD.format(
        name=name,
        features=len(FEATURES),
        trees=trained.growth.trees,
        leaves=trained.growth.leaves,
        about=f"{about.strip()}\n\n" if about.strip() else "",
        books=_books(questions),
        slices=_table(trained.figures),
        sources=_table({f"source {n}": both for n, both in enumerate(trained.source_figures.values(), 1)}),
        ways=len(trained.tried),
        reliability=_reliability(trained),
        tried=_tried(trained),
        importance=_importance(trained),
        seed=seed,
    )


def _books(questions: Questions) -> str:
    lines = ["| | tenants | questions |", "|---|---|---|"]
    for number, source in enumerate(questions.sources, 1):
        tenants = sum(of == source for of, _ in questions.tenants)
        lines.append(f"| source {number} | {tenants} | {int(questions.of_source(source).sum()):,} |")
    lines.append(f"| all | {len(questions.tenants)} | {len(questions.pairs):,} |")
    return "\n".join(lines)


def _table(figures: Mapping[str, tuple[Figures, Figures]]) -> str:
    lines = [_HEADER]
    for what, both in figures.items():
        for who, of in zip(("learned", "kernel"), both, strict=True):
            numbers = (*of.shares, of.log_loss)
            cells = " | ".join("–" if isnan(number) else f"{number:.3f}" for number in numbers)
            lines.append(f"| {what if who == 'learned' else ''} | {who} | {of.tenants} | {cells} |")
    return "\n".join(lines)


def _reliability(trained: Trained) -> str:
    pooled = trained.pooled
    step = max(1, len(pooled.probability) // 10)
    rows = list(zip(pooled.probability, pooled.right, strict=True))[::step]
    said = " | ".join(f"{probability:.2f}" for probability, _ in rows)
    right = " | ".join(f"{share:.2f}" for _, share in rows)
    return f"| said | {said} |\n|---|{'---|' * len(rows)}\n| right | {right} |"


def _tried(trained: Trained) -> str:
    lines = [
        "| trees | leaves | learning rate | pairs a leaf, at least | features a tree | log loss |",
        "|---|---|---|---|---|---|",
    ]
    for tried in trained.tried:
        growth = tried.growth
        size = f"{growth.trees} | {growth.leaves} | {growth.learning_rate}"
        shares = f"{growth.leaf_share_min:.1%} | {growth.feature_share:.0%}"
        lines.append(f"| {size} | {shares} | {tried.log_loss:.4f} |")
    return "\n".join(lines)


def _importance(trained: Trained) -> str:
    shares = trained.ensemble.importance()
    order = np.argsort(-shares, kind="stable")
    listed = ", ".join(f"`{FEATURES[feature]}` {shares[feature]:.1%}" for feature in order.tolist())
    said = f"What the splits gained by, as a share of all gain: {listed}."
    return fill(said, _WIDTH, break_long_words=False)


_CARD: Final = """# {name}

Weighs the evidence of a tenant's own past for each candidate label, and says how likely each is to be
right. {trees} trees of at most {leaves} leaves, over {features} features of how the evidence lies. It knows
no category, no wording and no tenant: what it learned is how to weigh, and so it is the same whatever the
categories are called and in whichever order they come.

## What it was trained on

Every row of the books was asked of the engine before its label was taught, a label being visible from the
day after its date. Each tenant was asked about rows of the second half of its books, with all before them
as history; about rows from all over them, with no more than the 0, 1, 3, 10, 30, 100 or 300 labels before;
and about rows of a chart that is being renamed, where most categories have of late gone by other names, some
by that of another one: these weigh a third. Some questions lacked their amount, date, payee or description.
Tenants weigh the same, whatever their size.

{about}{books}

## How it does on sources that it was not trained on

Each source was left out in turn: these figures are of trees that had not seen a book of the source. They
are plain averages over tenants, beside the kernel tuned by hand on the same questions. Coverage is the
share of the questions that some threshold on the probability answers at 95 % or 98 % precision; ECE, the
expected calibration error of the first candidate's probability over ten bins, before any calibration to the
tenant; log loss is natural.

Two things are less than strictly left out. The way of growing was chosen by these very sources, of the
{ways} ways in the last section. And of the votes that `--leave-out-dir` writes to backtest with, the trees
know nothing of the source; the pooled map that calibrates new tenants was made with ensembles that did.

{slices}

The second half of the books, by the source that was left out:

{sources}

Of the first candidates, what was said and what was right:

{reliability}

## Limits

- It was trained on books of the kinds above. On others (other languages, charts of two or of a thousand
  categories) its probabilities may be off until the tenant has outcomes of its own to be calibrated with.
- It chooses among the categories that the neighbours have, those whose names and descriptions are nearest to
  the text, those that the tenant's own head finds likeliest, and those that have followed what the neighbours
  have. What is none of these gets no probability; that it may be none is in the probability that is left.
- Bookkeepers disagree with themselves: no vote is right about a label that is given either way.

## How to make it again

    likewise model train-vote BOOKS... --out FOLDER --seed {seed}

with the same books, the same engine and the same version of LightGBM, on as many threads. The way of
growing was chosen by the log loss on the sources left out:

{tried}

{importance}
"""
