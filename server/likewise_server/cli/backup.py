"""``likewise backup`` and ``likewise restore``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from likewise_server.cli.common import console, errors, fail, plain, reported
from likewise_server.settings import DATA_DEFAULT

# Without rich's tables, whose columns leave no room for whole sentences.
backup_app = typer.Typer(rich_markup_mode=None, add_completion=False)
restore_app = typer.Typer(rich_markup_mode=None, add_completion=False)


_DataOption = Annotated[
    Path, typer.Option("--data", metavar="FOLDER", envvar="LIKEWISE_DATA", help="The data folder.")
]
_TenantOption = Annotated[
    list[str] | None,
    typer.Option("--tenant", "-t", metavar="TENANT", help="This tenant alone; may be repeated."),
]


_MasterKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--master-key-file",
        metavar="FILE",
        envvar="LIKEWISE_MASTER_KEY_FILE",
        help="The master keys that wrap the tenants' keys, where there are any.",
    ),
]


@backup_app.command()
def backup(
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="A folder to make, or a file that ends in .tar, .tar.gz or .tgz."),
    ],
    data: _DataOption = DATA_DEFAULT,
    tenant: _TenantOption = None,
    since: Annotated[
        Path | None,
        typer.Option(
            metavar="PREVIOUS",
            exists=True,
            file_okay=False,
            help="An earlier backup, a folder: tenants that have not changed since are shared with it by hard"
            " links, and take no room.",
        ),
    ] = None,
    master_key_file: _MasterKeyOption = None,
) -> None:
    """Back up a data folder, while servers use it or not.

    Each tenant is copied whole, as of one revision; classifying and teaching go on meanwhile. Nothing is
    at OUT until all is there and on disk. Caches are left out. A tenant that is deleted meanwhile is left
    out and named; one that cannot be copied too, and the exit status is 1.

    With a master key the tenants' keys are not in OUT: they are in the small file OUT.keys, wrapped. Nobody
    reads OUT without it and the master key, so keep the three apart. The OUT.keys of a later backup of all
    tenants opens earlier backups too. So keep the latest alone: whoever was deleted before it was made
    (likewise keys destroy, likewise tenants delete) is then erased from all backups, and cannot be restored
    from any. After likewise keys rotate make a backup: the master key that earlier OUT.keys need is no more.
    Keep an earlier one for tenants that were left out, or given another key (--rekey).

    Without a master key the tenants' keys are in OUT, in the clear.

    What is forgotten later is in earlier backups still, until those are deleted: so keep them no longer than
    you are allowed to keep what was forgotten.
    """
    from likewise_engine.backup import back_up

    with reported(), Progress(console=errors, transient=True) as bars:
        bar = bars.add_task("Backing up", total=None)
        made = back_up(
            data,
            out,
            tenant or (),
            since=since,
            master_key_file=master_key_file,
            progress=lambda done, total: bars.update(bar, completed=done, total=total),
        )
    manifest = made.manifest
    size_bytes = sum(file.size_bytes for told in manifest.tenants for file in told.files)
    reused = f", {made.reused:,} of them unchanged and shared" if made.reused else ""
    console.print(f"Backed up {_tenants(len(manifest.tenants))}{reused}, {size_bytes:,} bytes, to {out}.")
    if made.keys is not None:
        console.print(f"Their keys, wrapped by the master key, are in {made.keys}.")
    _tell("Left out", manifest.left_out)
    if made.faults:
        raise typer.Exit(1)


@restore_app.command()
def restore(
    backup: Annotated[Path, typer.Argument(metavar="BACKUP", help="A backup: folder or file.", exists=True)],
    data: _DataOption = DATA_DEFAULT,
    tenant: _TenantOption = None,
    new_id: Annotated[
        str, typer.Option("--as", metavar="NEW_ID", help="Restore one tenant under this id.")
    ] = "",
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace tenants that are there; what they learned since is lost."),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Only read the backup through, compare every checksum, and name those whose key is missing.",
        ),
    ] = False,
    keys: Annotated[
        Path | None,
        typer.Option(
            "--keys",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Keys file of this backup or a later one. BACKUP.keys, if it is there, where none is named.",
        ),
    ] = None,
    master_key_file: _MasterKeyOption = None,
) -> None:
    """Restore tenants from a backup into a data folder that no server uses.

    Every file is verified before its tenant is put in its place. What is damaged, of a later Likewise, or
    there already is refused and named; the others are restored, and the exit status is 1.

    A backup that was made with a master key needs that, and the tenants' wrapped keys: those of the data
    folder where tenants have the same key there still, or else those of the keys file. A tenant whose key is
    in neither is refused: nobody can read its books any more.

    A restored tenant is as it was when the backup was made: what was forgotten since is back, and what the
    audit trails of the data folder know of that is told. Forget it again.

    Tokens are not in backups. A data folder that is new has none, and a server of it asks nobody for one
    unless it has --require-tokens.
    """
    from likewise_engine import backup as backups
    from likewise_server.access.token_file import TokenFile

    if verify and (new_id or replace):
        fail("--verify restores nothing: leave out --as and --replace", status=2)
    with reported(), console.status("Verifying" if verify else "Restoring"):
        if verify:
            report = backups.verify(backup, tenant or (), keys=keys)
        else:
            report = backups.restore(
                backup,
                data,
                tenant or (),
                new_id=new_id,
                replace=replace,
                keys=keys,
                master_key_file=master_key_file,
            )
    what, where = ("Verified", "") if verify else ("Restored", f" into {data}")
    console.print(f"{what} {_tenants(len(report.tenants))}{where}.")
    _tell("Back again", report.back_again)
    _tell("Refused", report.refused)
    if not verify and not TokenFile(data).path.exists():
        errors.print(
            "Backups hold no tokens, and this data folder has none: whoever reaches its server may do all"
            " until one is made with 'likewise token create', unless it serves with --require-tokens.",
            soft_wrap=True,
        )
    if report.refused:
        raise typer.Exit(1)


def _tell(what: str, reasons: Mapping[str, str]) -> None:
    for tenant, reason in reasons.items():
        errors.print(f"{what}: {plain(tenant)}: {plain(reason)}", soft_wrap=True)


def _tenants(count: int) -> str:
    return "1 tenant" if count == 1 else f"{count:,} tenants"
