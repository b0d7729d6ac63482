"""What the commands have in common: where the books are, and how errors are told."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer
from rich.console import Console

from likewise_engine.errors import InvalidInput, LikewiseError
from likewise_server.cli.reach import Reach, current_reach

if TYPE_CHECKING:
    from likewise import Client, ErasureReceipt

ADDRESS_DEFAULT = "127.0.0.1:50151"
"""Where ``likewise serve`` serves unless told otherwise."""
_SERVER_VARIABLE: Final = "LIKEWISE_SERVER"

TenantArgument = Annotated[str, typer.Argument(help="Id of the tenant.", metavar="TENANT")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="HOST:PORT",
        envvar=_SERVER_VARIABLE,
        help=f"Address of a running server; {ADDRESS_DEFAULT} if neither this nor --data is given.",
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FOLDER",
        file_okay=False,
        help="Work on this data folder itself, without a server. No other process may use it meanwhile.",
    ),
]

# Without markup: brackets in the names of payees and tenants are theirs.
console = Console(markup=False, highlight=False)
errors = Console(stderr=True, markup=False, highlight=False)

LINE_EVERY_S: Final = 5.0
"""Between two lines that say how far a command is, where there is no terminal for a bar."""


def fail(message: str, *, status: int = 1) -> NoReturn:
    """End the command: say what is wrong and what to try next, exit with a status that is not 0."""
    errors.print("Error:", style="bold red", end=" ")
    errors.print(message, soft_wrap=True)
    raise typer.Exit(status)


def plain(text: str) -> str:
    """Without what would steer the terminal: wordings come from banks and whoever paid."""
    return "".join(character if character.isprintable() else " " for character in text)


def money(amount: Decimal, currency: str) -> str:
    """An amount with two decimals, or as many more as it has, and its currency where that is known."""
    shown = f"{amount:,.2f}" if amount == round(amount, 2) else f"{amount:,}"
    return f"{shown} {plain(currency)}".rstrip()


def receipt_line(receipt: "ErasureReceipt") -> str:
    """What was erased, as a line."""
    counted = receipt.erased.DESCRIPTOR.fields
    parts = [f"{n:,} {f.name}" for f in counted if (n := getattr(receipt.erased, f.name))]
    at = f"{receipt.time.ToDatetime():%Y-%m-%d %H:%M:%S} UTC"
    where = f"revision {receipt.revision}, audit record {receipt.audit_record_id}"
    return f"Erased {', '.join(parts)}: {at}, {where}."


def confirm(question: str, *, yes: bool) -> None:
    """Go on only if the user says yes, or said so by ``--yes``."""
    if yes:
        return
    if not sys.stdin.isatty():
        fail("this asks first, and nobody is there to be asked: pass --yes if you mean it", status=2)
    typer.confirm(question, abort=True)


def lines_of(file: Path) -> list[str]:
    """The lines of a text file that say something. Raises OSError, InvalidInput."""
    return [line.strip() for line in text_of_file(file).splitlines() if line.strip()]


def text_of_file(file: Path) -> str:
    """The text in a file. Raises OSError, InvalidInput."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput.of(str(file), "is not text in UTF-8") from error


@contextmanager
def reported() -> Iterator[None]:
    """Turn errors that a user can do something about into a message and a failed exit."""
    try:
        yield
    except (LikewiseError, OSError) as error:
        fail(str(error))


@contextmanager
def connected(server: str | None, data: Path | None) -> Iterator["Client"]:
    """A client of a running server, or of one of our own over a data folder; errors are reported.

    A folder that is named goes before a server that only the environment names.
    """
    import likewise

    if data is not None and server not in (None, os.environ.get(_SERVER_VARIABLE)):
        fail("give --server or --data, not both", status=2)
    address = server or ADDRESS_DEFAULT
    reach = current_reach()
    with reported():
        try:
            if data is None:
                credentials = reach.credentials()
                with likewise.Client(address, credentials=credentials, token=reach.secret()) as client:
                    yield client
            else:
                from likewise_server import logs
                from likewise_server.lifecycle import private_server
                from likewise_server.settings import LogFormat, LogLevel

                logs.configure(LogFormat.CONSOLE, LogLevel.WARNING)
                with (
                    private_server(data, reach.master_key_file) as private,
                    likewise.Client(private) as client,
                ):
                    yield client
        except likewise.Unavailable as error:
            fail(
                f"no server answers at {address}: start one with 'likewise serve', name another with"
                f" --server, or work on its folder with --data{_tls_hint(reach, error.message)}"
            )
        except likewise.Unauthenticated as error:
            fail(f"{error.message}; give it by --token-file, LIKEWISE_TOKEN or --tls-certificate")
        except likewise.Error as error:
            fail(error.message)
        except ValueError as error:  # the client refuses an address, say
            fail(str(error), status=2)


def _tls_hint(reach: Reach, why: str) -> str:
    """What may be wrong with the certificates, where there are any."""
    return "" if reach.ca is None and reach.certificate is None else f". By TLS it failed with: {why}"
