"""What ``likewise rules`` tells: rules with their records, dry runs, suggestions."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from likewise.values import money_value
from likewise_server.cli.common import console, money, plain
from likewise_server.cli.rule_words import spoken, spoken_labels

if TYPE_CHECKING:
    import likewise


def rules_table(rules: "Iterable[likewise.Rule]") -> Table:
    """Rules as a table, in the order in which they are tried."""
    table = _table("rule", "name", "if", "label", "right of decided", "")
    for rule in rules:
        records = [f"{record.right:,} of {record.decided:,}" for record in rule.records]
        table.add_row(
            plain(rule.id),
            plain(rule.name),
            plain(" and ".join(map(spoken, rule.conditions))),
            plain(spoken_labels(rule)),
            "; ".join(records),
            plain(_remarks(rule)),
        )
    return table


def show_rule(rule: "likewise.Rule") -> None:
    """Show one rule."""
    console.print(Text.assemble((plain(rule.name or rule.id), "bold"), f"  ({plain(rule.id)})"))
    for number, condition in enumerate(rule.conditions):
        console.print(f"  {'and' if number else 'if '} {plain(spoken(condition))}", soft_wrap=True)
    console.print(f"  then {plain(spoken_labels(rule))}", soft_wrap=True)
    for record in rule.records:
        told = (
            f"right in {record.right:,} of the {record.decided:,} entries that it decides"
            if record.decided
            else "decides no entry of a person yet"
        )
        console.print(f"  {plain(record.dimension)}: {told}; taken to be right in {record.probability:.1%}")
    if remarks := _remarks(rule):
        console.print(Text(f"  {plain(remarks)}", style="yellow"))


def show_trial(trial: "likewise.TryRuleResponse") -> None:
    """Show what would come of a rule."""
    console.print(
        f"{trial.matched:,} of {trial.entries:,} transactions are as it says;"
        f" {trial.taken_over:,} of them another rule decides by now."
    )
    table = _table("dimension", "category", "decided", "right", "wrong", "share", "machine's", "unlabelled")
    for column in table.columns[2:]:
        column.justify = "right"
    for each in trial.trials:
        share = f"{each.right / each.decided:.1%}" if each.decided else ""
        counts = (each.decided, each.right, each.wrong)
        others = (each.machine_changed, each.unlabelled)
        cells = [f"{count:,}" for count in counts], [f"{count:,}" for count in others]
        table.add_row(plain(each.dimension), plain(each.category), *cells[0], share, *cells[1])
    if trial.trials:
        console.print(table)
    for title, style, entries in (
        ("A person had it otherwise", "red", trial.wrong_examples),
        ("A person had it so", "green", trial.right_examples),
    ):
        if entries:
            console.print(Text(f"{title}, the latest:", style=style))
            console.print(Padding(_examples(entries), (0, 0, 0, 2), expand=False))


def suggestions_table(suggestions: "Sequence[likewise.RuleSuggestion]") -> Table:
    """Suggestions as a table."""
    table = _table("if", "label", "right", "surely", "later right")
    for column in table.columns[2:]:
        column.justify = "right"
    for each in suggestions:
        table.add_row(
            plain(" and ".join(map(spoken, each.rule.conditions))),
            plain(spoken_labels(each.rule)),
            f"{each.right:,} of {each.support:,}",
            f"{each.precision_min:.1%}",
            f"{each.later_right:,} of {each.later_support:,}",
        )
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _remarks(rule: "likewise.Rule") -> str:
    remarks = [] if rule.active else ["not applied"]
    remarks += [f"{record.dimension}: {record.suspended}" for record in rule.records if record.suspended]
    if rule.priority:
        remarks.append(f"priority {rule.priority}")
    return "; ".join(remarks)


def _examples(entries: "Iterable[likewise.LedgerEntry]") -> Table:
    table = _table("transaction", "date", "amount", "payee", "description", "labels")
    for entry in entries:
        transaction, labels = entry.labelled.transaction, entry.labelled.labels
        day = transaction.date
        amount = transaction.amount
        table.add_row(
            plain(transaction.id),
            f"{day.year}-{day.month:02}-{day.day:02}" if transaction.HasField("date") else "",
            money(money_value(amount), amount.currency_code) if transaction.HasField("amount") else "",
            plain(transaction.payee),
            plain(transaction.description),
            plain(", ".join(labels[dimension] for dimension in sorted(labels))),
        )
    return table
