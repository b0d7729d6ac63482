"""Messages to values and back: nothing is lost, nothing is guessed."""

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.v1 import classifier_service_pb2, tenant_service_pb2, transaction_pb2
from likewise_engine import answers, transaction
from likewise_engine.errors import InvalidInput, UnknownCategory
from likewise_engine.store.base import Entry
from likewise_engine.transaction import Authority, Direction, LabelledTransaction, Transaction
from likewise_server.service import translate

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
AMOUNTS = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(-exponent),
    st.integers(-(10**12), 10**12),
    st.integers(0, 9),
)
TRANSACTIONS = st.builds(
    Transaction,
    id=TEXTS,
    date=st.none() | st.dates(datetime.date(1900, 1, 1), datetime.date(2200, 12, 31)),
    amount=AMOUNTS,
    currency=st.sampled_from(["", "EUR", "JPY"]),
    payee=TEXTS,
    description=TEXTS,
    account=TEXTS,
    direction=st.sampled_from(Direction),
    fields=st.dictionaries(TEXTS, TEXTS, max_size=3),
)


@given(TRANSACTIONS)
def test_an_entry_goes_there_and_back(value: Transaction) -> None:
    entry = Entry(7, value, {"category": "k"}, {"category": Authority.MACHINE}, 3)
    message = translate.ledger_entry(entry)
    assert message.revision == 3
    item, violations = translate.labelled_transaction(
        transaction_pb2.LabelledTransaction.FromString(message.labelled.SerializeToString())
    )
    assert not violations
    assert item == LabelledTransaction(value, {"category": "k"}, Authority.MACHINE)


@pytest.mark.parametrize(
    ("ours", "theirs", "prefix"),
    [
        (answers.Decision, classifier_service_pb2.Decision, "DECISION_"),
        (transaction.Authority, transaction_pb2.Authority, "AUTHORITY_"),
    ],
)
def test_enums_of_engine_and_contract_name_the_same(ours: type, theirs: object, prefix: str) -> None:
    assert {f"{prefix}{member.name}" for member in ours} | {f"{prefix}UNSPECIFIED"} == set(theirs.keys())  # type: ignore[attr-defined]


def test_a_category_is_active_unless_it_says_otherwise() -> None:
    unsaid, no, yes = (
        tenant_service_pb2.Category(id="a"),
        tenant_service_pb2.Category(id="b", active=False),
        tenant_service_pb2.Category(id="c", active=True),
    )
    assert [category.active for category in translate.categories([unsaid, no, yes])] == [True, False, True]


def test_options_that_are_not_given_are_the_engine_s_own() -> None:
    default = answers.ClassifyOptions()
    assert translate.classify_options(classifier_service_pb2.ClassifyOptions()) == default
    given = classifier_service_pb2.ClassifyOptions(show_wording=True, max_neighbours=-1)
    read = translate.classify_options(given)
    assert (read.show_wording, read.neighbours_max, read.candidates_max) == (True, 0, default.candidates_max)


def test_what_is_found_wrong_keeps_its_kind_and_gets_its_place() -> None:
    with pytest.raises(UnknownCategory) as failure, translate.beneath("tenant"):
        raise UnknownCategory.of("chart[0]", "is unknown", hint="x")
    assert failure.value.violations[0].field == "tenant.chart[0]"
    assert failure.value.metadata == {"hint": "x"}


def test_a_batch_with_an_unreadable_item_tells_all_that_is_wrong_with_the_others_too() -> None:
    unreadable = transaction_pb2.LabelledTransaction(labels={"category": "k"})
    unreadable.transaction.id = "a"
    unreadable.transaction.payee = "p"
    unreadable.transaction.date.month = 14
    unlabelled = transaction_pb2.LabelledTransaction()
    unlabelled.transaction.id = "b"
    unlabelled.transaction.payee = "p"
    with pytest.raises(InvalidInput) as failure:
        translate.whole_batch([unlabelled, unreadable])
    assert [violation.field for violation in failure.value.violations] == [
        "transactions[0].labels",
        "transactions[1].transaction.date",
    ]
