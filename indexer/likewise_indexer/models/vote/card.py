"""The card of a vote: what people should know of it, from the figures measured while it was trained."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.evidence import FEATURES
from likewise_engine.model_folder import MODEL_FILE
from likewise_engine.vote.manifest import read_vote_manifest
from likewise_indexer.cards import CardKind, CardRecord, Making, Section, Slice, Table, files_of
from likewise_indexer.cards.slices import AskedTenant, language_of, slices_of
from likewise_indexer.models.vote.pairs import Firsts, Questions
from likewise_indexer.models.vote.train import Trained
from likewise_indexer.models.vote.trial import Figures, second_half

_FIGURES: Final = ("tenants", "top-1", "coverage@95", "coverage@98", "ECE", "log loss")
_LICENCE: Final = "Apache-2.0, as the project; of the books nothing but numbers about evidence is in it"


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


def record_of(
    folder: Path,
    questions: Questions,
    trained: Trained,
    making: Making,
    *,
    languages: Mapping[str, str],
    about: str = "",
) -> CardRecord:
    """The record of a vote's card. It names no source, no tenant and nothing of a row.

    Args:
        folder: of the vote, as it was written.
        questions: what it was trained on.
        trained: the vote, and how it did.
        making: what that took.
        languages: of the books, by patterns of the names of sources and tenants.
        about: Markdown on whose books these are, and by which right they are used.

    Raises:
        ModelFault: the folder holds no vote.
    """
    manifest = read_vote_manifest(folder)
    growth = trained.growth
    return CardRecord(
        kind=CardKind.VOTE,
        name=manifest.name,
        fingerprint=manifest.fingerprint,
        summary=_SUMMARY.format(trees=growth.trees, leaves=growth.leaves, features=len(FEATURES)),
        licence=_LICENCE,
        files=files_of(folder, [MODEL_FILE]),
        intended_use=Section(text=_INTENDED_USE),
        data=Section(text="\n\n".join(filter(None, (_DATA, about.strip()))), tables=(_books(questions),)),
        measured=Section(
            text=_MEASURED.format(ways=len(trained.tried)),
            tables=(
                _table("slice", "By what is asked:", trained.figures),
                _table(
                    "source",
                    "The second half of the books, by the source that was left out:",
                    {f"source {n}": both for n, both in enumerate(trained.source_figures.values(), 1)},
                ),
                _reliability(trained),
            ),
        ),
        slices=_slices(questions, trained, languages),
        limits=Section(text=_LIMITS),
        how=Section(text=_HOW, tables=(_tried(trained), _importance(trained))),
        making=making,
    )


def _books(questions: Questions) -> Table:
    rows: list[tuple[str, int, int]] = []
    for number, source in enumerate(questions.sources, 1):
        tenants = sum(of == source for of, _ in questions.tenants)
        rows.append((f"source {number}", tenants, int(questions.of_source(source).sum())))
    rows.append(("all", len(questions.tenants), len(questions.pairs)))
    return Table(columns=("", "tenants", "questions"), rows=tuple(rows))


def _table(head: str, text: str, figures: Mapping[str, tuple[Figures, Figures]]) -> Table:
    rows = tuple(
        (what if who == "learned" else "", who, of.tenants, *of.shares, of.log_loss)
        for what, both in figures.items()
        for who, of in zip(("learned", "kernel"), both, strict=True)
    )
    return Table(columns=(head, "who", *_FIGURES), rows=rows, text=text)


def _reliability(trained: Trained) -> Table:
    pooled = trained.pooled
    step = max(1, len(pooled.probability) // 10)
    said, right = pooled.probability[::step], pooled.right[::step]
    return Table(
        columns=("of the first candidates", *(str(number) for number in range(1, len(said) + 1))),
        rows=(("said to be right", *said), ("right", *right)),
        text="Of the first candidates, what was said and what was right, in bins from the least sure:",
    )


def _tried(trained: Trained) -> Table:
    rows = tuple(
        (
            of.growth.trees,
            of.growth.leaves,
            of.growth.learning_rate,
            of.growth.leaf_share_min,
            of.growth.feature_share,
            of.log_loss,
        )
        for of in trained.tried
    )
    columns = ("trees", "leaves", "learning rate", "pairs a leaf, at least", "features a tree", "log loss")
    text = "The way of growing was chosen by the log loss on the sources left out; shares are of all:"
    return Table(columns=columns, rows=rows, text=text)


def _importance(trained: Trained) -> Table:
    shares = trained.ensemble.importance()
    order = np.argsort(-shares, kind="stable")
    rows = tuple((f"`{FEATURES[feature]}`", float(shares[feature])) for feature in order.tolist())
    text = "What the splits gained by, as a share of all gain:"
    return Table(columns=("feature", "share"), rows=rows, text=text)


def _slices(questions: Questions, trained: Trained, languages: Mapping[str, str]) -> tuple[Slice, ...]:
    """Of the second half of the books, on sources left out."""
    chosen = second_half(questions)
    return tuple(
        part
        for who, firsts in (("learned", trained.firsts), ("kernel", trained.kernel_firsts))
        for part in slices_of(who, _asked(questions, firsts, chosen, languages))
    )


def _asked(
    questions: Questions, firsts: Firsts, chosen: NDArray[np.bool_], languages: Mapping[str, str]
) -> list[AskedTenant]:
    found = []
    for number, names in enumerate(questions.tenants):
        within = chosen & (questions.tenant == number)
        if within.any():
            found.append(
                AskedTenant(
                    language_of(names, languages),
                    int(questions.labels[within].max()),
                    firsts.is_right[within],
                    firsts.probability[within],
                    questions.category_labels[within].astype(np.int64),
                )
            )
    return found


_SUMMARY: Final = """Weighs the evidence of a tenant's own past for each candidate label, and says how
likely each is to be right. {trees} trees of at most {leaves} leaves, over {features} features of how the
evidence lies. It knows no category, no wording and no tenant: what it learned is how to weigh, and so it
is the same whatever the categories are called and in whichever order they come."""

_INTENDED_USE: Final = """Choosing among the categories of one tenant's own chart for a bookkeeping
transaction, from the evidence that the engine of the same version gathers, with a probability that the
engine calibrates to the tenant before anything is FILEd.

It is not for deciding about people, nor for auditing or finding fraud: it says what this bookkeeper would
have done, right or wrong. It is of no use on features gathered by anything else, and refuses to load
there."""

_DATA: Final = """Every row of the books was asked of the engine before its label was taught, a label
being visible from the day after its date. Each tenant was asked about rows of the second half of its
books, with all before them as history; about rows from all over them, with no more than the 0, 1, 3, 10,
30, 100 or 300 labels before; and about rows of a chart that is being renamed, where most categories have
of late gone by other names, some by that of another one: these weigh a third. Some questions lacked their
amount, date, payee or description. Tenants weigh the same, whatever their size."""

_MEASURED: Final = """Each source was left out in turn: these figures are of trees that had not seen a
book of the source. They are plain averages over tenants, beside the kernel tuned by hand on the same
questions. Coverage is the share of the questions that some threshold on the probability answers at 95 %
or 98 % precision; ECE, the expected calibration error of the first candidate's probability over ten bins,
before any calibration to the tenant; log loss is natural.

Two things are less than strictly left out. The way of growing was chosen by these very sources, of the
{ways} ways in the last section. And of the votes that `--leave-out-dir` writes to backtest with, the
trees know nothing of the source; the pooled map that calibrates new tenants was made with ensembles that
did."""

_LIMITS: Final = """- It was trained on books of the kinds above. On others (other languages, charts of
  two or of a thousand categories) its probabilities may be off until the tenant has outcomes of its own
  to be calibrated with.
- Where a category has few earlier labels it is less often right, and a tenant with few labels is served
  worse than one with many: the tables above say by how much.
- It chooses among the categories that the neighbours have, those whose names and descriptions are nearest
  to the text, those that the tenant's own head finds likeliest, and those that have followed what the
  neighbours have. What is none of these gets no probability; that it may be none is in the probability
  that is left.
- Bookkeepers disagree with themselves: no vote is right about a label that is given either way."""

_HOW: Final = """By `likewise model train-vote`, with the same books, the same engine and the same version of
LightGBM, on as many threads."""
