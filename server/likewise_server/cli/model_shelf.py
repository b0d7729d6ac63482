"""``likewise model list`` and ``likewise model card``: which models there are, and what to know of each.

They need no more than the server does.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown
from rich.table import Table

from likewise_indexer.cards import CardRecord, write_card
from likewise_indexer.cards.shelf import Model, model_in, shipped
from likewise_server.cli.common import console, fail, plain, reported
from likewise_server.cli.model_in_use import document_of, fail_for, list_models_of, listed
from likewise_server.cli.reach import MasterKeyOption

_MEGABYTE = 1_000_000
_FINGERPRINT_CHARS = 32
"""Those of the shipped encoder, which are to be copied in one piece."""
_FOLDERS_HELP = "Model folders to list too; with --data, to look for its models in too."


def list_models(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="FOLDER...", help=_FOLDERS_HELP, show_default=False)
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FOLDER",
            file_okay=False,
            help="List the models of this data folder instead: what was decided, what its tenants have, and"
            " which are at hand. No server may use it meanwhile.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each model.")] = False,
    master_key_file: MasterKeyOption = None,
) -> None:
    """List the models that are shipped, and those of folders.

    A folder that holds none, or another model's card, is told of at the end; the others are listed all the
    same, and the exit status is 1.
    """
    if data is not None:
        list_models_of(data, folders or (), master_key_file, as_json=as_json)
        return
    models, faults = listed([*shipped(), *(folders or ())])
    if as_json:
        for model in models:
            typer.echo(json.dumps(document_of(model), ensure_ascii=False))
    else:
        _show(models)
    if faults:
        fail_for(faults)


def _show(models: Sequence[Model]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("fingerprint", overflow="fold", min_width=_FINGERPRINT_CHARS)
    for column in ("kind", "form"):
        table.add_column(column, overflow="fold")
    for column in ("MB", "inputs,\nnumbers"):
        table.add_column(column, justify="right")
    table.add_column("licence", overflow="fold")
    for model in models:
        licence = "see below" if model.fault else _short(plain(model.licence)) or "not stated"
        cells = (f"{model.bytes / _MEGABYTE:.1f}", str(model.dimensions), licence)
        table.add_row(plain(model.fingerprint), model.kind.value, model.form, *cells)
    console.print(table)


def _short(licence: str) -> str:
    """What a licence begins with; all of it is on the card."""
    return licence.partition(",")[0]


def show_card(
    which: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model folder, or the name of one that is shipped.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the record that the card is made of.")
    ] = False,
    measured: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json",
            dir_okay=False,
            exists=True,
            help="Write what 'likewise model compare' measured into the record, and the card anew.",
        ),
    ] = None,
) -> None:
    """Show a model's card.

    What it is for, how well it does and for whom, where it fails, how it was made.
    """
    with reported():
        model = model_in(_named(which))
        if measured is not None:
            model = _rewritten(model, which, measured)
        markdown = model.markdown()
    if as_json:
        typer.echo(json.dumps(_recorded(model, which).model_dump(mode="json"), ensure_ascii=False, indent=1))
    elif markdown:
        console.print(Markdown("".join(c if c.isprintable() or c == "\n" else " " for c in markdown)))
    else:
        fail(f"{which} has no card: whoever made it wrote none")


def _rewritten(model: Model, which: str, measured: Path) -> Model:
    """The model with a card that has the figures of a comparison."""
    from likewise_indexer.compare import read_comparison
    from likewise_indexer.compare.card import with_comparison

    write_card(model.folder, with_comparison(_recorded(model, which), read_comparison(measured)))
    return model_in(model.folder)


def _recorded(model: Model, which: str) -> CardRecord:
    """The record of a model's card. Ends the command where there is none."""
    if model.card is None:
        fail(f"{which} has no record of a card: what 'likewise model' builds has one")
    return model.card


def _named(which: str) -> Path:
    """The folder that is meant. Ends the command where there is none."""
    names = {path.name: path for path in shipped()}
    folder = names.get(which, Path(which))
    if not folder.is_dir():
        fail(f"there is no model folder {which}; shipped are {', '.join(names)}", status=2)
    return folder
