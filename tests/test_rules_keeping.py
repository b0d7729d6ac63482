"""Rules in what is kept of a tenant elsewhere: exports, checks and repairs, stores of another encoder."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine_world import ask, essence, labelled, load_ledger, open_ledger
from likewise_engine.chart import Category
from likewise_engine.checkup import Layout, Severity, TenantCheckup
from likewise_engine.checkup.repair import repair
from likewise_engine.encoder import HashingEncoder
from likewise_engine.encoder.at_hand import Encoders
from likewise_engine.errors import InvalidInput
from likewise_engine.folder import STORE_NAME, DataFolder
from likewise_engine.ledger.purge import CategoryPurge
from likewise_engine.rules.kept import Tally
from likewise_engine.rules.rule import Condition, Operator, Rule, RuleField
from likewise_engine.store.connection import connect
from likewise_engine.tenants import Tenants
from likewise_indexer.portable import archived, read_archive

ENCODER = HashingEncoder(32)


def on(field: RuleField, value: str) -> tuple[Condition, ...]:
    return (Condition(field, Operator.CONTAINS, (value,)),)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a tenant that has rules: one in use, one off, one whose category was purged."""
    with Tenants.open_folder(tmp_path, ENCODER) as tenants:
        tenants.create("acme", categories=[Category("gone"), Category("food"), Category("t7", "tax")])
        with tenants.use("acme") as ledger:
            ledger.learn([labelled("1", "Corner Bakery", "food"), labelled("2", "Maple Bakery", "gifts")])
            text = Rule("r1", on(RuleField.TEXT, "bakery"), {"category": "food", "tax": "t7"}, "Bread", 3)
            ledger.rules.create(text)
            ledger.rules.create(Rule("r2", on(RuleField.PAYEE, "maple"), {"category": "gifts"}, active=False))
            ledger.rules.create(Rule("r3", on(RuleField.PAYEE, "doctor"), {"category": "gone"}))
            ledger.purge_category(CategoryPurge("category", "gone"))
    return tmp_path


def exported(data: Path) -> dict[str, bytes]:
    with (
        Tenants.open_folder(data, ENCODER) as tenants,
        tenants.use("acme") as ledger,
        ledger.store.everything(7) as everything,
    ):
        content = b"".join(archived(everything))
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def packed(members: dict[str, bytes], **stated: Any) -> io.BytesIO:
    """An archive of members, whose manifest says of the checksums what they are."""
    manifest = json.loads(members["manifest.json"]) | stated
    manifest["files"] = {
        name: {"sha256": hashlib.sha256(content).hexdigest()}
        for name, content in members.items()
        if name != "manifest.json"
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, json.dumps(manifest) if name == "manifest.json" else content)
    return file


def test_rules_travel_and_decide_there_as_here(data: Path) -> None:
    archive = packed(exported(data))
    with Tenants.open_folder(data, ENCODER) as tenants:
        with read_archive(archive, "other") as arriving:
            tenants.admit(arriving)
        with tenants.use("acme") as here, tenants.use("other") as there:
            assert [*here.rules.book.kept] == [*there.rules.book.kept]
            assert [kept.id for kept in there.rules.book.kept] == ["r1", "r2", "r3"]
            assert essence(ask(here, "Corner Bakery")) == essence(ask(there, "Corner Bakery"))
            assert there.rules.book.rule("r1").tallies[1] == Tally(2, 1)
            assert there.rules.book.rule("r3").conditions == ()


def test_an_export_from_before_there_were_rules_and_testimonies_is_taken_in(data: Path) -> None:
    members = exported(data)
    for name in ("rules", "testimonies", "tallies", "profiles", "predictions"):
        del members[f"{name}.ndjson"]
    with Tenants.open_folder(data, ENCODER) as tenants:
        with read_archive(packed(members, format=1), "other") as arriving:
            tenants.admit(arriving)
        with tenants.use("other") as there:
            assert not there.rules.book
    with pytest.raises(InvalidInput, match="members"), read_archive(packed(members), "other"):
        pass


def _changed(**changes: Any) -> Callable[[list[dict[str, Any]]], None]:
    return lambda rules: rules[0].update(changes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_changed(conditions=[]), "conditions"),
        (_changed(conditions=["x"]), "no condition"),
        (_changed(conditions=[{"field": "payee", "operator": "matches", "values": ["a("]}]), "values"),
        (
            _changed(conditions=[{"field": "payee", "operator": "equals", "values": ["a"], "more": 1}]),
            "names",
        ),
        (_changed(conditions=[{"field": "moon", "operator": "equals", "values": ["a"]}]), "field"),
        (_changed(conditions=[{"field": "amount", "operator": "within", "min_amount": "x"}]), "amount"),
        (_changed(labels=[]), "labels"),
        (_changed(labels=[{"dimension": "category", "category": "nowhere"}]), "nowhere"),
        (_changed(labels=[{"dimension": "category", "category": c} for c in ("food", "gifts")]), "labels"),
        (_changed(labels=[{"dimension": "", "category": "0"}]), "labels"),
        (_changed(id="r2"), "two rules"),
        (_changed(created="never"), "created"),
        (_changed(priority="high"), "priority"),
        (_changed(name="x" * 1_000), "name"),
        (lambda rules: rules.extend({**rules[1], "id": f"n{n}"} for n in range(1_000)), "at most 1000"),
    ],
)
def test_made_up_rules_are_refused(
    data: Path, change: Callable[[list[dict[str, Any]]], None], said: str
) -> None:
    members = exported(data)
    rules = [json.loads(line) for line in members["rules.ndjson"].splitlines()]
    change(rules)
    members["rules.ndjson"] = b"".join(json.dumps(rule).encode() + b"\n" for rule in rules)
    with Tenants.open_folder(data, ENCODER) as tenants:
        with pytest.raises(Exception, match=said) as refused, read_archive(packed(members), "x") as arriving:
            tenants.admit(arriving)
        assert type(refused.value).__name__ in ("InvalidInput", "LimitReached")
        assert not tenants.exists("x")


@pytest.mark.parametrize(
    ("damage", "severity"),
    [
        ("UPDATE rule_labels SET right = right + 1 WHERE rule = 1", Severity.DERIVED),
        ("UPDATE rules SET conditions = '[' WHERE number = 2", Severity.DAMAGE),
        ("DELETE FROM rule_labels WHERE rule = 2", Severity.DAMAGE),
    ],
)
def test_a_check_tells_damaged_rules_and_records_are_counted_anew(
    data: Path, damage: str, severity: Severity
) -> None:
    with closing(DataFolder(data)) as folder:
        (place,) = Layout(data).places

        def findings() -> list[Any]:
            return list(TenantCheckup(folder, place, Encoders(ENCODER), is_deep=True).findings())

        assert findings() == []
        key = folder.key_of("acme").of_pages()
        with closing(connect(place.folder / STORE_NAME, key)) as connection:
            connection.execute(damage)
        found = findings()
        assert [(finding.severity, finding.table.startswith("rule")) for finding in found] == [
            (severity, True)
        ]
        assert repair(folder, place, found, Encoders(ENCODER)) is (severity is Severity.DERIVED)
        if severity is Severity.DERIVED:
            assert findings() == []


def test_records_follow_when_all_texts_are_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("1", "Corner Bakery", "food")])
        ledger.rules.create(Rule("r", on(RuleField.TEXT, "corner bakery"), {"category": "food"}))
        assert [*ledger.rules.book.rule("r").tallies.values()] == [Tally(1, 1)]
    monkeypatch.setattr("likewise_engine.rules.record.text_of", lambda payee, _: f"the {payee[:3].lower()}")
    with closing(load_ledger(tmp_path, HashingEncoder(16))) as ledger:
        assert [*ledger.rules.book.rule("r").tallies.values()] == [Tally(0, 0)]
