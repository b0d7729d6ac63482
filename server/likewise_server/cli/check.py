"""``likewise check``."""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress

from likewise_server.cli.common import console, errors, fail, plain, reported
from likewise_server.cli.reach import MasterKeyOption
from likewise_server.settings import DATA_DEFAULT, Settings

if TYPE_CHECKING:
    from likewise_engine.checkup import Finding
    from likewise_engine.folder import DataFolder

# Findings are lines and no table: its columns would leave no room for whole sentences.
check_app = typer.Typer(rich_markup_mode=None, add_completion=False)


@check_app.command()
def check(
    data: Annotated[
        Path, typer.Option("--data", metavar="FOLDER", envvar="LIKEWISE_DATA", help="The data folder.")
    ] = DATA_DEFAULT,
    tenant: Annotated[
        list[str] | None,
        typer.Option("--tenant", "-t", metavar="TENANT", help="This tenant alone; may be repeated."),
    ] = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Make anew what follows from what was taught. What was taught is never touched."
        ),
    ] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Encode all texts anew, and not a sample of each tenant's.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    master_key_file: MasterKeyOption = None,
) -> None:
    """Verify a data folder, which no server may use meanwhile.

    Looked at are the layout, each tenant's store with its log, and what was made of it. The exit status is 0
    where all is sound, 1 where something was found that was not repaired, and 2 where there is no such
    folder or tenant.
    """
    from likewise_engine.checkup import Severity

    if not (data / "tenants").is_dir():
        fail(f"there is no data folder {data}: name it with --data", status=2)
    settings = Settings(data=data, master_key_file=master_key_file)
    with reported():
        found, tenants = _looked_at(settings, tenant or (), is_deep=deep)
        repaired: list[str] = []
        if repair and any(finding.severity is Severity.DERIVED for finding in found):
            repaired = _repaired(settings, found)
            found, _ = _looked_at(settings, tenant or (), is_deep=deep)
    if as_json:
        document = {
            "tenants": tenants,
            "repaired": repaired,
            "is_sound": not any(finding.is_fault for finding in found),
            "findings": [finding.to_json() for finding in found],
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _show(found, tenants, repaired)
    if any(finding.is_fault for finding in found):
        raise typer.Exit(1)


def _looked_at(
    settings: Settings, wanted: Collection[str], *, is_deep: bool
) -> tuple[Sequence["Finding"], int]:
    """What is found, and of how many tenants."""
    from likewise_engine.checkup import Layout, TenantCheckup, broken_trail
    from likewise_engine.encoder_change import encoders_at

    layout = Layout(settings.data)
    if unknown := set(wanted) - {place.tenant for place in layout.places}:
        fail(f"there is no store of tenant {min(unknown)!r} in {settings.data}", status=2)
    places = [place for place in layout.places if not wanted or place.tenant in wanted]
    found = [finding for finding in layout.findings if not wanted or finding.tenant in wanted]
    encoders = encoders_at(settings.data, settings.model)
    with _opened(settings) as folder, Progress(console=errors, transient=True) as bars:
        if not wanted:
            found += [*broken_trail(folder), *_broken_tokens(settings.data)]
        for place in bars.track(places, description="Checking"):
            found += TenantCheckup(folder, place, encoders, is_deep=is_deep).findings()
    return found, len(places)


def _broken_tokens(data: Path) -> Iterator["Finding"]:
    from likewise_engine.checkup import Finding, Severity
    from likewise_engine.errors import StoreFault
    from likewise_server.access.token_file import TokenFile

    tokens = TokenFile(data)
    try:
        tokens.read()
    except StoreFault as error:
        path = tokens.path.relative_to(data).as_posix()
        yield Finding(Severity.DAMAGE, path, error.message, "do what the message says")


def _repaired(settings: Settings, found: Sequence["Finding"]) -> list[str]:
    """Repair the tenants of which something derived was found; which those are."""
    from likewise_engine.checkup import Layout, Severity, repair
    from likewise_engine.encoder_change import encoders_at
    from likewise_server.lifecycle import open_tenants

    encoders = encoders_at(settings.data, settings.model)
    named = {finding.tenant for finding in found if finding.severity is Severity.DERIVED}
    repaired = []
    with _opened(settings) as folder:
        for place in Layout(settings.data).places:
            of_tenant = [finding for finding in found if finding.tenant == place.tenant]
            if place.tenant in named and repair(folder, place, of_tenant, encoders):
                repaired.append(place.tenant)
    with open_tenants(settings) as tenants:
        for tenant in repaired:
            with tenants.use(tenant):
                pass  # Whoever has used a tenant asks for its caches.
        tenants.settle()
    return repaired


@contextmanager
def _opened(settings: Settings) -> Iterator["DataFolder"]:
    """The data folder, for this process alone. Raises DataFolderInUse, KeyMissing, StoreFault."""
    from likewise_engine.folder import DataFolder

    folder = DataFolder(settings.data, master_key_file=settings.master_key_file)
    try:
        yield folder
    finally:
        folder.close()


def _show(found: Sequence["Finding"], tenants: int, repaired: Sequence[str]) -> None:
    if repaired:
        console.print(f"Repaired: {', '.join(map(plain, repaired))}.")
    faults = sum(finding.is_fault for finding in found)
    for finding in found:
        what = f"{finding.count:,} {finding.message}" if finding.count else finding.message
        console.print(f"{finding.severity}: {plain(finding.path)}", style="bold", soft_wrap=True)
        console.print(f"    {plain(what)}", soft_wrap=True)
        console.print(f"    to do: {plain(finding.remedy)}", soft_wrap=True)
    counted = f"{tenants:,} {'tenant' if tenants == 1 else 'tenants'}"
    console.print(f"Checked {counted}: {f'{faults:,} findings' if faults else 'all is sound'}.")
