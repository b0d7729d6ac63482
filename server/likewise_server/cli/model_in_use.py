"""``likewise model list --data``: the models of a data folder, and which of them are at hand."""

import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.progress import Progress
from rich.table import Table

from likewise_engine.errors import ModelFault
from likewise_indexer.cards import CardKind
from likewise_indexer.cards.shelf import Model, listed_in, shipped, shipped_folder
from likewise_server.cli.common import console, errors, fail, plain, reported
from likewise_server.settings import Settings

if TYPE_CHECKING:
    from likewise_engine.encoder_change import Decision
    from likewise_indexer.cards.in_use import Counted, InUse


def list_models_of(
    data: Path, folders: Sequence[Path], master_key_file: Path | None, *, as_json: bool
) -> None:
    """List the models of a data folder; end the command where some of it cannot be read."""
    if not (data / "tenants").is_dir():
        fail(f"there is no data folder {data}: name it with --data", status=2)
    with reported():
        from likewise_engine.encoder_change import ChangeFile
        from likewise_indexer.cards.in_use import in_use

        given, faults = listed(folders)
        settings = Settings(data=data, master_key_file=master_key_file)
        by_settings = {
            CardKind.ENCODER: listed_in(settings.model or shipped_folder("encoder")),
            CardKind.VOTE: listed_in(settings.vote or shipped_folder("vote")),
        }
        decision, found = ChangeFile(data).decision(), _counted(settings)
        at_hand = [*by_settings.values(), *given, *_elsewhere(decision, settings)]
        models = in_use(decision, found, by_settings, at_hand)
    if as_json:
        for one in models:
            typer.echo(json.dumps(_document(one), ensure_ascii=False))
        heads = {"kind": "heads", "tenants": found.heads, "labels": found.head_labels}
        typer.echo(json.dumps({**heads, "of_tenants": found.tenants}))
    else:
        _show(models, found)
    faults += [f"tenant {tenant!r}: {why}" for tenant, why in found.unread.items()]
    if faults:
        fail_for(faults)


def _counted(settings: Settings) -> "Counted":
    """What the tenants have. Raises DataFolderInUse, KeyMissing, StoreFault."""
    from likewise_engine.folder import DataFolder
    from likewise_indexer.cards.in_use import counted

    with (
        closing(DataFolder(settings.data, master_key_file=settings.master_key_file)) as folder,
        Progress(console=errors, transient=True) as bars,
    ):

        def tracked(tenants: Sequence[str]) -> Iterable[str]:
            return bars.track(tenants, description="Reading tenants")

        return counted(folder, tracked)


def _elsewhere(decision: "Decision | None", settings: Settings) -> list[Model]:
    """The models that are shipped, where the decision remembers some, and on the shelf of the settings."""
    from likewise_indexer.cards.in_use import models_among

    remembered = [Path(folder) for folder in decision.folders.values() if folder] if decision else []
    shelf = settings.encoders
    on_shelf = sorted(path for path in shelf.iterdir() if path.is_dir()) if shelf and shelf.is_dir() else []
    return models_among([*shipped(), *remembered, *on_shelf])


def _show(models: Sequence["InUse"], found: "Counted") -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("kind", "fingerprint", "said"):
        table.add_column(column, overflow="fold")
    for column in ("tenants", "changing\nto it"):
        table.add_column(column, justify="right")
    table.add_column("at hand", overflow="fold")
    for one in models:
        counts = (f"{one.tenants:,}", f"{one.tenants_changing:,}" if one.tenants_changing else "")
        said = "; ".join(one.said)
        table.add_row(one.kind.value, plain(one.fingerprint), said, *counts, plain(_where(one)))
    console.print(table)
    console.print(
        f"Classifiers of their own: {found.heads:,} of {found.tenants:,} tenants, trained on"
        f" {found.head_labels:,} labels."
    )


def _where(one: "InUse") -> str:
    if one.model is not None and one.model.fault:
        return f"yes, but {one.model.fault}"
    if one.model is not None:
        return "shipped" if one.model.folder in shipped() else str(one.model.folder)
    return f"no: was in {one.was_at}" if one.was_at else "no"


def _document(one: "InUse") -> dict[str, Any]:
    held = {} if one.model is None else document_of(one.model)
    return {
        **held,
        "kind": one.kind.value,
        "fingerprint": one.fingerprint,
        "said": list(one.said),
        "tenants": one.tenants,
        "tenants_changing": one.tenants_changing,
        "is_at_hand": one.model is not None,
        "was_at": one.was_at or None,
    }


def listed(folders: Sequence[Path]) -> tuple[list[Model], list[str]]:
    """The models of folders, and what is wrong with which."""
    models, faults = [], []
    for folder in folders:
        try:
            model = listed_in(folder)
        except ModelFault as error:
            faults.append(error.message)
        else:
            models.append(model)
            faults += [model.fault] if model.fault else []
    return models, faults


def document_of(model: Model) -> dict[str, Any]:
    """A model as a line of JSON tells it."""
    return {
        "name": model.name,
        "kind": model.kind.value,
        "form": model.form,
        "fingerprint": model.fingerprint,
        "bytes": model.bytes,
        "dimensions": model.dimensions,
        "licence": model.licence,
        "folder": str(model.folder),
        "has_record": model.card is not None,
        "fault": model.fault,
    }


def fail_for(faults: Sequence[str]) -> NoReturn:
    """End the command after a list: say what could not be listed, and why."""
    *others, last = faults
    for fault in others:
        errors.print("Error:", style="bold red", end=" ")
        errors.print(plain(fault), soft_wrap=True)
    fail(plain(last))
