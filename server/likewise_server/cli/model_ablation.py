"""``likewise model ablate-vote``: what each witness brings to the vote, measured on books of many tenants."""

import json
import os
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from likewise_server.cli import files
from likewise_server.cli.building import (
    Bars,
    BooksArgument,
    EncodersOption,
    JobsOption,
    RecordedOption,
    building,
    records_of_sources,
)
from likewise_server.cli.common import console

if TYPE_CHECKING:
    from likewise_indexer.models.vote.ablation import Ablation, WitnessFigures


def ablate_vote(
    paths: BooksArgument,
    tenant_column: files.TenantColumnOption = "",
    recorded: RecordedOption = None,
    encoders: EncodersOption = None,
    json_path: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", dir_okay=False, help="Write all figures there."),
    ] = None,
    jobs: JobsOption = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the rows that are asked, and the first of those of the trees.")
    ] = 0,
) -> None:
    """Measure what each witness brings to the vote.

    It is trained without each in turn, and asked about sources that it has not seen. The trees are fewer than
    train-vote grows, and on fewer questions, since there are many trainings: compare these figures with each
    other alone.
    """
    with building(), Bars() as told, TemporaryDirectory(prefix="likewise-") as temporary:
        from likewise_indexer.models.vote.ablation import SEEDS, ablate
        from likewise_indexer.models.vote.pairs import Questions

        jobs = jobs or os.cpu_count() or 1
        folder = recorded or Path(temporary)
        records = records_of_sources(
            paths, tenant_column, folder, encoders=encoders, seed=seed, jobs=jobs, told=told
        )
        found = ablate(
            Questions.of(records),
            seeds=range(seed, seed + SEEDS),
            threads=jobs,
            progress=partial(told, "Growing without each witness"),
        )
        if json_path is not None:
            json_path.write_text(json.dumps(found.document(), indent=1) + "\n", encoding="utf-8")
    _show(found)


def _show(found: "Ablation") -> None:
    columns = ("top-1", "coverage@95", "coverage@98", "ECE", "payee unseen", "10 labels")
    table = Table("features", "count", *columns, box=SIMPLE)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in found.tried:
        table.add_row(row.what, str(row.features or ""), *_cells(row.figures))
    table.add_row("chance gives", "", *_cells(found.noise))
    asked = f"{found.questions_asked:,} questions of {found.tenants} tenants"
    console.print(f"On sources that were not trained on, {asked}:")
    console.print(table)


def _cells(figures: "WitnessFigures") -> list[str]:
    return ["–" if figure is None else f"{figure:.3f}" for figure in figures.document().values()]
