"""Data folders as each earlier version of Likewise wrote them: how they are made, and how they are read.

``fixtures/README.md`` says how to make one. What writes uses nothing of the engine but what its first version
had, since it runs on the version that the fixture is of; what came later is done where the version can.
"""

import io
import json
import sys
import tarfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from likewise_engine.chart import Category
from likewise_engine.encoder.hashing import HashingEncoder
from likewise_engine.store import migrations
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import Authority, Direction, LabelledTransaction, Transaction

FIXTURES: Final = Path(__file__).parent / "fixtures"
DIMENSIONS: Final = 32
"""Of the vectors: few, so that the fixtures stay small."""

_CHART: Final = (
    Category("travel", name="Travel", description="Trains, taxis, hotels"),
    Category("materials", name="Materials"),
    Category("power", name="Heat and power"),
    Category("old-stock", name="Old stock", active=False),
    Category("standard", "tax-code", "Standard rate"),
    Category("zero", "tax-code", "Zero rate"),
)
_STUDIO: Final = (
    # id, day, amount, payee, description, labels, predicted
    ("s1", 1, "-84.20", "NORDRAIL TICKETS", "Return fare", "travel/zero", ""),
    ("s2", 2, "-12.50", "Harbour Timber Ltd", "Oak boards 4711", "materials/standard", ""),
    ("s3", 3, "-210.00", "CITY ENERGY", "", "power/standard", ""),
    ("s4", 5, "-91.75", "NORDRAIL TICKETS", "Return fare", "travel/zero", ""),
    ("s5", 8, "-33.10", "Maple Hardware", "Hinges", "materials/standard", "travel"),
    ("s6", 9, "-7.999", "Café Søren №4", "Fika — 日本語", "travel", "materials"),
    ("s7", None, None, "", "cash, no receipt", "old-stock", ""),
    ("s8", 12, "1500.00", "Gallery Amber", "Invoice 2031", "sales", ""),
    ("s9", 15, "-198.40", "CITY ENERGY", "", "power/standard", "power"),
    ("s10", 18, "0", "Harbour Timber Ltd", "Credit note", "materials", ""),
    ("s11", 20, "-64.00", "Stone Hotel", "Two nights", "travel/zero", ""),
    ("s12", 21, "-18.25", "Maple Hardware", "Screws", "materials/standard", "materials"),
)
_YARD: Final = (
    ("y1", 4, "-40.00", "River Garage", "MOT", "vans", ""),
    ("y2", 6, "-42.00", "River Garage", "Tyres", "vans", ""),
    ("y3", 7, "-900.00", "Castle Rent", "", "rent", ""),
)


def item(row: tuple[Any, ...], authority: Authority = Authority.PERSON) -> LabelledTransaction:
    """A labelled transaction from a row of the tables above."""
    number, day, amount, payee, description, labels, predicted = row
    transaction = Transaction(
        id=number,
        date=None if day is None else date(2026, 3, day),
        amount=None if amount is None else Decimal(amount),
        currency="" if amount is None else "EUR",
        payee=payee,
        description=description,
        account="main" if day else "",
        direction=Direction.OUT if number == "s3" else Direction.UNKNOWN,
        fields={"voucher": f"v-{number}"} if number in ("s2", "s6") else {},
    )
    of_dimension = dict(zip(("category", "tax-code"), labels.split("/"), strict=False))
    return LabelledTransaction(
        transaction, of_dimension, authority, {"category": predicted} if predicted else {}
    )


def teach(tenants: Tenants) -> None:
    """Two tenants: one with all that a version knows, one with an id that has to be encoded."""
    tenants.create("studio", "Studio Nord", categories=_CHART)
    with tenants.use("studio") as ledger:
        ledger.learn([item(row) for row in _STUDIO[:8]], "first")
        ledger.import_batch([item(row, Authority.MACHINE) for row in _STUDIO[8:]])
        corrected = item((*_STUDIO[9][:5], "travel/zero", "materials"))
        ledger.learn([corrected], "corrected")
        ledger.forget(["s11"])
        if len(migrations.STEPS) >= 3:
            change_chart(ledger)
        ledger.learn([item(("s13", 23, "-88.00", "NORDRAIL TICKETS", "Single fare", "travel/zero", ""))])
    tenants.create("Fjord & Co", "Fjord")
    with tenants.use("Fjord & Co") as ledger:
        ledger.learn([item(row) for row in _YARD])
    tenants.settle()


def change_chart(ledger: Any) -> None:
    """A rename, a merge and a split."""
    from likewise_engine.ledger.reshape import Merge, Rename, Split
    from likewise_engine.selection import Selection

    ledger.reshape(Rename("category", "power", "energy", "Energy"), "renamed")
    ledger.reshape(Merge("category", ("old-stock",), "materials"))
    ledger.reshape(Split("category", "travel", "meals", Selection(payee_contains="café"), "Meals"))


def contents(tenants: Tenants) -> dict[str, Any]:
    """What a reader of the folder must find: of each tenant its chart, its entries and its counts."""
    found = {}
    for tenant in tenants.ids():
        with tenants.use(tenant) as ledger:
            entries = [entry for _, batch in ledger.store.export(1_000) for entry in batch]
            found[tenant] = {
                "revision": ledger.store.record().revision,
                "corrections": ledger.store.statistics().corrections,
                "chart": sorted(f"{c.dimension}/{c.id}" for c in ledger.store.chart()),
                "entries": [shown(entry) for entry in entries],
            }
    return found


def shown(entry: Any) -> dict[str, Any]:
    """An entry as JSON values."""
    transaction = entry.transaction
    return {
        "id": transaction.id,
        "date": transaction.date and transaction.date.isoformat(),
        "amount": None if transaction.amount is None else str(transaction.amount),
        "currency": transaction.currency,
        "payee": transaction.payee,
        "description": transaction.description,
        "account": transaction.account,
        "direction": int(transaction.direction),
        "fields": dict(transaction.fields),
        "labels": dict(entry.labels),
        "authorities": {dimension: int(given) for dimension, given in entry.authorities.items()},
        "revision": entry.revision,
    }


def pack(data: Path) -> bytes:
    """The folder as an archive, the same for the same files."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:xz") as tar:
        for path in sorted(data.rglob("*")):
            tar.add(path, path.relative_to(data).as_posix(), recursive=False, filter=_anonymous)
    return archive.getvalue()


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def unpack(version: int, data: Path) -> None:
    """Lay out the data folder that a schema version wrote."""
    with tarfile.open(FIXTURES / f"schema-{version}" / "data.tar.xz") as tar:
        for member in tar:
            path = data / member.name
            if (file := tar.extractfile(member)) is None:
                path.mkdir()
            else:
                path.write_bytes(file.read())


def expected(version: int) -> dict[str, Any]:
    """What :func:`contents` said of it then."""
    found: dict[str, Any] = json.loads((FIXTURES / f"schema-{version}" / "expected.json").read_text())
    return found


def main() -> None:
    """Write ``schema-N/data.tar.xz`` and ``schema-N/expected.json`` into the folder that is named."""
    fixture = Path(sys.argv[1]) / f"schema-{len(migrations.STEPS)}"
    fixture.mkdir(parents=True)
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        with Tenants.open_folder(data, HashingEncoder(DIMENSIONS)) as tenants:
            teach(tenants)
            found = contents(tenants)
        (fixture / "data.tar.xz").write_bytes(pack(data))
    (fixture / "expected.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
