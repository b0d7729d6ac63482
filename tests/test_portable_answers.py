"""What was answered, in the file with all that is known of a tenant: told; its counts are taken in again."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from likewise_engine.encoder import HashingEncoder
from likewise_engine.errors import InvalidInput
from likewise_engine.feedback.report import tallies_of
from likewise_engine.ledger.purge import CategoryPurge
from likewise_engine.tenants import Tenants
from portable_world import changed, contents, exported, imported
from prediction_world import TENANT, World, labelled, prediction_world, transaction


def lived(world: World) -> bytes:
    """The export of a tenant with two answers, of which a person corrected the first."""
    world.ask(transaction("q", "CAFFE ROASTERS", "-81.00"))
    world.teach(labelled(transaction("q", "CAFFE ROASTERS", "-81.00"), "milk"))
    world.ask(transaction("r", "TESCO STORES"))
    world.flush()
    return exported(world.tenants, TENANT)


def told(archive: bytes, part: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in contents(archive)[f"{part}.ndjson"].splitlines()]


def test_answers_are_told_and_their_counts_are_taken_in(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        archive = lived(world)
        later, earlier = told(archive, "predictions")
        assert (earlier["transaction"]["payee"], later["transaction"]["id"]) == ("CAFFE ROASTERS", "r")
        assert [answer["label"] for answer in (*earlier["answers"], *later["answers"])] == ["milk", None]
        assert earlier["answers"][0]["candidates"][0]["category"] == "coffee"
        imported(world.tenants, archive, "other")
        again = exported(world.tenants, "other")
        for part in ("tallies", "profiles"):
            assert told(again, part) == told(archive, part) != []
        assert told(again, "predictions") == []
        with world.tenants.predictions(TENANT) as here, world.tenants.predictions("other") as there:
            assert tallies_of(there) == tallies_of(here)
            assert there.check() == ""
            assert sum(tally.counts.corrected for tally in tallies_of(there)) == 1


def test_what_was_imported_is_counted_on(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        archive = lived(world)
        world.tenants.delete(TENANT)
        imported(world.tenants, archive)
        world.ask(transaction("s", "CAFFE ROASTERS"))
        world.flush()
        with world.tenants.predictions(TENANT) as file:
            assert sum(tally.counts.answered for tally in tallies_of(file)) == 3
            assert file.count() == 1


def test_who_was_never_asked_has_no_file_of_answers_after_an_import(data_folder: Path) -> None:
    with Tenants.open_folder(data_folder, HashingEncoder()) as tenants:
        tenants.create("acme")
        imported(tenants, exported(tenants, "acme"), "other")
        with tenants.predictions("other") as file:
            assert not file.exists


def test_a_purge_takes_counts_out_of_the_export(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        lived(world)
        with world.tenants.use(TENANT) as ledger:
            ledger.purge_category(CategoryPurge("category", "milk"))
        archive = exported(world.tenants, TENANT)
        assert all(tally["category"] == "coffee" for tally in told(archive, "tallies"))
        imported(world.tenants, archive, "other")


TOMORROW_BUT_ONE = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()


def sets(**values: object) -> Callable[[dict[str, Any]], None]:
    return lambda record: record.update(values)


@pytest.mark.parametrize(
    ("part", "change", "wrong"),
    [
        ("tallies", sets(day=None), "day"),
        ("tallies", sets(day=TOMORROW_BUT_ONE), "yet to come"),
        ("tallies", sets(decision="MAYBE"), "decision"),
        ("tallies", sets(witness=7), "witness"),
        ("tallies", sets(category="nobody's"), "no category"),
        ("tallies", sets(dimension="vat"), "no category"),
        ("tallies", sets(category=None, dimension="\x00"), "dimension"),
        ("tallies", sets(answered=-1), "cannot be"),
        ("tallies", sets(corrected=2**50), "cannot be"),
        ("tallies", sets(accepted=1.5), "accepted"),
        ("tallies", sets(expected=float("inf")), "cannot be"),
        ("profiles", sets(day=TOMORROW_BUT_ONE), "yet to come"),
        ("profiles", sets(measure="height"), "bin"),
        ("profiles", sets(bin=99), "bin"),
        ("profiles", sets(questions=-1), "count"),
    ],
)
def test_counts_that_cannot_be_are_refused(
    data_folder: Path, part: str, change: Callable[[dict[str, Any]], None], wrong: str
) -> None:
    with prediction_world(data_folder) as world:
        archive = changed(lived(world), f"{part}.ndjson", change)
        with pytest.raises(InvalidInput, match=wrong):
            imported(world.tenants, archive, "other")
        assert not world.tenants.exists("other")
