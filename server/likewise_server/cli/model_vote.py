"""``likewise model train-vote``: the vote, learned from books of many tenants."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Final

import numpy as np
import typer
from rich.box import SIMPLE
from rich.table import Table

from likewise_engine.evidence import FEATURES
from likewise_engine.model_folder import CARD_FILE, MODEL_FILE
from likewise_engine.probabilities import with_outside_option
from likewise_engine.vote import DEFAULT_VOTE, OnnxVote
from likewise_indexer.cards import Assumptions, CardKind, Meter, write_card
from likewise_indexer.cards.making import GRAMS_PER_KWH, WATTS_PER_CORE
from likewise_indexer.cards.slices import languages_of
from likewise_indexer.models.vote.trial import SECOND_HALF
from likewise_server.cli import files
from likewise_server.cli.building import (
    AboutOption,
    Bars,
    BooksArgument,
    EncodersOption,
    GramsOption,
    JobsOption,
    LanguageOption,
    RecordedOption,
    WattsOption,
    about_of,
    building,
    check_out,
    checked_name,
    records_of_sources,
)
from likewise_server.cli.common import console

if TYPE_CHECKING:
    from likewise_indexer.models.vote.train import Trained

_PACKAGES: Final = ("likewise", "lightgbm", "numpy")
_NOT_COUNTED: Final = "Books that an earlier training had recorded are not counted."
_CANDIDATES: Final = 20
_TIMED_RUNS: Final = 2_000


def train_vote(
    paths: BooksArgument,
    out: Annotated[
        Path, typer.Option(help="Folder to write; give it to the server as its vote.", file_okay=False)
    ],
    tenant_column: files.TenantColumnOption = "",
    recorded: RecordedOption = None,
    encoders: EncodersOption = None,
    leave_out_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            file_okay=False,
            help="Also write the votes that know all sources but one, as FOLDER/SOURCE: to backtest on that.",
        ),
    ] = None,
    about: AboutOption = None,
    languages: LanguageOption = None,
    name: Annotated[
        str, typer.Option(callback=checked_name, help="Names the vote in its fingerprint.")
    ] = DEFAULT_VOTE,
    watts_per_core: WattsOption = WATTS_PER_CORE,
    grams_per_kwh: GramsOption = GRAMS_PER_KWH,
    jobs: JobsOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the rows that are asked, and of the trees.")] = 0,
) -> None:
    """Train the vote on the books of many tenants.

    Their rows are replayed through the engine, which shows how evidence lies when a label is right; no
    category is learned, and no wording. The same books and as many jobs give the same vote.
    """
    with building(), Bars() as told, TemporaryDirectory(prefix="likewise-") as temporary:
        from likewise_indexer.models.vote.card import record_of, trained_summary
        from likewise_indexer.models.vote.folder import write_vote
        from likewise_indexer.models.vote.pairs import Questions
        from likewise_indexer.models.vote.train import train

        check_out(out, CardKind.VOTE)
        meter, stated, whose = Meter(), languages_of(languages or ()), about_of(about)
        jobs = jobs or os.cpu_count() or 1
        folder = recorded or Path(temporary)
        records = records_of_sources(
            paths, tenant_column, folder, encoders=encoders, seed=seed, jobs=jobs, told=told
        )
        questions = Questions.of(records)
        trained = train(questions, seed=seed, threads=jobs, progress=told)
        summary = trained_summary(questions, trained, seed)
        vote = write_vote(out, name, trained.ensemble, trained.pooled, summary, questions)
        left_out = "" if encoders is None else " --encoders-dir ENCODERS"
        making = meter.making(
            f"likewise model train-vote BOOKS...{left_out} --out FOLDER --seed {seed}",
            _PACKAGES,
            Assumptions(watts_per_core, grams_per_kwh),
            note=_NOT_COUNTED if recorded is not None else "",
        )
        write_card(out, record_of(out, questions, trained, making, languages=stated, about=whose))
        if leave_out_dir is not None:
            for source, without in trained.left_out.items():
                part, told_of = questions.where(~questions.of_source(source)), summary | {"left_out": source}
                write_vote(leave_out_dir / source, name, without.ensemble, without.pooled, told_of, part)
    _show_figures(trained)
    _show_vote(vote, out)


def _show_figures(trained: "Trained") -> None:
    table = Table("source", "tenants", "top-1", "coverage@95", "coverage@98", "ECE", box=SIMPLE)
    for column in table.columns[1:]:
        column.justify = "right"
    for what, (learned, kernel) in {**trained.source_figures, "all": trained.figures[SECOND_HALF]}.items():
        shares = zip(learned.shares, kernel.shares, strict=True)
        table.add_row(what, str(learned.tenants), *(f"{ours:.3f} ({theirs:.3f})" for ours, theirs in shares))
    console.print("On the second half of the books of each source, not trained on; in brackets the kernel:")
    console.print(table)


def _show_vote(vote: OnnxVote, folder: Path) -> None:
    features = np.random.default_rng(0).random((_CANDIDATES, len(FEATURES)), np.float32)
    started = perf_counter()
    for _ in range(_TIMED_RUNS):
        with_outside_option(vote.scores(features))
    micros = (perf_counter() - started) / _TIMED_RUNS * 1e6
    size = (folder / MODEL_FILE).stat().st_size
    console.print(f"{vote.fingerprint}: {size / 1e6:.1f} MB, in {folder}")
    console.print(f"What it is, and how it does: {folder / CARD_FILE}")
    console.print(f"{micros:.0f} microseconds for {_CANDIDATES} candidates.")
