"""The command ``likewise``. Each subcommand is imported when it is called, so that help comes at once."""

import os
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from likewise_server.cli.reach import with_reach

_COMMANDS: Final = {
    "serve": ("likewise_server.cli.serve:serve_app", "Serve the tenants of a data folder over gRPC."),
    "index": ("likewise_server.cli.index:index_app", "Index a tenant's history from files, in bulk."),
    "classify": ("likewise_server.cli.classify:classify_app", "Classify one transaction, or a file of them."),
    "backtest": (
        "likewise_server.cli.backtest:backtest_app",
        "Replay books: how often would Likewise have been right?",
    ),
    "tenants": ("likewise_server.cli.tenants:tenants_app", "List, show, create, export and forget tenants."),
    "token": ("likewise_server.cli.token:token_app", "Create, list and revoke the tokens of callers."),
    "chart": (
        "likewise_server.cli.chart:chart_app",
        "Begin, show, rename, merge, split and purge categories.",
    ),
    "card": ("likewise_server.cli.card:card_app", "Write the card of a tenant's memory."),
    "rules": ("likewise_server.cli.rules:rules_app", "Write, try and mine the rules that come first."),
    "suggestions": (
        "likewise_server.cli.suggestions:suggestions_app",
        "Show what a language model suggested, and its record.",
    ),
    "feedback": (
        "likewise_server.cli.feedback:feedback_app",
        "Show what became of answers, and what has changed since.",
    ),
    "audit": ("likewise_server.cli.audit:audit_app", "Look through a tenant's own history for mistakes."),
    "explain": ("likewise_server.cli.explain:explain_app", "Explain an answer, or decide it again."),
    "audit-log": (
        "likewise_server.cli.audit_log:audit_log_app",
        "Show who taught, changed or forgot what, and when.",
    ),
    "backup": ("likewise_server.cli.backup:backup_app", "Back up a data folder, beside its server."),
    "restore": ("likewise_server.cli.backup:restore_app", "Restore tenants from a backup, or verify it."),
    "keys": ("likewise_server.cli.keys:keys_app", "Make, rotate and destroy the keys of tenants."),
    "check": ("likewise_server.cli.check:check_app", "Verify a data folder; repair what can be made anew."),
    "encoder": (
        "likewise_server.cli.encoder:encoder_app",
        "Change the encoder of a server while it serves.",
    ),
    "model": ("likewise_server.cli.model:model_app", "Show, build and compare models: encoders, the vote."),
}


class _OnDemand(TyperGroup):
    """Knows its commands by name and summary, and imports the one that is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and _imported(str(name)), rest


app = typer.Typer(
    cls=_OnDemand,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Files a bookkeeping transaction the way this bookkeeper filed the ones like it.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"likewise {version('likewise')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Options before the command."""


def _stand_in() -> None:
    """In the place of a command that was not imported: it is shown in the help, never called."""


for _name, (_target, _summary) in _COMMANDS.items():
    app.command(_name, help=_summary)(_stand_in)


def _imported(name: str) -> Any:
    # Read by gRPC's core when it is imported. It would write a line, in a form of its own, for every damaged
    # call: whoever reaches the port could fill the disk with them.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    module, _, attribute = _COMMANDS[name][0].partition(":")
    return with_reach(typer.main.get_command(getattr(import_module(module), attribute)))
