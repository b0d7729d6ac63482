"""The help of the command ``likewise``: complete, and of one look."""

import pytest
from typer.testing import CliRunner

from likewise_server.cli.app import app

RUNNER = CliRunner(env={"COLUMNS": "80"})
COMMANDS = {
    "": [
        "serve",
        "index",
        "classify",
        "backtest",
        "tenants",
        "token",
        "chart",
        "card",
        "rules",
        "suggestions",
        "feedback",
        "audit",
        "explain",
        "audit-log",
        "backup",
        "restore",
        "keys",
        "check",
        "encoder",
        "model",
    ],
    "encoder": ["list", "status", "start", "pause", "resume", "rollback"],
    "tenants": ["list", "show", "create", "export", "import", "forget", "delete"],
    "token": ["create", "list", "revoke"],
    "keys": ["init", "status", "rotate", "destroy"],
    "chart": ["templates", "init", "show", "rename", "merge", "split", "deactivate", "purge", "activate"],
    "rules": [
        "list",
        "show",
        "add",
        "edit",
        "remove",
        "enable",
        "disable",
        "try",
        "suggest",
        "export",
        "import",
    ],
    "model": [
        "list",
        "card",
        "compare",
        "export",
        "quantise",
        "prune",
        "distil",
        "tune",
        "train-vote",
        "ablate-vote",
    ],
}


@pytest.mark.parametrize("group", COMMANDS)
def test_a_group_lists_its_commands_each_with_a_whole_sentence(group: str) -> None:
    shown = RUNNER.invoke(app, [*group.split(), "--help"], prog_name="likewise")
    assert shown.exit_code == 0
    listed = dict(
        line.split(maxsplit=1) for line in shown.stdout.partition("Commands:\n")[2].splitlines() if line
    )
    assert list(listed) == COMMANDS[group]
    assert [line for line in listed.values() if line.endswith("...")] == []


@pytest.mark.parametrize(
    "command", [f"{group} {name}".strip() for group, names in COMMANDS.items() for name in names]
)
def test_help_is_plain_text_without_what_is_of_the_whole_command(command: str) -> None:
    shown = RUNNER.invoke(app, [*command.split(), "--help"], prog_name="likewise")
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"Usage: likewise {command} ")
    assert "╭" not in shown.stdout
    assert "completion" not in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
