"""Conditions as plain values, as JSON has them: in the store, in exports, in files of rules."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from likewise_engine.rules.rule import Condition, Operator, RuleField

_TEXTS: Final = ("field_name", "currency")
_AMOUNTS: Final = ("min_amount", "max_amount")
_NAMES: Final = frozenset({"field", "operator", "values", *_TEXTS, *_AMOUNTS})


def plain_condition(condition: Condition) -> dict[str, Any]:
    """What a condition says; what it does not say is left out."""
    said: dict[str, Any] = {"field": condition.field.value, "operator": condition.operator.value}
    if condition.values:
        said["values"] = list(condition.values)
    said |= {name: value for name in _TEXTS if (value := getattr(condition, name))}
    amounts = {name: getattr(condition, name) for name in _AMOUNTS}
    return said | {name: str(amount) for name, amount in amounts.items() if amount is not None}


def condition_of(plain: object) -> Condition:
    """The condition that :func:`plain_condition` gave, unchecked but for its types.

    Raises:
        ValueError: it is none; says why.
    """
    if not isinstance(plain, Mapping) or not plain.keys() <= _NAMES:
        raise ValueError(f"is no condition: it has other names than {', '.join(sorted(_NAMES))}")
    values = plain.get("values", [])
    texts = {name: plain.get(name, "") for name in _TEXTS}
    if not isinstance(values, list) or not all(isinstance(text, str) for text in (*values, *texts.values())):
        raise ValueError("is no condition: its values are no texts")
    try:
        return Condition(
            RuleField(plain["field"]),
            Operator(plain["operator"]),
            tuple(values),
            **texts,
            min_amount=_amount(plain, "min_amount"),
            max_amount=_amount(plain, "max_amount"),
        )
    except (InvalidOperation, KeyError, TypeError, ValueError) as error:
        raise ValueError("is no condition: its field, operator or amount is none") from error


def _amount(plain: Mapping[str, Any], name: str) -> Decimal | None:
    return Decimal(plain[name]) if name in plain else None
