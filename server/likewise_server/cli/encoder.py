"""``likewise encoder``: which encoder compares texts, and changing it while the server serves."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from likewise_server.cli.common import DataOption, ServerOption, YesOption, confirm, connected, console

if TYPE_CHECKING:
    from likewise import Client, EncoderChange

encoder_app = typer.Typer(
    help="Change the encoder of a server while it serves: tenant by tenant, aside from calls.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Return when all tenants are changed.")]
_LOOK_EVERY_S: Final = 0.5
_RUNNING: Final = "running"


@encoder_app.command("list")
def list_encoders(as_json: JsonOption = False, server: ServerOption = None, data: DataOption = None) -> None:
    """List the encoders that tenants can be changed to."""
    with connected(server, data) as client:
        encoders = client.encoders.list()
    if as_json:
        rows = [{"fingerprint": e.fingerprint, "name": e.name, "wanted": e.wanted} for e in encoders]
        console.print(json.dumps(rows, indent=2), soft_wrap=True)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("", "name", "fingerprint"):
        table.add_column(column, overflow="fold")
    for encoder in encoders:
        table.add_row("*" if encoder.wanted else "", encoder.name, encoder.fingerprint)
    console.print(table)


@encoder_app.command()
def status(
    wait: WaitOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Show how far the change is, and how long it will take."""
    with connected(server, data) as client:
        change = client.encoders.get()
        _show(_awaited(client, change) if wait else change, as_json=as_json)


@encoder_app.command()
def start(
    encoder: Annotated[
        str, typer.Argument(metavar="ENCODER", help="Fingerprint of an encoder, or its name.")
    ],
    wait: WaitOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Start to change all tenants to an encoder.

    Each is served by the encoder that it has until it switches. With --data, the next server does it.
    """
    with connected(server, data) as client:
        change = client.encoders.start(encoder)
        _show(_awaited(client, change) if wait else change, as_json=as_json)


@encoder_app.command()
def pause(as_json: JsonOption = False, server: ServerOption = None, data: DataOption = None) -> None:
    """Pause the change.

    Tenants keep the encoder that they have, also over a restart.
    """
    with connected(server, data) as client:
        _show(client.encoders.pause(), as_json=as_json)


@encoder_app.command()
def resume(
    wait: WaitOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Resume a change that was paused, where it stopped."""
    with connected(server, data) as client:
        change = client.encoders.resume()
        _show(_awaited(client, change) if wait else change, as_json=as_json)


@encoder_app.command()
def rollback(
    wait: WaitOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Change all tenants back to the encoder before."""
    with connected(server, data) as client:
        previous = client.encoders.get().previous
        confirm(f"Change all tenants back to {previous or 'the encoder before'}?", yes=yes)
        change = client.encoders.rollback()
        _show(_awaited(client, change) if wait else change, as_json=as_json)


def _awaited(client: "Client", change: "EncoderChange") -> "EncoderChange":
    """The change once it is done, or has been decided otherwise."""
    while _state(change) == _RUNNING:
        time.sleep(_LOOK_EVERY_S)
        change = client.encoders.get()
    return change


def _show(change: "EncoderChange", *, as_json: bool) -> None:
    if as_json:
        from google.protobuf.json_format import MessageToDict

        shown = MessageToDict(change, preserving_proto_field_name=True)
        console.print(json.dumps(shown, indent=2), soft_wrap=True)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_row("wanted", change.wanted)
    table.add_row("before", change.previous or "none")
    table.add_row("state", _state(change))
    if change.tenants:
        failed = f", {change.tenants_failed:,} failed: the log says why" if change.tenants_failed else ""
        table.add_row("tenants", f"{change.tenants_done:,} of {change.tenants:,}{failed}")
        table.add_row("texts", f"{change.texts_encoded:,} encoded, {change.texts_per_second:,.0f} a second")
    if change.HasField("remaining"):
        table.add_row("left", f"some {change.remaining.ToSeconds():,} s")
    console.print(table)


def _state(change: "EncoderChange") -> str:
    import likewise

    name = likewise.EncoderChangeState.Name(change.state)
    return name.removeprefix("ENCODER_CHANGE_STATE_").lower()
