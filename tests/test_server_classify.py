"""Asking over gRPC: what an answer holds, and that what was taught is used by the next call."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import grpc
import pytest

import likewise
from conftest import Serve
from likewise.v1.classifier_service_pb2 import ClassifyStreamRequest
from likewise.v1.classifier_service_pb2_grpc import ClassifierServiceStub
from likewise_engine.encoder import load_encoder

ROASTERS = likewise.transaction(id="new", payee="CAFFE ROASTERS LTD", amount="-84.20", currency="GBP")


def test_an_answer_shows_decision_candidates_and_what_they_rest_on(
    client: likewise.Client, cafe: str
) -> None:
    classification = client.classify(cafe, ROASTERS)
    [answer] = classification.answers
    assert answer.dimension == "category"
    assert answer.candidates[0].category == "coffee"
    assert answer.witness == likewise.Witness.WITNESS_SAME_TEXT_AND_AMOUNT
    assert answer.target_precision == pytest.approx(0.95)
    assert answer.reason
    assert sum(candidate.probability for candidate in answer.candidates) <= 1
    nearest = classification.neighbours[0]
    assert nearest.transaction_id == "c0"
    assert likewise.money_value(nearest.amount) == Decimal("-84.20")
    assert nearest.amount.currency_code == "GBP"
    assert not nearest.HasField("date")
    assert nearest.labels == {"category": "coffee"}
    assert nearest.similarity == pytest.approx(1)
    assert classification.revision == 1
    assert classification.text
    assert classification.models.encoder.startswith("hashing-")
    assert classification.models.vote
    times = classification.time_spent
    for stage in (times.wait, times.encode, times.search, times.vote):
        assert 0 < stage.ToNanoseconds() < 5e9


def test_a_tenant_that_was_taught_nothing_is_answered_ask(client: likewise.Client) -> None:
    client.create_tenant(likewise.Tenant(id="new"))
    [answer] = client.classify("new", ROASTERS).answers
    assert answer.decision == likewise.Decision.DECISION_ASK
    assert not answer.candidates


def test_options_are_obeyed(client: likewise.Client, cafe: str) -> None:
    options = likewise.ClassifyOptions(
        target_precision=0.5, max_candidates=1, max_neighbours=2, dimensions=["category"], min_revision=1
    )
    classification = client.classify(cafe, ROASTERS, options=options)
    assert classification.answers[0].target_precision == 0.5
    assert len(classification.answers[0].candidates) == 1
    assert len(classification.neighbours) == 2


def test_minus_one_neighbour_is_none_and_zero_the_default(client: likewise.Client, cafe: str) -> None:
    none = client.classify(cafe, ROASTERS, options=likewise.ClassifyOptions(max_neighbours=-1))
    assert not none.neighbours
    assert client.classify(cafe, ROASTERS, options=likewise.ClassifyOptions()).neighbours


def test_all_dimensions_are_answered_by_one_retrieval(client: likewise.Client, cafe: str) -> None:
    lesson = likewise.transaction(id="d1", payee="PRINTER LTD", amount=-10)
    client.learn(cafe, [likewise.labelled(lesson, "print", labels={"tax": "20S", "project": "menu"})])
    answers = client.classify(cafe, likewise.transaction(payee="PRINTER LTD", amount=-10)).answers
    assert {answer.dimension: answer.candidates[0].category for answer in answers} == {
        "category": "print",
        "tax": "20S",
        "project": "menu",
    }


def test_what_was_learned_is_used_by_the_next_call(client: likewise.Client, cafe: str) -> None:
    asked = likewise.transaction(payee="ZEBRA GARAGE", amount=-300)
    for number, category in enumerate(["repairs", "travel"]):
        lesson = likewise.transaction(id=f"z{number}", payee="ZEBRA GARAGE", amount=-300 - number)
        revision = client.learn(cafe, [likewise.labelled(lesson, category)]).revision
        options = likewise.ClassifyOptions(min_revision=revision)
        classification = client.classify(cafe, asked, options=options)
        assert classification.revision >= revision
        assert f"z{number}" in [n.transaction_id for n in classification.neighbours]


def test_tenants_do_not_see_each_other(client: likewise.Client, cafe: str) -> None:
    client.create_tenant(likewise.Tenant(id="studio"))
    lesson = likewise.transaction(id="s1", payee="CAFFE ROASTERS LTD", amount="-84.20")
    client.learn("studio", [likewise.labelled(lesson, "client entertainment")])
    assert client.classify("studio", ROASTERS).answers[0].candidates[0].category == "client entertainment"
    assert client.classify(cafe, ROASTERS).answers[0].candidates[0].category == "coffee"


def test_the_same_question_has_the_same_answer_after_a_restart(serve: Serve) -> None:
    shipped = load_encoder()
    asked = [
        likewise.transaction(payee=payee, amount=amount, date=date(2026, 3, 1))
        for payee in ("NORTHWIND COFFEE", "Northwind coffe roasters", "UNHEARD OF")
        for amount in ("-3.40", "-340")
    ]

    def answers(server: Any) -> list[bytes]:
        with likewise.Client(server.address) as client:
            if not list(client.list_tenants()):
                client.create_tenant(likewise.Tenant(id="shop"))
                client.learn("shop", [lesson(number) for number in range(60)])
            found = [client.classify("shop", transaction) for transaction in asked]
        for classification in found:
            classification.ClearField("time_spent")
            classification.ClearField("prediction_id")  # each answer has its own
        return [classification.SerializeToString(deterministic=True) for classification in found]

    def lesson(number: int) -> likewise.LabelledTransaction:
        payee = ("NORTHWIND COFFEE", "SOUTHWIND TEA", "EASTWIND MILK DEPOT")[number % 3]
        transaction = likewise.transaction(
            id=f"n{number}", payee=payee, amount=f"-{number % 7}.40", date=date(2026, 1, 1 + number % 28)
        )
        return likewise.labelled(transaction, f"category {number % 4}")

    first = serve(encoder=shipped)
    before = answers(first)
    first.stop()
    assert answers(serve(encoder=shipped)) == before


def test_a_stream_answers_in_order_and_tells_wrong_items_apart(client: likewise.Client, cafe: str) -> None:
    asked = [
        ROASTERS,
        likewise.transaction(id="empty"),
        likewise.transaction(id="big", payee="x", amount=10**13),
        likewise.transaction(id="milk", payee="TESCO STORES 99", amount=-9),
    ]
    outcomes = list(client.classify_many(cafe, asked))
    assert [(o.position, o.transaction_id) for o in outcomes] == [
        (0, "new"),
        (1, "empty"),
        (2, "big"),
        (3, "milk"),
    ]
    assert outcomes[0].classification
    assert isinstance(outcomes[1].error, likewise.InvalidRequest)
    assert outcomes[1].error.violations[0].field == "transaction.payee"
    assert isinstance(outcomes[2].error, likewise.InvalidRequest)
    assert outcomes[2].error.violations[0].field == "transaction.amount"
    assert outcomes[3].classification
    assert outcomes[3].classification.answers[0].candidates[0].category == "milk"


def test_a_stream_sees_what_is_learned_while_it_runs(client: likewise.Client, cafe: str) -> None:
    learned = threading.Event()

    def questions() -> Any:
        yield ROASTERS
        learned.wait(5)
        yield ROASTERS

    outcomes = client.classify_many(cafe, questions())
    first = next(outcomes)
    revision = client.learn(cafe, [likewise.labelled(likewise.transaction(id="x", payee="y"), "z")]).revision
    learned.set()
    second = next(outcomes)
    assert first.classification
    assert second.classification
    assert (first.classification.revision, second.classification.revision) == (1, revision)


def test_a_stream_is_for_one_tenant_and_has_the_options_of_its_first_message(
    client: likewise.Client, channel: grpc.Channel, cafe: str
) -> None:
    stub = ClassifierServiceStub(channel)
    first = ClassifyStreamRequest(
        tenant=cafe, transaction=ROASTERS, options=likewise.ClassifyOptions(max_neighbours=1)
    )
    later = ClassifyStreamRequest(
        tenant=cafe, transaction=ROASTERS, options=likewise.ClassifyOptions(max_neighbours=-1)
    )
    responses = list(stub.ClassifyStream(iter([first, later]), timeout=5))
    assert [len(response.classification.neighbours) for response in responses] == [1, 1]

    other = ClassifyStreamRequest(tenant="another", transaction=ROASTERS)
    call = stub.ClassifyStream(iter([first, other]), timeout=5)
    assert next(call).HasField("classification")
    with pytest.raises(grpc.RpcError) as failure:
        next(call)
    assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "another" in (failure.value.details() or "")


@pytest.mark.parametrize("tenant", ["", "nobody"])
def test_a_stream_without_a_known_tenant_ends_at_once(client: likewise.Client, tenant: str) -> None:
    with pytest.raises(likewise.Error) as failure:
        list(client.classify_many(tenant, [ROASTERS]))
    assert failure.value.code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)


def test_learning_and_asking_at_once_gives_whole_answers(client: likewise.Client, cafe: str) -> None:
    rounds = 30

    def teach() -> None:
        for number in range(rounds):
            payee = f"PAYEE {'ABCDEF'[number % 6]}"
            lesson = likewise.transaction(id=f"t{number}", payee=payee, amount=-number)
            client.learn(cafe, [likewise.labelled(lesson, f"k{number % 3}")])

    def ask() -> list[int]:
        answers = [client.classify(cafe, ROASTERS) for _ in range(rounds)]
        assert {answer.answers[0].candidates[0].category for answer in answers} == {"coffee"}
        return [answer.revision for answer in answers]

    with ThreadPoolExecutor(4) as threads:
        lessons = [threads.submit(teach) for _ in range(2)]
        questions = [threads.submit(ask) for _ in range(2)]
        for lesson in lessons:
            lesson.result(30)
        for question in questions:
            seen = question.result(30)
            assert seen == sorted(seen)
    assert client.get_tenant(cafe).statistics.labels == 5 + rounds
