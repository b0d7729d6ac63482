"""``likewise token``: who may call a server, beside which it works on the data folder."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from likewise_engine import limits
from likewise_engine.audit import Action
from likewise_engine.audit_file import AuditFile
from likewise_engine.errors import InvalidInput
from likewise_engine.folder import check_tenant_id
from likewise_engine.keys import MasterKeys
from likewise_engine.tenant_keys import TenantKeys
from likewise_server.access.caller import LOCAL, Scope
from likewise_server.access.token_file import TokenFile
from likewise_server.access.tokens import Rate, Token, issued
from likewise_server.cli.common import YesOption, confirm, console, errors, fail, plain, reported
from likewise_server.settings import DATA_DEFAULT

token_app = typer.Typer(
    help="Create, list and revoke the tokens of callers.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

_DataOption = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="FOLDER",
        envvar="LIKEWISE_DATA",
        file_okay=False,
        help="The data folder. A server that uses it need not stop, and knows of a change within a second.",
    ),
]


@token_app.command()
def create(
    scope: Annotated[
        list[Scope],
        typer.Option(
            "--scope",
            "-s",
            help="classify: ask. learn: teach, and read back what was taught. manage: change charts and "
            "policies, create, forget and delete. May be repeated; none includes another.",
        ),
    ],
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="TENANT", help="The only tenant that it is for.")
    ] = None,
    any_tenant: Annotated[
        bool, typer.Option("--any-tenant", help="It is for all tenants, those to come among them.")
    ] = False,
    label: Annotated[str, typer.Option("--label", help="What it is for; shown in lists and logs.")] = "",
    expires_days: Annotated[
        int | None, typer.Option("--expires-days", min=1, max=36_500, help="Days after which it ends.")
    ] = None,
    calls_per_s: Annotated[
        float | None,
        typer.Option(
            "--calls-per-s",
            min=0.001,
            max=1_000_000,
            help="Calls a second that it may make in the long run, whatever the server allows others.",
        ),
    ] = None,
    burst: Annotated[
        int, typer.Option("--burst", min=1, max=1_000_000, help="Calls that it may then make at once.")
    ] = 100,
    data: _DataOption = DATA_DEFAULT,
) -> None:
    """Create a token. It is shown once, on standard output, and kept nowhere.

    As soon as there is one, a server lets nobody in without.
    """
    if (tenant is None) != any_tenant:
        fail("say whose it is: --tenant TENANT, or --any-tenant", status=2)
    with reported():
        if tenant is not None:
            check_tenant_id(tenant)
        if not label.isprintable() or len(label) > limits.TOKEN_LABEL_CHARS_MAX:
            raise InvalidInput.of(
                "label", f"must be printable, and have at most {limits.TOKEN_LABEL_CHARS_MAX} characters"
            )
        token, secret = issued(
            label=label,
            tenant=tenant,
            scopes=frozenset(scope),
            expires=None if expires_days is None else _in_days(expires_days),
            rate=None if calls_per_s is None else Rate(calls_per_s, burst),
        )
        _add(data, token)
    errors.print(f"Created {_described(token)} of {data}. It will not be shown again:", soft_wrap=True)
    print(secret)


@token_app.command("list")
def list_tokens(data: _DataOption = DATA_DEFAULT) -> None:
    """List all tokens, those that were revoked among them. No secret is known to be shown."""
    with reported():
        tokens = TokenFile(data).read()
    if not tokens:
        console.print("There are no tokens: 'likewise token create' makes one.")
        return
    now = datetime.now(UTC)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("id", "label", "tenant", "scopes", "rate", "created", "expires", "state"):
        table.add_column(column, overflow="fold", no_wrap=column not in ("label", "tenant", "scopes"))
    for token in tokens:
        rate = "" if token.rate is None else f"{token.rate.calls_per_s:g}/s, {token.rate.burst} at once"
        table.add_row(
            token.id,
            plain(token.label),
            "any" if token.tenant is None else plain(token.tenant),
            ", ".join(sorted(token.scopes)),
            rate,
            f"{token.created:%Y-%m-%d}",
            "never" if token.expires is None else f"{token.expires:%Y-%m-%d}",
            token.state(now),
        )
    console.print(table)


@token_app.command()
def revoke(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids, as 'list' shows them.")] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="TENANT", help="All tokens for this tenant alone.")
    ] = None,
    yes: YesOption = False,
    data: _DataOption = DATA_DEFAULT,
) -> None:
    """Revoke tokens for good. A running server refuses them within a second, and ends their streams."""
    wanted = set(ids or ())
    if bool(wanted) == (tenant is not None):
        fail("name the tokens: by ID, or by --tenant", status=2)

    def is_meant(token: Token) -> bool:
        return token.id in wanted if tenant is None else token.tenant == tenant

    with reported():
        file = TokenFile(data)
        meant = [token for token in file.read() or () if is_meant(token)]
        if unknown := sorted(wanted - {token.id for token in meant}):
            raise InvalidInput.of("", f"there is no token {unknown[0]!r}: see 'likewise token list'")
        if not meant:
            console.print("There are no such tokens.")
            return
        confirm(f"Revoke {', '.join(map(_described, meant))} for good?", yes=yes)
        revoked = file.revoke(is_meant)
        _note(data, Action.REVOKE_TOKEN, revoked)
    console.print(f"Revoked {len(revoked)} tokens.")


def _add(data: Path, token: Token) -> None:
    """Keep a token, and have it on record before it lets anybody in."""
    file = TokenFile(data)
    file.read()  # raises where it is damaged
    data.mkdir(parents=True, exist_ok=True)
    _note(data, Action.CREATE_TOKEN, [token])
    file.add(token)


def _note(data: Path, action: Action, tokens: Sequence[Token]) -> None:
    trail = AuditFile(data, TenantKeys(data, MasterKeys()))
    for token in tokens:
        trail.add(action, LOCAL.name, tenant=token.tenant or "", subject=token.id)


def _in_days(days: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)


def _described(token: Token) -> str:
    label = f" ({plain(token.label)})" if token.label else ""
    return f"token {token.id}{label}"
