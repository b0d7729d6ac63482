"""A data folder that any earlier version wrote opens: migrated, whole, and of use."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from engine_world import ALL_NEIGHBOURS, labelled
from likewise_engine.encoder import HashingEncoder
from likewise_engine.errors import StoreFault
from likewise_engine.folder import STORE_NAME, DataFolder
from likewise_engine.store.connection import connect
from likewise_engine.store.migrations import STEPS
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import Transaction
from schema_fixtures import DIMENSIONS, FIXTURES, contents, expected, unpack

VERSIONS = sorted(int(path.name.removeprefix("schema-")) for path in FIXTURES.glob("schema-*"))

_PLAIN_MAX = 6
"""The last version of which stores were not encrypted."""


@contextmanager
def opened(data: Path, dimensions: int = DIMENSIONS) -> Iterator[Tenants]:
    with Tenants.open_folder(data, HashingEncoder(dimensions)) as tenants:
        yield tenants


def test_a_schema_step_comes_with_a_fixture_of_the_version_before_it() -> None:
    missing = set(range(1, len(STEPS))) - set(VERSIONS)
    assert not missing, f"tests/fixtures/README.md says how to make those of schema {sorted(missing)}"


def test_fixtures_are_small() -> None:
    """What is encrypted cannot be packed."""
    sizes = {path.parent.name: path.stat().st_size for path in FIXTURES.glob("*/data.tar.xz")}
    assert {name: size for name, size in sizes.items() if size > 300_000} == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_what_it_held_is_there(version: int, tmp_path: Path) -> None:
    unpack(version, tmp_path)
    for _ in range(2):  # as migrated, and as it was left then
        with opened(tmp_path) as tenants:
            assert json.loads(json.dumps(contents(tenants))) == expected(version)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_answers_and_learns(version: int, tmp_path: Path) -> None:
    unpack(version, tmp_path)
    known = Transaction(payee="NORDRAIL TICKETS", description="Return fare")
    with opened(tmp_path) as tenants:
        with tenants.use("studio") as ledger:
            answer = ledger.classify(known, ALL_NEIGHBOURS)
            assert {a.dimension: a.candidates[0].category for a in answer.answers} == {
                "category": "travel",
                "tax-code": "zero",
            }
            assert ledger.learn([labelled("new", "Silver Print", "printing")]).created == 1
        tenants.settle()
    with opened(tmp_path) as tenants, tenants.use("studio") as ledger:
        printed = ledger.classify(Transaction(payee="Silver Print"), ALL_NEIGHBOURS)
        assert printed.answers[0].candidates[0].category == "printing"
        assert ledger.forget(["s1", "new"]).forgotten == 2
        assert ledger.store.statistics().labels == len(expected(version)["studio"]["entries"]) - 1


@pytest.mark.parametrize("version", VERSIONS)
def test_another_encoder_takes_it_over(version: int, tmp_path: Path) -> None:
    unpack(version, tmp_path)
    with opened(tmp_path, dimensions=48) as tenants, tenants.use("Fjord & Co") as ledger:
        answer = ledger.classify(Transaction(payee="River Garage", description="MOT"), ALL_NEIGHBOURS)
        assert answer.answers[0].candidates[0].category == "vans"


def test_what_a_later_version_wrote_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    unpack(VERSIONS[-1], tmp_path)
    with closing(DataFolder(tmp_path)) as folder:
        path, key = folder.store_path("studio"), folder.key_of("studio")
    with closing(connect(path, key.of_pages())) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    before = path.read_bytes()
    with (
        opened(tmp_path) as tenants,
        pytest.raises(StoreFault, match="a later Likewise wrote this data"),
        tenants.use("studio"),
    ):
        pass
    assert path.read_bytes() == before


def test_what_a_later_version_wrote_in_the_clear_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    unpack(_PLAIN_MAX, tmp_path)
    (path,) = tmp_path.glob(f"tenants/*/studio/{STORE_NAME}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    before = path.read_bytes()
    with (
        opened(tmp_path) as tenants,
        pytest.raises(StoreFault, match="a later Likewise wrote this data"),
        tenants.use("studio"),
    ):
        pass
    assert path.read_bytes() == before
