"""Rules in words and in files, as ``likewise rules`` reads and writes them."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

import likewise
from likewise.values import money_value

_FIELD_PREFIX: Final = "field:"
_SEVERAL: Final = " | "
_RANGE: Final = re.compile(r"(?P<low>[^ .]*(?:\.\d+)?)\.\.(?P<high>\S*)(?: (?P<currency>[A-Z]{3}))?")
_OUTPUT_ONLY: Final = ("records", "create_time")
_FIELDS: Final = [name.removeprefix("RULE_FIELD_").lower() for name in likewise.RuleField.keys()[1:]]
_OPERATORS: Final = [name.removeprefix("RULE_OPERATOR_").lower() for name in likewise.RuleOperator.keys()[1:]]


def condition_of(words: str) -> likewise.RuleCondition:
    """The condition that words say. Raises ValueError."""
    field, _, rest = words.strip().partition(" ")
    operator, _, said = rest.strip().partition(" ")
    said = said.strip()
    if not said:
        raise ValueError(
            f"{words!r} is no condition: say FIELD OPERATOR VALUE, such as 'payee contains tesco'"
        )
    name = ""
    if field.startswith(_FIELD_PREFIX):
        field, name = "further", field.removeprefix(_FIELD_PREFIX)
    try:
        _check_known(field, _FIELDS, "field")
        _check_known(operator, _OPERATORS, "operator")
        if operator == "within":
            return _within(field, said)
        values = [said] if operator == "matches" else [value.strip() for value in said.split(_SEVERAL)]
        return likewise.condition(field, operator, *values, field_name=name)
    except ValueError as error:
        raise ValueError(f"{words!r} is no condition: {error}") from error


def labels_of(words: Sequence[str]) -> dict[str, str]:
    """Category by dimension, of CATEGORY or DIMENSION=CATEGORY. Raises ValueError: two of one dimension."""
    labels: dict[str, str] = {}
    for word in words:
        dimension, is_named, category = word.partition("=")
        if not is_named:
            dimension, category = likewise.CATEGORY_DIMENSION, word
        if labels.setdefault(dimension, category) != category:
            raise ValueError(f"two labels are given for the dimension {dimension!r}")
    return labels


def spoken(condition: likewise.RuleCondition) -> str:
    """A condition in the words that :func:`condition_of` reads."""
    field = likewise.RuleField.Name(condition.field).removeprefix("RULE_FIELD_").lower()
    operator = likewise.RuleOperator.Name(condition.operator).removeprefix("RULE_OPERATOR_").lower()
    if condition.field == likewise.RuleField.RULE_FIELD_FURTHER:
        field = f"{_FIELD_PREFIX}{condition.field_name}"
    said = _SEVERAL.join(condition.values)
    if condition.operator == likewise.RuleOperator.RULE_OPERATOR_WITHIN:
        bounds = [
            f"{money_value(getattr(condition, bound)):f}" if condition.HasField(bound) else ""
            for bound in ("min_amount", "max_amount")
        ]
        currency = condition.min_amount.currency_code or condition.max_amount.currency_code
        said = f"{'..'.join(bounds)} {currency}".rstrip()
    return f"{field} {operator} {said}"


def spoken_labels(rule: likewise.Rule) -> str:
    """What a rule says, as :func:`labels_of` reads it."""
    return ", ".join(
        category if dimension == likewise.CATEGORY_DIMENSION else f"{dimension}={category}"
        for dimension, category in sorted(rule.labels.items())
    )


def told(rule: likewise.Rule) -> dict[str, Any]:
    """A rule as JSON, without what only a server knows."""
    document = MessageToDict(rule, preserving_proto_field_name=True)
    return {name: value for name, value in document.items() if name not in _OUTPUT_ONLY}


def said(rule: likewise.Rule) -> str:
    """What a rule says, whatever it is called: equal for two that say the same in the same words."""
    document = told(rule)
    return json.dumps([document.get("conditions"), document.get("labels")], sort_keys=True)


def written(rules: Iterable[likewise.Rule]) -> str:
    """A file of rules."""
    return json.dumps([told(rule) for rule in rules], indent=1, ensure_ascii=False) + "\n"


def read(content: str) -> list[likewise.Rule]:
    """The rules of a file. Raises ValueError: it is none."""
    try:
        documents = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no file of rules: {error}") from error
    if not isinstance(documents, list):
        raise ValueError("it is no file of rules: it is no JSON list")
    return [_read(position, document) for position, document in enumerate(documents)]


def _read(position: int, document: object) -> likewise.Rule:
    if not isinstance(document, dict):
        raise ValueError(f"it is no file of rules: rules[{position}] is no JSON object")
    try:
        return ParseDict(document, likewise.Rule())
    except (ValueError, ParseError, RecursionError, AttributeError, TypeError) as error:
        told = str(error).partition("\n")[0]  # What follows are Python's names of all other fields.
        raise ValueError(f"it is no file of rules: rules[{position}]: {told}") from error


def _check_known(word: str, known: Sequence[str], what: str) -> None:
    if word not in known:
        listed = ", ".join(f"{_FIELD_PREFIX}NAME" if each == "further" else each for each in known)
        raise ValueError(f"there is no {what} {word!r}; there are {listed}")


def _within(field: str, said: str) -> likewise.RuleCondition:
    bounds = _RANGE.fullmatch(said)
    if bounds is None:
        raise ValueError("give a range, such as -50..-10, ..-10 or 5.. EUR")
    low, high = bounds["low"] or None, bounds["high"] or None
    currency = bounds["currency"] or ""
    return likewise.condition(field, "within", min_amount=low, max_amount=high, currency=currency)
