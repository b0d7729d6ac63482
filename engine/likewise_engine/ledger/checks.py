"""What is checked before a ledger is taught, asked to forget, or changed: bounds that hold for any tenant."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from likewise_engine import limits
from likewise_engine.chart import Category, Policy
from likewise_engine.errors import FieldViolation, InvalidInput
from likewise_engine.ledger.purge import CategoryPurge
from likewise_engine.ledger.reshape import Reshaping
from likewise_engine.transaction import LabelledTransaction, violations_of_string

VIOLATIONS_SHOWN_MAX: Final = 100
"""Violations reported of one refused batch."""


def check_settings(policy: Policy | None, display_name: str | None, categories: Sequence[Category]) -> None:
    """Raise InvalidInput naming everything about a tenant's settings that is out of bounds."""
    violations = [v.beneath("policy") for v in (policy.violations() if policy else ())]
    violations += violations_of_string("display_name", display_name or "", limits.CATEGORY_NAME_CHARS_MAX)
    for position, category in enumerate(categories):
        violations += (v.beneath(f"chart[{position}]") for v in category.violations())
    if len({(c.dimension, c.id) for c in categories}) < len(categories):
        violations.append(FieldViolation("chart", "names a category twice"))
    if violations:
        raise InvalidInput(violations[:VIOLATIONS_SHOWN_MAX])


def check_batch(items: Sequence[LabelledTransaction], request_id: str) -> None:
    """Raise InvalidInput for a batch that cannot be learned whole."""
    violations = list(violations_of_string("request_id", request_id, limits.REQUEST_ID_CHARS_MAX))
    if not items:
        violations.append(FieldViolation("transactions", "is empty"))
    elif len(items) > limits.BATCH_ITEMS_MAX:
        violations.append(FieldViolation("transactions", _too_many(len(items))))
    else:
        violations += beneath(items, LabelledTransaction.violations)
        first: dict[str, int] = {}
        for position, item in enumerate(items):
            if first.setdefault(item.transaction.id, position) != position and item.transaction.id:
                message = f"is that of transactions[{first[item.transaction.id]}] too: an id may occur once"
                violations.append(FieldViolation(f"transactions[{position}].transaction.id", message))
    if violations:
        raise InvalidInput(violations[:VIOLATIONS_SHOWN_MAX])


def check_import(items: Sequence[LabelledTransaction]) -> None:
    """Raise InvalidInput for a batch that is too large."""
    if len(items) > limits.BATCH_ITEMS_MAX:
        raise InvalidInput.of("transactions", _too_many(len(items)))


def check_change(wanted: Reshaping | CategoryPurge, request_id: str) -> None:
    """Raise InvalidInput for a change that no chart allows."""
    violations = list(wanted.violations())
    violations += violations_of_string("request_id", request_id, limits.REQUEST_ID_CHARS_MAX)
    if violations:
        raise InvalidInput(violations[:VIOLATIONS_SHOWN_MAX])


def beneath(
    items: Sequence[LabelledTransaction],
    violations_of: Callable[[LabelledTransaction], Iterator[FieldViolation]],
) -> list[FieldViolation]:
    """The first violations of a batch, each under its item's position."""
    violations: list[FieldViolation] = []
    for position, item in enumerate(items):
        violations += (violation.beneath(f"transactions[{position}]") for violation in violations_of(item))
        if len(violations) >= VIOLATIONS_SHOWN_MAX:
            break
    return violations[:VIOLATIONS_SHOWN_MAX]


def check_ids(transaction_ids: Sequence[str]) -> None:
    """Raise InvalidInput for ids that no transaction can have, for none, or for too many."""
    if not 1 <= len(transaction_ids) <= limits.BATCH_ITEMS_MAX:
        message = f"has {len(transaction_ids)} ids; 1 to {limits.BATCH_ITEMS_MAX} are allowed"
        raise InvalidInput.of("transaction_ids", message)
    violations: list[FieldViolation] = []
    for position, transaction_id in enumerate(transaction_ids):
        name = f"transaction_ids[{position}]"
        if not transaction_id:
            violations.append(FieldViolation(name, "is empty"))
        violations += violations_of_string(name, transaction_id, limits.TRANSACTION_ID_CHARS_MAX)
    if violations:
        raise InvalidInput(violations[:VIOLATIONS_SHOWN_MAX])


def _too_many(count: int) -> str:
    return f"has {count} items; at most {limits.BATCH_ITEMS_MAX} are allowed in one batch"
