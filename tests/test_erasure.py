"""What is forgotten is gone: from every byte of the data folder, in any form, and from every answer.

Bytes are looked at decrypted, free pages, gaps and the log among them; what is looked for has to be found
before it is erased, or the search would prove nothing.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from engine_world import ENCODER, ask, bytes_on_disk, labelled
from likewise_engine.audit import Action
from likewise_engine.chart import Category
from likewise_engine.errors import CategoryNotFound, PreconditionFailed, PurgeDelayed
from likewise_engine.folder import DataFolder
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.purge import CategoryPurge
from likewise_engine.ledger.requests import digest_of
from likewise_engine.ledger.reshape import Merge, Rename
from likewise_engine.news import News
from likewise_engine.selection import Selection
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.tenants import Tenants
from likewise_engine.text import normalise, text_of
from likewise_engine.transaction import LabelledTransaction
from likewise_engine.vote import KernelVote

SECRET_IDS = ("xq-clinic-1", "xq-clinic-2")
PAYEE, DESCRIPTION, ACCOUNT = "Zürqvist Onkologi", "Behandlung für Xaver Quendel", "XQ00 7777 1234"
NOTE, CATEGORY, FORMER, MERGED = "xylograph-note", "xq-medical", "xq-former", "xq-merged"
CATEGORY_NAME, CATEGORY_DESCRIPTION = "Quendels Krankheit", "Xavers Arztkosten"
REQUEST_ID = f"learn-{SECRET_IDS[0]}"


def forms(text: str) -> list[bytes]:
    """All the ways in which a text may lie about."""
    spelt = {text, text.lower(), text.upper(), normalise(text), json.dumps(text)[1:-1]}
    return [form.encode(encoding) for form in spelt for encoding in ("utf-8", "utf-16-le", "utf-16-be")]


def vector_forms(payee: str, description: str) -> list[bytes]:
    """A text's vector, as the store and as a graph have it."""
    vector = ENCODER.encode([text_of(payee, description)])[0].astype(np.float16)
    return [vector.astype("<f2").tobytes(), vector.astype("<f4").tobytes()]


def secret_entries() -> list[LabelledTransaction]:
    return [
        labelled(
            transaction_id,
            PAYEE,
            MERGED if position else FORMER,
            description=DESCRIPTION,
            account=ACCOUNT,
            amount=Decimal("-1234.56"),
            currency="EUR",
            fields={"note": NOTE},
            predicted={"category": "food"},
        )
        for position, transaction_id in enumerate(SECRET_IDS)
    ]


OF_ENTRIES = {
    "id": [form for id_ in SECRET_IDS for form in forms(id_)],
    "payee": forms(PAYEE),
    "description": forms(DESCRIPTION),
    "account": forms(ACCOUNT),
    "note": forms(NOTE),
    "vector": vector_forms(PAYEE, DESCRIPTION),
    "digest": [digest_of(secret_entries())],
}
THEIRS_ALONE = {name: OF_ENTRIES[name] for name in ("id", "account", "note")}
OF_CATEGORY = {
    "category": forms(CATEGORY),
    "former id": forms(FORMER),
    "merged": forms(MERGED),
    "name": forms(CATEGORY_NAME),
    "category description": forms(CATEGORY_DESCRIPTION),
}


def found(folder: Path, secrets: dict[str, list[bytes]]) -> set[str]:
    """What of it is anywhere in a folder."""
    content = bytes_on_disk(folder)
    return {name for name, ways in secrets.items() if any(way in content for way in ways)}


def others(count: int = 40) -> list[LabelledTransaction]:
    words = ["Bakery", "Garage", "Books", "Power", "Water"]
    return [
        labelled(f"t{n}", f"{words[n % 5]} {chr(97 + n % 23)}", f"c{n % 4}", amount=Decimal(n + 1))
        for n in range(count)
    ]


def teach(ledger: Ledger) -> None:
    """Secrets in every table, and in every cache."""
    ledger.update(categories=[Category(FORMER), Category(MERGED)])
    ledger.learn(others())
    ledger.learn(secret_entries(), REQUEST_ID)
    ledger.reshape(Rename("category", FORMER, CATEGORY, CATEGORY_NAME, CATEGORY_DESCRIPTION))
    ledger.reshape(Merge("category", (MERGED,), CATEGORY))
    # Of others, what names the category all the same: a correction, and outcomes that predicted it.
    ledger.learn([labelled("t1", "Garage b", "c2", predicted={"category": CATEGORY})])
    ledger.learn([labelled(f"u{n}", PAYEE, "c1", amount=Decimal("-1234.56")) for n in range(3)])
    ledger.build_graph()
    ledger.train_heads()
    ledger.calibrate()
    ledger.save_snapshot()


def open_tenants(folder: Path) -> Tenants:
    return Tenants.open_folder(folder, ENCODER)


@pytest.fixture
def tenants(tmp_path: Path) -> Iterator[Tenants]:
    """A data folder with one tenant that has secrets."""
    with open_tenants(tmp_path) as opened:
        opened.create("acme")
        with opened.use("acme") as ledger:
            teach(ledger)
        assert found(tmp_path, OF_ENTRIES) == set(OF_ENTRIES)
        assert found(tmp_path, OF_CATEGORY) == set(OF_CATEGORY)
        yield opened


def answers(ledger: Ledger) -> str:
    """Everything that the tenant says of itself, as text."""
    entries = [batch for _, batch in ledger.store.export(100)]
    questions = [(PAYEE, DESCRIPTION), ("Bakery a", ""), (CATEGORY_NAME, "")]
    classified = [ask(ledger, payee, description=description) for payee, description in questions]
    asked = [(answer.answers, answer.neighbours) for answer in classified]
    kept = (ledger.store.chart(), ledger.store.entries_after(-1, 1_000), ledger.view.texts)
    return repr((entries, asked, kept, ledger.view.chart, ledger.store.audit_records(1_000)))


def assert_gone(folder: Path, ledger: Ledger, secrets: dict[str, list[bytes]]) -> None:
    assert found(folder, secrets) == set()
    told = answers(ledger).encode()
    assert [name for name, ways in secrets.items() if any(way in told for way in ways)] == []


def test_what_is_forgotten_is_in_no_byte_and_no_answer(tmp_path: Path, tenants: Tenants) -> None:
    with tenants.use("acme") as ledger:
        ledger.learn([labelled(f"u{n}", "Somebody else", "c1") for n in range(3)])  # the payee was theirs too
        before = ledger.store.statistics()
        outcome = ledger.forget(SECRET_IDS)
        assert_gone(tmp_path, ledger, OF_ENTRIES)
        after = ledger.store.statistics()
        receipt = outcome.receipt
        assert receipt is not None
        assert receipt.revision == outcome.revision == ledger.view.revision
        erased = receipt.erased
        assert (erased.entries, erased.texts, erased.vectors) == (2, 1, 1)
        assert before.labels - after.labels == erased.entries
        assert before.texts - after.texts == erased.texts
        assert before.corrections - after.corrections == erased.corrections == 2
        assert before.outcomes - after.outcomes == erased.outcomes > 0
        # What is made again afterwards knows nothing of it either.
        ledger.build_graph()
        ledger.train_heads()
        ledger.save_snapshot()
        assert_gone(tmp_path, ledger, OF_ENTRIES)
    assert not tenants.audit.records(1)[0].counts


def test_a_repeated_request_is_known_by_its_id_alone_after_a_forgetting(tenants: Tenants) -> None:
    with tenants.use("acme") as ledger:
        ledger.forget(SECRET_IDS)
        again = ledger.learn(secret_entries(), REQUEST_ID)
        assert again.created == 2, "to the letter what came of it the first time"
        assert ledger.forget(SECRET_IDS).missing == 2, "and what is forgotten is not learned again"


def test_a_purged_category_is_in_no_byte_and_no_answer(tmp_path: Path, tenants: Tenants) -> None:
    with tenants.use("acme") as ledger:
        ledger.learn([labelled(f"u{n}", "Somebody else", "c1") for n in range(3)])
        wanted = CategoryPurge("category", CATEGORY)
        rehearsed = ledger.purge_category(wanted, is_rehearsal=True)
        assert rehearsed.receipt is None
        assert found(tmp_path, OF_CATEGORY) == set(OF_CATEGORY)
        counts = ledger.view.category_counts.tolist()
        charted = list(ledger.view.chart.categories)
        outcome = ledger.purge_category(wanted, "purge-1")
        assert outcome.receipt is not None
        assert (outcome.revision, outcome.erased) == (rehearsed.revision, rehearsed.erased)
        assert outcome.erased == outcome.receipt.erased
        assert (outcome.erased.entries, outcome.erased.categories) == (2, 2)
        assert outcome.erased.corrections == 3
        assert_gone(tmp_path, ledger, OF_ENTRIES | OF_CATEGORY)
        # Numbers mean what they meant; those of what was purged mean nothing.
        kept = ledger.view.chart.categories
        for number, category in enumerate(charted):
            gone = category.id in (CATEGORY, MERGED)
            assert kept[number] == (Category.purged(number) if gone else category)
            assert ledger.view.category_counts[number] == (0 if gone else counts[number])
        assert ledger.purge_category(wanted, "purge-1") == outcome
        with pytest.raises(CategoryNotFound):
            ledger.purge_category(wanted, "purge-2")
        # The id may be had again, by another category.
        ledger.learn([labelled("new", "Corner Bakery", CATEGORY)])
        assert ledger.view.chart.numbers["category", CATEGORY] == len(charted)


def test_numbers_mean_after_a_restart_what_they_meant(tmp_path: Path) -> None:
    with open_tenants(tmp_path) as tenants:
        tenants.create("acme")
        with tenants.use("acme") as ledger:
            ledger.learn(others())
            ledger.purge_category(CategoryPurge("category", "c1"))
            ledger.learn([labelled("new", category="c1"), labelled("other", category="c9")])
            numbers, labels = ledger.view.chart.numbers, ledger.view.category_counts.tolist()
            assert numbers["category", "c1"] == 4
    with open_tenants(tmp_path) as tenants, tenants.use("acme") as ledger:
        assert ledger.view.chart.numbers == numbers
        assert ledger.view.category_counts.tolist() == labels
        assert ledger.entry("new").labels == {"category": "c1"}


def test_of_a_category_whose_entries_are_purged_the_name_stays(tmp_path: Path, tenants: Tenants) -> None:
    with tenants.use("acme") as ledger:
        outcome = ledger.purge_category(CategoryPurge("category", CATEGORY, entries_only=True))
        assert (outcome.erased.entries, outcome.erased.categories) == (2, 0)
        assert ledger.view.chart.meant("category", FORMER) == ledger.view.chart.meant("category", CATEGORY)
        again = ledger.purge_category(CategoryPurge("category", CATEGORY, entries_only=True))
        assert (again.revision, again.receipt) == (outcome.revision, None)
        assert not ledger.store.select(ledger.view.chart.numbers["category", CATEGORY], Selection())


def test_a_dimension_of_which_all_is_purged_is_gone(tmp_path: Path) -> None:
    with open_tenants(tmp_path) as tenants:
        tenants.create("acme")
        with tenants.use("acme") as ledger:
            ledger.learn([*others(), labelled("p", labels={"xq-project": "xq-tower", "category": "c1"})])
            ledger.purge_category(CategoryPurge("xq-project", "xq-tower"))
            assert found(tmp_path, {"project": forms("xq-project"), "tower": forms("xq-tower")}) == set()
            assert ledger.view.chart.dimensions == ("category",)
            assert ask(ledger, "Bakery a").answers[0].candidates
            ledger.learn([labelled("q", labels={"other": "one", "category": "c2"})])
        assert set(tenants.describe("acme").calibrations) == {"category", "other"}


def test_a_deleted_tenant_is_in_no_byte(tmp_path: Path, tenants: Tenants) -> None:
    tenants.create("else")
    receipt = tenants.delete("acme", actor="token:7 books")
    assert found(tmp_path, OF_ENTRIES | OF_CATEGORY) == set()
    assert receipt.erased.entries == 45
    (noted, *_) = tenants.audit.records(10)
    assert (noted.id, noted.actor, noted.tenant) == (receipt.record, "token:7 books", "acme")
    assert noted.counts == receipt.erased


def test_an_export_that_shows_what_is_forgotten_ends(tmp_path: Path, tenants: Tenants) -> None:
    with tenants.use("acme") as ledger:
        export = ledger.store.export(5)
        next(export)
        ledger.forget(SECRET_IDS)
        assert found(tmp_path, THEIRS_ALONE) == set()
        with pytest.raises(PreconditionFailed):
            next(export)


def test_what_is_being_built_while_it_is_forgotten_is_not_kept(tmp_path: Path, tenants: Tenants) -> None:
    with tenants.use("acme") as ledger, ThreadPoolExecutor(3) as pool:
        for n in range(3):
            ledger.learn([*secret_entries(), *(labelled(f"v{n}-{i}", f"Payee {i}") for i in range(12))])
            makers = (ledger.build_graph, ledger.train_heads, ledger.save_snapshot)
            making = [pool.submit(make) for make in makers]
            ledger.forget(SECRET_IDS)
            for made in making:
                made.result(timeout=60)
            assert found(tmp_path, THEIRS_ALONE) == set()


def wait_until(is_so: Callable[[], bool]) -> None:
    wait = threading.Event()
    while not is_so():
        wait.wait(0.02)


def test_an_export_by_another_process_is_ended_though_nobody_reads_on(tmp_path: Path) -> None:
    """It would keep remains in the log for as long as its reader likes."""
    news = News(2)
    with ExitStack() as stack:
        folder = DataFolder(tmp_path)
        inherited = DataFolder(tmp_path, lock=os.dup(folder.lock))
        one, other = (
            stack.enter_context(Tenants(opened, ENCODER, KernelVote(), desk=news.desk(number)))
            for number, opened in enumerate((folder, inherited))
        )
        one.create("acme")
        with one.use("acme") as ledger, other.use("acme") as elsewhere:
            teach(ledger)
            elsewhere.catch_up()
            export = elsewhere.store.export(5)
            next(export)
            ledger.forget(SECRET_IDS)
            assert found(tmp_path, THEIRS_ALONE) == set()
            with pytest.raises(PreconditionFailed):
                next(export)


def test_a_purge_that_a_reader_keeps_from_being_done_is_done_when_it_is_gone(
    tmp_path: Path, tenants: Tenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_store: SqliteStore) -> None:
        raise PurgeDelayed("somebody reads")

    with monkeypatch.context() as patched, tenants.use("acme") as ledger:
        patched.setattr(SqliteStore, "purge", fail)
        with pytest.raises(PurgeDelayed):
            ledger.forget(SECRET_IDS)
        assert ledger.is_purge_due
    # Nobody repeats the call: upkeep sees to it.
    tenants.settle()
    assert found(tmp_path, THEIRS_ALONE) == set()
    assert not list((tmp_path / "purges").iterdir())


@pytest.mark.parametrize("forgets", ["forget", "purge"])
def test_what_was_being_forgotten_when_the_process_was_killed_is_purged_at_the_next_start(
    forgets: str, tmp_path: Path
) -> None:
    with open_tenants(tmp_path) as tenants:
        tenants.create("acme")
        tenants.create("bystander")
        with tenants.use("acme") as ledger:
            teach(ledger)
    killed = subprocess.run(
        [sys.executable, __file__, forgets, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert found(tmp_path, THEIRS_ALONE) == set(THEIRS_ALONE), "committed, with its remains in the log"
    with open_tenants(tmp_path) as tenants:
        tenants.settle()  # nobody asks for the tenant
        assert found(tmp_path, THEIRS_ALONE) == set()
        with tenants.use("acme") as ledger:
            assert ledger.forget(SECRET_IDS).forgotten == 0
            assert [r.action for r in ledger.store.audit_records(1)] == [forgets]
    assert not list((tmp_path / "purges").iterdir())


def test_a_deletion_that_a_crash_cut_short_is_told_as_it_turned_out(tmp_path: Path) -> None:
    with open_tenants(tmp_path) as tenants:
        tenants.create("acme")
        tenants.create("kept")
        for tenant in ("acme", "kept"):
            tenants.audit.add(Action.DELETE, "local", tenant=tenant, is_confirmed=False)
        store = tenants._folder.path_of("acme")
    store.parent.rename(tmp_path / "aside" / "doomed")
    with open_tenants(tmp_path) as tenants:
        assert not list((tmp_path / "aside").iterdir())
        told = [(r.action, r.tenant) for r in tenants.audit.records(10)]
        assert told == [("delete", "acme"), ("create", "kept"), ("create", "acme")]


def _die_forgetting(how: str, folder: Path) -> None:
    def die(_store: SqliteStore) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    pytest.MonkeyPatch().setattr(SqliteStore, "purge", die)
    with open_tenants(folder) as tenants, tenants.use("acme") as ledger:
        if how == "forget":
            ledger.forget(SECRET_IDS)
        else:
            ledger.purge_category(CategoryPurge("category", CATEGORY))


if __name__ == "__main__":
    _die_forgetting(sys.argv[1], Path(sys.argv[2]))
