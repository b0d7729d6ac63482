"""``likewise model tune``: a student learns which texts belong together."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.box import SIMPLE
from rich.table import Table

from likewise_indexer.cards import CardKind, write_card
from likewise_indexer.cards.making import GRAMS_PER_KWH, WATTS_PER_CORE
from likewise_indexer.models.numbers import Precision
from likewise_server.cli import files, making
from likewise_server.cli.building import (
    AboutOption,
    Bars,
    GramsOption,
    WattsOption,
    about_of,
    books_of_sources,
    building,
    check_out,
    checked_name,
)
from likewise_server.cli.common import console, fail

if TYPE_CHECKING:
    from likewise_indexer.models.tune.run import Made, Part, Recipe
    from likewise_indexer.models.tune.sources import Sources

_file = partial(typer.Option, dir_okay=False, exists=True)
_COMMAND: Final = "likewise model tune BOOKS... --student FOLDER --out FOLDER"
_PACKAGES: Final = ("datasets", "numpy", "sentence-transformers", "tokenizers", "torch", "transformers")

_Books = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[BOOKS]...",
        help="Labelled rows of one's own: CSV, Parquet or NDJSON files, or folders of them.",
        show_default=False,
    ),
]
_Student = Annotated[
    str,
    typer.Option(
        metavar="SOURCE",
        help="What to tune: a folder that 'model distil --student' wrote, or any sentence-transformers"
        " model.",
    ),
]
_Teacher = Annotated[
    str,
    typer.Option(
        metavar="SOURCE",
        help="A larger model, whose idea of what is alike is learned too: a folder, a name on the hub, or"
        " package:NAME.",
    ),
]
_Brands = Annotated[
    Path | None,
    _file(metavar="FILE.parquet", help="Brands and their kinds, as OpenStreetMap's name-suggestion-index."),
]
_MerchantCategories = Annotated[
    Path | None, _file(metavar="FILE.csv", help="Merchant category codes with descriptions.")
]
_Words = Annotated[
    Path | None, _file(metavar="FILE.tsv", help="Words in many languages: data/words/business-words.tsv.")
]
_TenantsMin = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="COUNT",
        help="Words of books that fewer tenants use are taken out before training: names of people, say.",
    ),
]
_Work = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        file_okay=False,
        help="Keep checkpoints and trials there: the same command goes on where it was interrupted. OUT with"
        " .work behind it if not given.",
    ),
]
_Trials = Annotated[
    int, typer.Option(min=0, metavar="COUNT", help="Settings to try by Optuna first; 0 takes the defaults.")
]
_Steps = Annotated[int, typer.Option(min=1, help="Batches at most; it ends where nothing gets better.")]
_LearningRate = Annotated[
    float, typer.Option(min=0, help="0.04 suits a static student, 0.00003 a transformer.")
]
_HardNegatives = Annotated[
    bool,
    typer.Option(
        "--hard-negatives", help="Hold each text of a book also against one like it, filed elsewhere."
    ),
]
_Precision = Annotated[
    Precision | None,
    typer.Option(
        help=f"Of a transformer, fp32 if not given; a static one is always in int8. {making.PRECISION_HELP}"
    ),
]
_LeaveOutDir = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        file_okay=False,
        help="Also tune encoders that know all sources but one, by the same recipe, as FOLDER/SOURCE: for"
        " --encoders-dir of train-vote. A file is a source.",
    ),
]
_LeaveOutTogether = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SOURCE,SOURCE",
        help="With --leave-out-dir: leave these out together, by one encoder that knows none of them: those"
        " of one publisher, say; repeatable.",
    ),
]
_Out = Annotated[
    Path, typer.Option(help="Folder to write; give it to the server as its encoder.", file_okay=False)
]


def tune(
    student: _Student,
    out: _Out,
    paths: _Books = None,
    tenant_column: files.TenantColumnOption = "",
    teacher: _Teacher = "",
    brands: _Brands = None,
    merchant_categories: _MerchantCategories = None,
    words: _Words = None,
    tenants_min: _TenantsMin = 3,
    about: AboutOption = None,
    trials: _Trials = 0,
    steps: _Steps = 1_200,
    batch_size: Annotated[int, typer.Option(min=2, help="Pairs in a batch.")] = 256,
    learning_rate: _LearningRate = 0.04,
    hard_negatives: _HardNegatives = False,
    precision: _Precision = None,
    work: _Work = None,
    leave_out_dir: _LeaveOutDir = None,
    leave_out_together: _LeaveOutTogether = None,
    name: Annotated[str, typer.Option(callback=checked_name, help=making.NAME_HELP)] = "tuned",
    seed: Annotated[int, typer.Option(min=0, help="Of pairs, noise, order and trials.")] = 0,
    watts_per_core: WattsOption = WATTS_PER_CORE,
    grams_per_kwh: GramsOption = GRAMS_PER_KWH,
) -> None:
    """Tune an encoder on one's own books and on what the world knows.

    Texts that one bookkeeper files alike come closer to each other than to those that are filed elsewhere;
    so do spoilt copies of a text, brands of one kind, and words of one meaning in two languages. One tenant
    in eight is not trained on: by these, and by words held out, the best student is told.
    """
    if leave_out_together and leave_out_dir is None:
        fail("--leave-out-together says what --leave-out-dir leaves out: give both", status=2)
    with building(), Bars() as told:
        from likewise_indexer.models.tune import run
        from likewise_indexer.models.tune.search import Settings
        from likewise_indexer.models.tune.training import Tuning

        cards, whose = _Cards(watts_per_core, grams_per_kwh), about_of(about)
        books = books_of_sources(paths, tenant_column) if paths else []
        background = _background(brands, merchant_categories, words)
        groups: list[tuple[str, ...]] = [()]
        if leave_out_dir is not None:
            groups += run.groups_left_out(books, [group.split(",") for group in leave_out_together or ()])
        parts = [run.Part.of(books, background, tenants_min, left_out) for left_out in groups]
        for part in parts:
            for folder in _outs(part, out, leave_out_dir):
                check_out(folder, CardKind.ENCODER)
        work = work or out.with_name(f"{out.name}.work")
        tuning = Tuning(steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed)
        settings = Settings(tuning, hard_negatives=hard_negatives)
        recipe = run.Recipe(student, teacher, name, settings, precision)
        run.check(recipe, parts)
        if trials:
            recipe = _searched(recipe, parts[0], trials, work / "search", told)
        taught = run.ask_teacher(recipe, parts, work, told)
        write = partial(cards.write, recipe, tenants_min, whose)
        for part in parts:
            outs = _outs(part, out, leave_out_dir)
            made = run.make(recipe, part, taught, run.work_of(part, work), outs, write, told)
            _show(part, made, outs)


def _searched(recipe: "Recipe", part: "Part", trials: int, work: Path, told: Bars) -> "Recipe":
    """The recipe with the settings that do best."""
    from likewise_indexer.models.tune.search import search
    from likewise_indexer.models.tune.student import load_student

    load, tuning = partial(load_student, recipe.student), recipe.settings.tuning
    found = search(load, part.sources, tuning, part.score(), trials, work, told)
    console.print(f"The best of {found.trials} trials scored {found.score:.4f}: {found.settings}")
    return replace(recipe, settings=found.settings)


def _outs(part: "Part", out: Path, leave_out_dir: Path | None) -> list[Path]:
    """The folders of a part's encoder: that of all, or one for each source that it knows nothing of."""
    return [leave_out_dir / source for source in part.left_out] if leave_out_dir and part.left_out else [out]


class _Cards:
    """Writes the cards of the encoders that are made, with what each took since the one before."""

    def __init__(self, watts_per_core: float, grams_per_kwh: float) -> None:
        self._count = partial(making.CardWriter, watts_per_core, grams_per_kwh, _PACKAGES)
        self._counting = self._count()

    def write(
        self, recipe: "Recipe", tenants_min: int, about: str, out: Path, part: "Part", made: "Made"
    ) -> None:
        """Write the card of a folder."""
        from likewise_indexer.models.tune.card import Story, record_of

        story = Story(
            making.called(recipe.student),
            making.called(recipe.teacher) if recipe.teacher else "",
            part.sources,
            tenants_min,
            made.steps,
            made.before,
            made.after,
            len(part.left_out),
            about,
        )
        command = f"{_COMMAND} --leave-out-dir FOLDER" if part.left_out else _COMMAND
        write_card(out, record_of(out, story, self._counting.making(command)))
        self._counting = self._count()


def _background(brands: Path | None, merchant_categories: Path | None, words: Path | None) -> "Sources":
    """What there is to learn from besides books."""
    from likewise_indexer.models.tune.background import read_brands, read_merchant_categories
    from likewise_indexer.models.tune.sources import Sources
    from likewise_indexer.models.tune.words import read_words

    return Sources(
        (),
        read_brands(brands) if brands else (),
        read_merchant_categories(merchant_categories) if merchant_categories else {},
        read_words(words) if words else (),
    )


def _show(part: "Part", made: "Made | None", outs: Sequence[Path]) -> None:
    where = ", ".join(map(str, outs))
    without = f"Without {', '.join(part.left_out)}: " if part.left_out else ""
    if made is None:
        console.print(f"{without}made before, in {where}", soft_wrap=True)
        return
    table = Table("on what was kept back", "before", "after", box=SIMPLE)
    for column in table.columns[1:]:
        column.justify = "right"
    for measure, share in made.after.items():
        table.add_row(measure, f"{made.before[measure]:.3f}", f"{share:.3f}")
    console.print(table)
    encoder = made.encoder
    console.print(
        f"{without}{encoder.fingerprint}: {encoder.dimensions} dimensions, after {made.steps} steps, in"
        f" {where}",
        soft_wrap=True,
    )
