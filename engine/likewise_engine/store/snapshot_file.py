"""A snapshot of a tenant's store in one file, which is read in a tenth of the time that the store takes.

A header of JSON, then arrays as they lie in memory (little-endian), each beginning at a multiple of 64.
Strings are joined by line feeds, of which texts, payees and ids have none. It is a cache: whether it may be
trusted, and fits the store, is for :mod:`likewise_engine.ledger.caches` to say.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from io import BytesIO
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.chart import Category, Policy
from likewise_engine.errors import StoreFault
from likewise_engine.store.base import Known, Snapshot, TenantRecord, TenantStore
from likewise_engine.store.columns import EntryColumns, OutcomeColumns

FORMAT: Final = "snapshot-2"
_ALIGNMENT: Final = 64
_SEPARATOR: Final = "\n"
_ENTRY_ARRAYS: Final = (
    "seq",
    "text",
    "payee",
    "day",
    "order_day",
    "amount",
    "direction",
    "label_rows",
    "label_categories",
)
_OUTCOME_ARRAYS: Final = ("ids", "seqs", "predicted", "probability", "filed")


def written_snapshot(store: TenantStore) -> tuple[Known, bytes]:
    """A store's snapshot as it is written, and how much it is.

    Raises:
        StoreFault: the store failed, or holds what cannot be written so.
    """
    snapshot, content = store.snapshot(), BytesIO()
    try:
        write(snapshot, content)
    except ValueError as error:
        raise StoreFault(f"the tenant has no snapshot: {error}") from error
    if content.tell() > limits.SNAPSHOT_BYTES_MAX:
        raise StoreFault(f"the tenant has no snapshot: it would have {content.tell():,} bytes")
    return snapshot.known, content.getvalue()


def write(snapshot: Snapshot, file: BinaryIO) -> None:
    """Write a snapshot. Raises ValueError where a string has a line feed: no such tenant can be cached."""
    entries, record = snapshot.entries, snapshot.record
    currencies = list(dict.fromkeys(entries.currencies))
    codes = {currency: code for code, currency in enumerate(currencies)}
    arrays: dict[str, NDArray[Any]] = {
        "text_ids": snapshot.text_ids,
        "vectors": snapshot.vectors,
        "payee_ids": snapshot.payee_ids,
        "currency": np.array([codes[currency] for currency in entries.currencies], dtype=np.int16),
        "texts": _packed(snapshot.texts),
        "payees": _packed(snapshot.payees),
        "transaction_ids": _packed(entries.transaction_ids),
    }
    arrays |= {f"entries.{name}": getattr(entries, name) for name in _ENTRY_ARRAYS}
    arrays |= {f"outcomes.{name}": getattr(snapshot.outcomes, name) for name in _OUTCOME_ARRAYS}
    header = {
        "record": asdict(record) | {"created": record.created.isoformat()},
        "known": asdict(snapshot.known),
        "categories": [asdict(category) for category in snapshot.categories],
        "currencies": currencies,
        "arrays": {name: (_stored(a).dtype.str, a.shape) for name, a in arrays.items()},
    }
    line = json.dumps(header).encode() + b"\n"
    file.write(line + b" " * (-len(line) % _ALIGNMENT))
    for array in arrays.values():
        content = _stored(array).tobytes()
        file.write(content + b"\0" * (-len(content) % _ALIGNMENT))


def read(content: bytearray) -> Snapshot:
    """The snapshot that :func:`write` wrote, over the bytes that it is given.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    end = content.index(b"\n") + 1
    header = json.loads(content[:end])
    arrays: dict[str, NDArray[Any]] = {}
    start = end + -end % _ALIGNMENT
    for name, (dtype, shape) in header["arrays"].items():
        count = int(np.prod(shape))
        array = np.frombuffer(content, dtype=dtype, count=count, offset=start).reshape(shape)
        arrays[name] = array
        start += array.nbytes + -array.nbytes % _ALIGNMENT
    currency_of: list[str] = header["currencies"]
    entries = EntryColumns(
        **{name: arrays[f"entries.{name}"] for name in _ENTRY_ARRAYS},
        currencies=list(map(currency_of.__getitem__, arrays["currency"].tolist())),
        transaction_ids=_unpacked(arrays["transaction_ids"]),
    )
    return Snapshot(
        record=_record(header["record"]),
        known=Known(**header["known"]),
        categories=[_category(category) for category in header["categories"]],
        text_ids=arrays["text_ids"],
        texts=_unpacked(arrays["texts"]),
        vectors=arrays["vectors"],
        payee_ids=arrays["payee_ids"],
        payees=_unpacked(arrays["payees"]),
        entries=entries,
        outcomes=OutcomeColumns(**{name: arrays[f"outcomes.{name}"] for name in _OUTCOME_ARRAYS}),
    )


def _stored(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))


def _packed(strings: Sequence[str]) -> NDArray[np.uint8]:
    """Strings in one array: none is empty, a first line says how many there are."""
    joined = _SEPARATOR.join((str(len(strings)), *strings))
    if joined.count(_SEPARATOR) != len(strings):
        raise ValueError("a string has a line feed")
    return np.frombuffer(joined.encode(), dtype=np.uint8)


def _unpacked(array: NDArray[np.uint8]) -> list[str]:
    count, *strings = array.tobytes().decode().split(_SEPARATOR)
    if int(count) != len(strings):
        raise ValueError("strings are missing")
    return strings


def _record(fields: Mapping[str, Any]) -> TenantRecord:
    created, policy = datetime.fromisoformat(fields["created"]), Policy(**fields["policy"])
    return TenantRecord(**{**fields, "created": created, "policy": policy})


def _category(fields: Mapping[str, Any]) -> Category:
    return Category(**{**fields, "former_ids": tuple(fields["former_ids"])})
