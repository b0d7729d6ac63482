"""``likewise keys``: the master key of a data folder, and the tenants' keys that it wraps."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from likewise_engine.audit import Action
from likewise_engine.durable import sync
from likewise_engine.errors import StoreFault
from likewise_engine.folder import STORE_NAME, DataFolder, place_of, tenants_of
from likewise_engine.folder_lock import locked
from likewise_engine.keys import KEY_NAME, KeyFile, MasterKey, MasterKeys, write_master_keys
from likewise_engine.master_record import check_master, record_master, recorded_master
from likewise_engine.tenant_keys import TenantKeys
from likewise_server.access.caller import LOCAL
from likewise_server.cli.common import YesOption, confirm, console, fail, plain, reported
from likewise_server.settings import DATA_DEFAULT

keys_app = typer.Typer(
    help="Make, rotate and destroy the keys of tenants.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

_DataOption = Annotated[
    Path, typer.Option("--data", metavar="FOLDER", envvar="LIKEWISE_DATA", help="The data folder.")
]
_MasterOption = Annotated[
    Path | None,
    typer.Option(
        "--master-key-file", metavar="FILE", envvar="LIKEWISE_MASTER_KEY_FILE", help="File of the master key."
    ),
]


@keys_app.command()
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to make, outside the data folder.")],
) -> None:
    """Make a master key, in a file that only its owner may read.

    Keep a copy where a backup of the books is not: who has both can read them, and who loses the key cannot.
    """
    if file.exists():
        fail(f"{file} is there already, and keys are not overwritten: choose another name")
    key = MasterKey.new()
    with reported():
        write_master_keys(file, [key])
    console.print(f"Made master key {key.id} in {plain(str(file))}.")


@keys_app.command()
def status(data: _DataOption = DATA_DEFAULT) -> None:
    """Count the tenants' keys by what wraps them. Needs no master key."""
    counts: dict[str, int] = {}
    with reported():
        master = recorded_master(data)
        for tenant in tenants_of(data):
            key_file = KeyFile.read(data / place_of(tenant))
            wrapped_by = "no key yet" if key_file is None else key_file.master or "in the clear"
            counts[wrapped_by] = counts.get(wrapped_by, 0) + 1
    console.print(f"Master key of the folder: {master or 'none'}.")
    for wrapped_by, count in sorted(counts.items()):
        console.print(f"{wrapped_by}: {count:,} tenants")


@keys_app.command()
def rotate(
    data: _DataOption = DATA_DEFAULT,
    master_key_file: _MasterOption = None,
    rekey: Annotated[
        bool,
        typer.Option(
            "--rekey", help="Also give every tenant another key; no server may use the folder meanwhile."
        ),
    ] = False,
) -> None:
    """Wrap all tenants' keys by a new master key.

    It is added to the file. At the end the old one is moved to FILE.ID.old beside it: where another data
    folder was given the same file, give it that one. Delete it once no other data folder and no backup needs
    it.

    Servers that were given the same file go on meanwhile; a backup that is being made is waited for. Run it
    again if it was interrupted. Tenants' keys that lay in the clear are wrapped too; who had a copy of one by
    then can still read that tenant's books, until --rekey writes all stores anew under other keys.

    Make a backup afterwards. Keys files of earlier backups (OUT.keys) need the old master key; the new one's
    opens those backups, too, but not from before --rekey.
    """
    if master_key_file is None:
        fail("name the file of the master key by --master-key-file", status=2)
    with reported(), contextlib.ExitStack() as stack:
        file = master_key_file.resolve()
        # Whoever else rotates by the same file, for this folder or another, is waited for.
        stack.enter_context(locked(file.parent))
        is_first = not recorded_master(data)
        if rekey:
            stack.enter_context(contextlib.closing(DataFolder(data, master_key_file=master_key_file)))
        masters = MasterKeys(file)
        keys = TenantKeys(data, masters)
        rewrapped = _rewrapped(data, keys, masters, file, is_first=is_first)
        first, *old = masters.keys
        for kept in _moved_aside(file, first, old):
            console.print(
                f"The old master key is in {plain(str(kept))}: delete it once no other data folder and no"
                " backup needs it."
            )
        console.print(f"Master key {first.id} wraps all tenants' keys: {rewrapped:,} were wrapped anew.")
        if rekey:
            tenants = sorted(tenants_of(data))
            for tenant in tenants:
                keys.rekey(tenant, data / place_of(tenant) / STORE_NAME)
            console.print(f"{len(tenants):,} tenants have another key.")


def _rewrapped(data: Path, keys: TenantKeys, masters: MasterKeys, file: Path, *, is_first: bool) -> int:
    """Wrap all tenants' keys by another master key, or by the first one there is. Raises StoreFault."""
    if not is_first:
        check_master(data, masters)
        if len(masters.keys) == 1:
            with keys.alone():
                write_master_keys(file, [MasterKey.new(), *masters.keys])
                masters.refresh()
    rewrapped = 0
    for tenant in tenants_of(data):
        if (folder := data / place_of(tenant)).exists():  # else it was deleted meanwhile
            rewrapped += keys.rewrap(tenant, folder)
    record_master(data, masters.keys[0].id)
    return rewrapped


def _moved_aside(file: Path, first: MasterKey, old: Sequence[MasterKey]) -> list[Path]:
    """Leave the first master key in its file, and put each old one in a file beside it. Raises StoreFault."""
    kept = [file.with_name(f"{file.name}.{key.id}.old") for key in old]
    for path, key in zip(kept, old, strict=True):
        write_master_keys(path, [key])
    write_master_keys(file, [first])
    return kept


@keys_app.command()
def destroy(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Whose key.")],
    data: _DataOption = DATA_DEFAULT,
    master_key_file: _MasterOption = None,
    yes: YesOption = False,
) -> None:
    """Destroy a tenant's key, and then the tenant.

    No copy of its store can be read any more. Nobody else may use the folder meanwhile.

    Backups that were made with a master key have the key in their keys file (OUT.keys) alone: make another
    backup, and delete the keys files of the earlier ones. The new one opens them for all other tenants, and
    this one is erased from them. A backup that was made without a master key holds the key: delete that.
    """
    confirm(f"Destroy the key of tenant {tenant!r}, and all its books?", yes=yes)
    with reported(), contextlib.closing(DataFolder(data, master_key_file=master_key_file)) as folder:
        store = folder.store_path(tenant)
        with folder.audit.noted(Action.DELETE, LOCAL.name, tenant, store):
            _destroy(store.with_name(KEY_NAME))
            folder.delete(tenant)
    console.print(f"Destroyed the key of {plain(tenant)} and its books.")


def _destroy(path: Path) -> None:
    """Overwrite a key file on the disk, and delete it. Raises StoreFault."""
    try:
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            # Else the file may be gone before the zeros reach its block, which then holds the key still.
            os.fsync(file.fileno())
        path.unlink()
        sync(path.parent)
    except FileNotFoundError:
        return  # a destruction that was cut short has done it
    except OSError as error:
        raise StoreFault(f"{path} could not be destroyed: {error.strerror}") from error
