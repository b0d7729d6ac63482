"""A tenant whose answers are recorded, for the tests of predictions and feedback."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from likewise_engine.answers import Classification, ClassifyOptions
from likewise_engine.encoder import HashingEncoder
from likewise_engine.feedback.recorder import Recorder
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import Authority, LabelledTransaction, Transaction
from likewise_engine.vote import load_vote

TENANT = "cafe"


def transaction(id_: str, payee: str, amount: str = "-8.20", day: date | None = None) -> Transaction:
    """A transaction in pounds."""
    return Transaction(id=id_, payee=payee, amount=Decimal(amount), currency="GBP", date=day)


def labelled(
    asked: Transaction, category: str, authority: Authority = Authority.PERSON, prediction_id: str = ""
) -> LabelledTransaction:
    """It, with a category."""
    return LabelledTransaction(asked, {"category": category}, authority, prediction_id=prediction_id)


shipped_vote = cache(lambda: load_vote(None))
"""Read once for all tests."""


class World:
    """One tenant, its recorder, and what a caller does with both."""

    def __init__(self, tenants: Tenants, recorder: Recorder) -> None:
        self.tenants, self.recorder = tenants, recorder

    def ask(self, asked: Transaction, options: ClassifyOptions | None = None) -> tuple[str, Classification]:
        """Classify and record; gives the prediction's id and the answer."""
        options = options or ClassifyOptions()
        with self.tenants.use(TENANT) as ledger:
            answer = ledger.classify(asked, options)
            return self.recorder.note(TENANT, ledger.store.key, asked, options, answer), answer

    def teach(self, *items: LabelledTransaction) -> None:
        """Learn, and have the labels tied."""
        with self.tenants.use(TENANT) as ledger:
            revision = ledger.learn(items).revision
            self.recorder.note_labels(TENANT, ledger.store.key, ledger.view.chart, items, revision)

    def flush(self) -> None:
        """Have all written."""
        self.recorder.flush()


@contextmanager
def prediction_world(folder: Path, **recorder_options: object) -> Iterator[World]:
    """A tenant that knows coffee and milk, with the vote that is shipped."""
    with Tenants.open_folder(folder, HashingEncoder(), vote=shipped_vote()) as tenants:
        tenants.create(TENANT)
        recorder = Recorder(tenants.predictions, tenants.ids, **recorder_options)  # type: ignore[arg-type]
        world = World(tenants, recorder)
        taught = [
            labelled(transaction("c1", "CAFFE ROASTERS", "-84.20"), "coffee"),
            labelled(transaction("c2", "CAFFE ROASTERS", "-91.75"), "coffee"),
            labelled(transaction("m1", "TESCO STORES", "-12.40"), "milk"),
            labelled(transaction("m2", "TESCO STORES", "-9.80"), "milk"),
        ]
        world.teach(*taught)
        try:
            yield world
        finally:
            recorder.close()
