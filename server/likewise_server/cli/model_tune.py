"""``likewise model tune``: a student learns which texts belong together."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.box import SIMPLE
from rich.table import Table

from likewise_indexer.cards import Assumptions, Meter, write_card
from likewise_server.cli import files
from likewise_server.cli.building import AboutOption, Bars, about_of, books_of_sources, building
from likewise_server.cli.common import console

if TYPE_CHECKING:
    from likewise_indexer.models.tune.filed import FiledBook
    from likewise_indexer.models.tune.sources import Sources

_file = partial(typer.Option, dir_okay=False, exists=True)
_COMMAND: Final = "likewise model tune BOOKS... --student FOLDER --out FOLDER"
_PACKAGES: Final = ("datasets", "numpy", "sentence-transformers", "tokenizers", "torch", "transformers")
_TEXTS_SPOILT: Final = 2_000
"""Names of brands, among which spoilt ones are looked for."""

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
_Int8 = Annotated[bool, typer.Option("--int8", help="Quantise a transformer; a static one always is.")]
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
    int8: _Int8 = False,
    work: _Work = None,
    name: Annotated[str, typer.Option(help="Names the model in its fingerprint.")] = "tuned",
    seed: Annotated[int, typer.Option(min=0, help="Of pairs, noise, order and trials.")] = 0,
) -> None:
    """Tune an encoder on one's own books and on what the world knows.

    Texts that one bookkeeper files alike come closer to each other than to those that are filed elsewhere;
    so do spoilt copies of a text, brands of one kind, and words of one meaning in two languages. One tenant
    in eight is not trained on: by these, and by words held out, the best student is told.
    """
    with building(), Bars() as told:
        from likewise_indexer.models.tune.card import Story, record_of
        from likewise_indexer.models.tune.filed import filed_books
        from likewise_indexer.models.tune.judging import is_held_out, measures_of, scored
        from likewise_indexer.models.tune.search import Settings, search
        from likewise_indexer.models.tune.student import encode_of, export_student, load_student
        from likewise_indexer.models.tune.teaching import lesson_of
        from likewise_indexer.models.tune.training import Tuning
        from likewise_indexer.models.tune.training import tune as train

        meter, whose = Meter(), about_of(about)
        books = books_of_sources(paths, tenant_column) if paths else []
        filed = filed_books([book for book in books if not is_held_out(book)], tenants_min)
        sources = _sources(filed, brands, merchant_categories, words)
        held_out = [book for book in books if is_held_out(book)]
        judged = (held_out, [brand.text for brand in sources.brands[:_TEXTS_SPOILT]], sources.concepts)
        score, work = scored(*judged), work or out.with_name(f"{out.name}.work")
        settings = Settings(
            Tuning(steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed),
            hard_negatives=hard_negatives,
        )
        if trials:
            load = partial(load_student, student)
            searched = search(load, sources, settings.tuning, score, trials, work / "search", told)
            settings = searched.settings
            console.print(f"The best of {searched.trials} trials scored {searched.score:.4f}: {settings}")
        lesson = None
        if teacher:
            large = encode_of(load_student(teacher))
            lesson = lesson_of(
                large, sources.taught(), work, partial(told, "Asking the teacher for each text")
            )
        model = load_student(student)
        before = measures_of(encode_of(model), *judged)
        groups = sources.groups(settings.weights, encode_of(model) if settings.hard_negatives else None)
        tuned = train(model, groups, settings.tuning, score, work / "final", partial(told, "Tuning"), lesson)
        encoder = export_student(tuned.student, name, out, int8=int8)
        after = measures_of(encoder.encode, *judged)
        story = Story(_called(student), teacher, sources, tenants_min, tuned.steps, before, after, whose)
        write_card(out, record_of(out, story, meter.making(_COMMAND, _PACKAGES, Assumptions())))
    _show(before, after)
    console.print(
        f"{encoder.fingerprint}: {encoder.dimensions} dimensions, after {tuned.steps} steps, in {out}"
    )


def _called(student: str) -> str:
    """What people call a model: the last part of a folder, for a card tells nobody's folders."""
    return Path(student).name if Path(student).is_dir() else student


def _sources(
    books: Sequence["FiledBook"], brands: Path | None, merchant_categories: Path | None, words: Path | None
) -> "Sources":
    from likewise_indexer.models.tune.background import read_brands, read_merchant_categories
    from likewise_indexer.models.tune.sources import Sources
    from likewise_indexer.models.tune.words import read_words

    return Sources(
        books,
        read_brands(brands) if brands else (),
        read_merchant_categories(merchant_categories) if merchant_categories else {},
        read_words(words) if words else (),
    )


def _show(before: Mapping[str, float], after: Mapping[str, float]) -> None:
    table = Table("on what was kept back", "before", "after", box=SIMPLE)
    for column in table.columns[1:]:
        column.justify = "right"
    for measure, share in after.items():
        table.add_row(measure, f"{before[measure]:.3f}", f"{share:.3f}")
    console.print(table)
