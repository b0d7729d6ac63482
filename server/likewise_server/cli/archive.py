"""The file with all that is known about a tenant, as commands write and read it."""

from pathlib import Path
from typing import TYPE_CHECKING

from likewise_engine.durable import create_private, sync
from likewise_engine.errors import PreconditionFailed

if TYPE_CHECKING:
    from likewise import Client


def write_archive(client: "Client", tenant: str, out: Path, *, replace: bool) -> int:
    """Write a tenant's archive: whole, or not at all, and for its owner's eyes. Returns its size in bytes.

    Raises:
        PreconditionFailed: there is a file already, and it is not to be replaced.
        likewise.Error, OSError.
    """
    if out.exists() and not replace:
        raise PreconditionFailed(f"{out} is there already: choose another name, or replace it with --force")
    aside = out.with_name(f".{out.name}.unfinished")
    try:
        with create_private(aside) as file:
            for chunk in client.export_tenant(tenant):
                file.write(chunk)
            size_bytes = file.tell()
        sync(aside)
        aside.replace(out)
    finally:
        aside.unlink(missing_ok=True)
    return size_bytes


def tenant_of_archive(path: Path) -> str:
    """The id that a tenant had which an archive holds. Raises InvalidInput: it is no such archive."""
    from likewise_indexer.portable import read_archive

    with path.open("rb") as file, read_archive(file) as everything:
        return everything.record.tenant
