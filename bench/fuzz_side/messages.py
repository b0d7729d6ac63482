"""Messages of any type, made by its descriptor: valid ones, nearly valid ones, wild ones."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from fuzz_side.chance import Chance

TENANTS: Final = (
    *(f"tenant-{number}" for number in range(12)),
    "..",
    ".",
    "../x",
    "%2e%2e",
    "CON",
    "lock",
    "aside",
    "Tenant-0",
    "caf\u00e9",
    "cafe\u0301",
    "\u0441\u0430f\u0435",
    "\U0001f950",
    "x" * 80,
)
"""Ids that tenants may have: any is a folder of its own."""
_CATEGORIES: Final = ("food", "rent", "coffee", "tax", "Food", "f\u00f6\u00f6d", "4210")
_RULES: Final = ("rule-1", "rule-2", "castle")
_IDS: Final = tuple(f"t{number}" for number in range(40))
_WORDING: Final = (
    "TESCO STORES 2231",
    "CAFFE ROASTERS LTD",
    "CITY ENERGY",
    "AMZN Mktp DE*2K4AB3",
    "Miete 03/2026",
)

_KNOWN: Final[Mapping[str, Callable[[Chance], Any]]] = {
    "tenant": lambda c: c.choice(TENANTS),
    "Tenant.id": lambda c: c.choice(TENANTS),
    "Transaction.id": lambda c: c.choice(_IDS),
    "transaction_id": lambda c: c.choice(_IDS),
    "transaction_ids": lambda c: c.choice(_IDS),
    "payee": lambda c: c.choice(_WORDING),
    "description": lambda c: c.choice(_WORDING),
    "currency_code": lambda c: c.choice(("EUR", "GBP", "")),
    "units": lambda c: c.randint(0, 500),
    "nanos": lambda c: c.choice((0, 500_000_000)),
    "year": lambda c: c.randint(2020, 2026),
    "month": lambda c: c.randint(1, 12),
    "day": lambda c: c.randint(1, 28),
    "category": lambda c: c.choice(_CATEGORIES),
    "categories": lambda c: c.choice(_CATEGORIES),
    "into": lambda c: c.choice(_CATEGORIES),
    "new_id": lambda c: c.choice(_CATEGORIES),
    "Category.id": lambda c: c.choice(_CATEGORIES),
    "dimension": lambda c: c.choice(("", "category", "category", "tax")),
    "dimensions": lambda c: c.choice(("category", "tax")),
    "key": lambda c: c.choice(("category", "tax")),
    "value": lambda c: c.choice(_CATEGORIES),
    "target_precision": lambda c: c.choice((0.0, 0.5, 0.9, 0.98)),
    "min_revision": lambda c: c.randint(0, 3),
    "max_candidates": lambda c: c.randint(0, 50),
    "max_neighbours": lambda c: c.randint(-1, 64),
    "page_size": lambda c: c.choice((0, 1, 7)),
    "page_token": lambda _: "",
    "payee_contains": lambda c: c.choice(("tesco", "e", "roasters")),
    "request_id": lambda c: c.choice(("", f"r{c.randrange(1_000)}")),
    "paths": lambda c: c.choice(("display_name", "policy", "chart", "policy.closed_chart")),
    "merged_into": lambda _: "",
    "rule_id": lambda c: c.choice(_RULES),
    "Rule.id": lambda c: c.choice(("", *_RULES)),
    "min_support": lambda c: c.choice((0, 1, 8)),
    "min_precision": lambda c: c.choice((0.0, 0.5)),
    "max_suggestions": lambda c: c.randint(0, 9),
    "max_examples": lambda c: c.randint(-1, 9),
    "max_entries": lambda c: c.choice((0, 1, 50)),
    "max_findings": lambda c: c.choice((0, 1, 9)),
}
"""What makes sense in a field, by its name."""
_NEEDED: Final = frozenset(
    [
        "tenant",
        "id",
        "transaction",
        "transactions",
        "labels",
        "payee",
        "units",
        "year",
        "month",
        "category",
        "categories",
        "into",
        "selection",
        "transaction_id",
        "transaction_ids",
        "payee_contains",
        "rule",
        "rules",
        "rule_id",
    ]
)
_DEPTH_MAX: Final = 4


def message_of(kind: Descriptor, chance: Chance, wildness: float) -> Message:
    """A message.

    Args:
        kind: its type.
        chance: what it is made of.
        wildness: the share of fields that hold what nobody would send; of 0 it makes sense throughout.
    """
    message: Message = GetMessageClass(kind)()
    _fill(message, chance, wildness, 0)
    return message


def _fill(message: Message, chance: Chance, wildness: float, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if chance.random() < (0.97 if field.name in _NEEDED else 0.4) and depth <= _DEPTH_MAX:
            _set(message, field, chance, wildness, depth)


def _set(message: Message, field: Any, chance: Chance, wildness: float, depth: int) -> None:
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        for _ in range(_count(chance, wildness)):
            entry = field.message_type.fields_by_name
            key = _scalar(entry["key"], chance, wildness)
            content = entry["value"]
            if content.message_type is None:
                value[key] = _scalar(content, chance, wildness)
    elif field.message_type is not None:
        if field.is_repeated:
            for _ in range(_count(chance, wildness)):
                _fill(value.add(), chance, wildness, depth + 1)
        else:
            value.SetInParent()
            _fill(value, chance, wildness, depth + 1)
    elif field.is_repeated:
        value.extend(_scalar(field, chance, wildness) for _ in range(_count(chance, wildness)))
    else:
        setattr(message, field.name, _scalar(field, chance, wildness))


def _count(chance: Chance, wildness: float) -> int:
    if chance.random() < wildness / 4:
        return chance.choice((0, 17, 40, 300))
    return chance.randint(1, 3)


def _scalar(field: Any, chance: Chance, wildness: float) -> Any:
    known = _KNOWN.get(f"{field.containing_type.name}.{field.name}") or _KNOWN.get(field.name)
    if known is not None and chance.random() >= wildness:
        return known(chance)
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            return chance.randbytes(8) if field.type == FieldDescriptor.TYPE_BYTES else chance.valid_text()
        case FieldDescriptor.CPPTYPE_BOOL:
            return chance.one_in(2)
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            return chance.real()
        case FieldDescriptor.CPPTYPE_ENUM:
            return chance.choice((0, 1, 2, 3, 99)) if chance.random() < wildness else chance.choice((0, 1, 2))
        case FieldDescriptor.CPPTYPE_INT64:
            return chance.number()
        case _:
            return max(-(2**31), min(2**31 - 1, chance.number()))
