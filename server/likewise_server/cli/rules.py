"""``likewise rules``: what comes before all that was learned."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from likewise_server.cli.common import (
    DataOption,
    ServerOption,
    TenantArgument,
    YesOption,
    confirm,
    connected,
    console,
    fail,
    plain,
    reported,
)

if TYPE_CHECKING:
    import likewise

rules_app = typer.Typer(
    help="Write, try and mine the rules that come first.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

_CONDITION_HELP: Final = (
    "A condition, such as 'payee contains tesco', 'text matches ^uber', 'amount within -50..-10 EUR', "
    "'direction equals out', 'weekday equals monday | friday', 'field:voucher equals V-17'; repeatable, all "
    "have to hold."
)
RuleArgument = Annotated[str, typer.Argument(help="Id of the rule.", metavar="RULE")]
ConditionOption = Annotated[list[str] | None, typer.Option("--if", metavar="WORDS", help=_CONDITION_HELP)]
LabelOption = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        metavar="CATEGORY",
        help="What it is filed under; DIMENSION=CATEGORY for another dimension.",
    ),
]
NameOption = Annotated[str | None, typer.Option(metavar="TEXT", help="A name for people.")]
PriorityOption = Annotated[
    int | None, typer.Option(metavar="NUMBER", help="The higher is tried first; 0 if not given.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON.")]


@rules_app.command("list")
def list_rules(
    tenant: TenantArgument, as_json: JsonOption = False, server: ServerOption = None, data: DataOption = None
) -> None:
    """List the rules. They are tried in this order; each has its record."""
    from likewise_server.cli.rule_report import rules_table

    with connected(server, data) as client:
        rules = list(client.rules.list(tenant))
    if as_json:
        console.print(_json(rules), soft_wrap=True)
    elif rules:
        console.print(rules_table(rules))
    else:
        console.print("There are no rules: write one with 'likewise rules add', or look at 'suggest'.")


@rules_app.command()
def show(
    tenant: TenantArgument,
    rule: RuleArgument,
    as_json: JsonOption = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Show one rule: its conditions, labels and record."""
    from likewise_server.cli.rule_report import show_rule

    with connected(server, data) as client:
        found = client.rules.get(tenant, rule)
    if as_json:
        console.print(_json(found), soft_wrap=True)
    else:
        show_rule(found)


@rules_app.command()
def add(
    tenant: TenantArgument,
    condition: ConditionOption = None,
    label: LabelOption = None,
    rule_id: Annotated[str, typer.Option("--id", metavar="ID", help="Its id; one is chosen without.")] = "",
    name: NameOption = None,
    priority: PriorityOption = None,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Add a rule. What is as it says is FILEd so from then on, whatever was learned."""
    from likewise_server.cli.rule_report import show_rule

    with connected(server, data) as client:
        made = client.rules.create(tenant, _rule(rule_id, condition, label, name, priority))
    show_rule(made)


@rules_app.command()
def edit(
    tenant: TenantArgument,
    rule: RuleArgument,
    condition: ConditionOption = None,
    label: LabelOption = None,
    name: NameOption = None,
    priority: PriorityOption = None,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Change what is given of a rule. New conditions take the place of all old ones, and so do labels."""
    from likewise_server.cli.rule_report import show_rule

    given = {"conditions": condition, "labels": label, "name": name, "priority": priority}
    mask = [path for path, value in given.items() if value is not None]
    if not mask:
        fail("nothing is to change: give --if, --label, --name or --priority", status=2)
    with connected(server, data) as client:
        changed = client.rules.update(tenant, _rule(rule, condition, label, name, priority), update_mask=mask)
    show_rule(changed)


@rules_app.command()
def remove(
    tenant: TenantArgument,
    rule: RuleArgument,
    yes: YesOption = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Delete a rule."""
    confirm(f"Delete the rule {rule!r}?", yes=yes)
    with connected(server, data) as client:
        client.rules.delete(tenant, rule)
    console.print(f"Deleted the rule {rule!r}.")


@rules_app.command()
def enable(
    tenant: TenantArgument, rule: RuleArgument, server: ServerOption = None, data: DataOption = None
) -> None:
    """Apply a rule again."""
    _switch(tenant, rule, server, data, active=True)


@rules_app.command()
def disable(
    tenant: TenantArgument, rule: RuleArgument, server: ServerOption = None, data: DataOption = None
) -> None:
    """Keep a rule without applying it."""
    _switch(tenant, rule, server, data, active=False)


@rules_app.command("try")
def try_rule(
    tenant: TenantArgument,
    rule: Annotated[str, typer.Argument(help="Id of a rule that there is.", metavar="RULE")] = "",
    condition: ConditionOption = None,
    label: LabelOption = None,
    priority: PriorityOption = None,
    examples: Annotated[int, typer.Option(min=0, help="Transactions to show of each kind.")] = 5,
    as_json: JsonOption = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Hold a rule against history. How often would it have been right? Nothing is written.

    Without conditions, the rule of the id as it is; with some, what it would be with them.
    """
    from likewise_server.cli.rule_report import show_trial

    if not rule and not condition:
        fail("name a rule, or say what one would be with --if and --label", status=2)
    with connected(server, data) as client:
        wanted = client.rules.get(tenant, rule) if rule else _rule("", None, None, None, None)
        given = _rule(rule, condition, label, None, priority)
        for field in ("conditions", "labels"):
            if getattr(given, field):
                wanted.ClearField(field)
        wanted.MergeFrom(given)
        trial = client.rules.dry_run(tenant, wanted, max_examples=examples or -1)
    if as_json:
        console.print(_json(trial), soft_wrap=True)
    else:
        show_trial(trial)


@rules_app.command()
def suggest(
    tenant: TenantArgument,
    dimension: Annotated[
        str, typer.Option(metavar="NAME", help="The dimension, such as tax_code.")
    ] = "category",
    limit: Annotated[int, typer.Option(min=1, help="Suggestions at most.")] = 50,
    min_support: Annotated[
        int,
        typer.Option(
            min=0, show_default=False, help="Transactions that one decides at least; 8 if not given."
        ),
    ] = 0,
    min_precision: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            show_default=False,
            help="How sure one has to be: a lower bound, .85 if not given.",
        ),
    ] = 0.0,
    out: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, metavar="FILE", help="Write them to a file, for 'likewise rules import'."
        ),
    ] = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Suggest rules that history bears out. Nothing becomes a rule by itself."""
    from likewise_server.cli.rule_report import suggestions_table
    from likewise_server.cli.rule_words import written

    with connected(server, data) as client:
        found = client.rules.suggest(
            tenant,
            dimension=dimension,
            max_suggestions=limit,
            min_support=min_support,
            min_precision=min_precision,
        )
    if out is not None:
        with reported():
            out.write_text(written(suggestion.rule for suggestion in found), encoding="utf-8")
    if as_json:
        console.print(_json(found), soft_wrap=True)
    elif found:
        console.print(suggestions_table(found))
        if out is not None:
            console.print(f"Wrote {len(found):,} suggestions to {plain(str(out))}.", soft_wrap=True)
    else:
        console.print("Nothing in the history is as regular as that: a plain rule would be wrong too often.")


@rules_app.command("export")
def export_rules(
    tenant: TenantArgument,
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to.", metavar="FILE")],
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Write the rules to a file of JSON."""
    from likewise_server.cli.rule_words import written

    with connected(server, data) as client:
        rules = list(client.rules.list(tenant))
        file.write_text(written(rules), encoding="utf-8")
    console.print(f"Wrote {len(rules):,} rules to {file}.")


@rules_app.command("import")
def import_rules(
    tenant: TenantArgument,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="From where.", metavar="FILE")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace rules of the same id.")] = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Take in rules from a file, those first that are tried first. All of the new ones, or none.

    A rule without an id, as suggestions are, is new unless there is one that says the same.
    """
    from likewise_server.cli.rule_words import read, said

    with connected(server, data) as client:
        there = list(client.rules.list(tenant))
        known, known_to_say = {rule.id for rule in there}, {said(rule) for rule in there}
        rules = read(_content(file))
        fresh = [r for r in rules if r.id not in known and (r.id or said(r) not in known_to_say)]
        others = [rule for rule in rules if rule.id in known]
        if fresh:
            client.rules.create_all(tenant, fresh)
        for rule in others if replace else ():
            mask = ["name", "priority", "active", "conditions", "labels"]
            client.rules.update(tenant, rule, update_mask=mask)
    replaced = len(others) if replace else 0
    told = f", {replaced:,} replaced" if replace else ""
    console.print(f"{len(fresh):,} added{told}, {len(rules) - len(fresh) - replaced:,} left as they are.")


def _content(file: Path) -> str:
    """What a file of rules says. Raises ValueError: it is no text."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no file of rules: {file} is not text in UTF-8") from error


def _json(messages: Any) -> str:
    """A message, or a list of them, as JSON."""
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import Message

    def document(message: Message) -> Any:
        return MessageToDict(message, preserving_proto_field_name=True)

    is_one = isinstance(messages, Message)
    return json.dumps(document(messages) if is_one else [document(message) for message in messages])


def _switch(tenant: str, rule: str, server: str | None, data: Path | None, *, active: bool) -> None:
    import likewise

    with connected(server, data) as client:
        client.rules.update(tenant, likewise.Rule(id=rule, active=active), update_mask=["active"])
    console.print(f"The rule {rule!r} is {'applied again' if active else 'kept, and not applied'}.")


def _rule(
    rule_id: str,
    conditions: list[str] | None,
    labels: list[str] | None,
    name: str | None,
    priority: int | None,
) -> "likewise.Rule":
    """The rule that options say. Raises ValueError."""
    import likewise
    from likewise_server.cli.rule_words import condition_of, labels_of

    return likewise.Rule(
        id=rule_id,
        name=name or "",
        priority=priority or 0,
        conditions=map(condition_of, conditions or ()),
        labels=labels_of(labels or ()),
    )
