"""FeedbackService: over real gRPC, by the client's ``feedback``."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from google.type.date_pb2 import Date

import likewise
from conftest import Serve
from likewise.v1 import feedback_service_pb2 as pb
from likewise.v1.feedback_service_pb2_grpc import FeedbackServiceStub
from likewise_engine.store.predictions import PREDICTIONS_NAME
from likewise_server.lifecycle import Server


def _asked(id_: str, payee: str = "CAFFE ROASTERS LTD", amount: str = "-84.20") -> likewise.Transaction:
    return likewise.transaction(id=id_, payee=payee, amount=amount, currency="GBP")


def test_what_became_of_answers_is_told(server: Server, client: likewise.Client, cafe: str) -> None:
    for number, category in enumerate(["coffee", "coffee", "milk", "a new one"]):
        answer = client.classify(cafe, _asked(f"q{number}", amount=f"-8{number}.10"))
        assert answer.prediction_id
        client.learn(cafe, [likewise.labelled(_asked(f"q{number}", amount=f"-8{number}.10"), category)])
    client.classify(cafe, _asked("open"))
    server.recorder.flush()
    told = client.feedback.get(cafe)
    total = [group.counts for group in told.decisions]
    assert sum(counts.answered for counts in total) == 5
    assert sum(counts.accepted for counts in total) == 2
    assert sum(counts.offered for counts in total) == 1
    assert sum(counts.corrected for counts in total) == 2
    assert {group.dimension for group in told.decisions} == {"category"}
    assert {group.category for group in told.categories} == {"coffee"}
    assert sum(group.counts.answered for group in told.witnesses) == 5
    monday = datetime.now(UTC).date() - timedelta(days=datetime.now(UTC).weekday())
    assert {likewise.values.date_value(group.start_date) for group in told.periods} <= {
        monday,
        monday - timedelta(days=7),
    }
    assert told.predictions == 5
    assert told.target_precision == client.get_tenant(cafe).policy.target_precision
    assert not told.alerts


def test_precision_has_an_interval_and_what_was_stated(
    server: Server, client: likewise.Client, cafe: str
) -> None:
    client.classify(cafe, _asked("q"))
    client.learn(cafe, [likewise.labelled(_asked("q"), "coffee")])
    client.classify(cafe, likewise.transaction(id="other", payee="WHO KNOWS", amount="1"))
    server.recorder.flush()
    judged = [g.counts for g in client.feedback.get(cafe).decisions if g.counts.HasField("precision")]
    (counts,) = judged
    assert counts.precision == 1.0
    assert 0.2 < counts.precision_low < 0.21
    assert counts.precision_high == 1.0
    assert 0.0 < counts.precision_stated < 1.0


def test_days_that_are_not_asked_for_are_left_out(server: Server, client: likewise.Client, cafe: str) -> None:
    client.classify(cafe, _asked("q"))
    server.recorder.flush()
    today = datetime.now(UTC).date()
    assert not client.feedback.get(cafe, start=today + timedelta(days=2)).decisions
    assert not client.feedback.get(cafe, end=today - timedelta(days=2)).decisions
    assert client.feedback.get(cafe, start=today - timedelta(days=2), end=today + timedelta(days=2)).decisions


def test_answers_are_listed_the_latest_first(server: Server, client: likewise.Client, cafe: str) -> None:
    answers = [client.classify(cafe, _asked(f"q{number}")) for number in range(5)]
    client.learn(cafe, [likewise.labelled(_asked("q3"), "milk")])
    server.recorder.flush()
    listed = list(client.feedback.list(cafe, page_size=2))
    assert [each.transaction.id for each in listed] == ["q4", "q3", "q2", "q1", "q0"]
    for each, answer in zip(listed, reversed(answers), strict=True):
        answer.time_spent.Clear()
        each.classification.time_spent.Clear()
        assert each.classification == answer
    (verdict,) = listed[1].verdicts
    assert (verdict.dimension, verdict.category, verdict.position) == ("category", "milk", 3)
    (one,) = client.feedback.list(cafe, prediction_id=answers[0].prediction_id)
    assert one.transaction.id == "q0"
    (one,) = client.feedback.list(cafe, transaction_id="q2")
    assert one.classification.prediction_id == answers[2].prediction_id
    assert not list(client.feedback.list(cafe, transaction_id="nobody asked"))


def test_a_stream_is_recorded_too(server: Server, client: likewise.Client, cafe: str) -> None:
    items = list(client.classify_many(cafe, [_asked("s1"), _asked("s2")]))
    server.recorder.flush()
    assert [p.transaction.id for p in client.feedback.list(cafe)] == ["s2", "s1"]
    assert len(items) == 2


def test_labels_that_are_imported_are_tied_to_what_was_answered(
    server: Server, client: likewise.Client, cafe: str
) -> None:
    named = client.classify(cafe, _asked("")).prediction_id
    client.classify(cafe, _asked("q1"))
    client.classify(cafe, _asked("q2"))
    server.recorder.flush()
    untied = server.recorder.counts().untied
    machine = likewise.Authority.AUTHORITY_MACHINE
    history = [
        likewise.labelled(_asked("q1"), "milk"),
        likewise.labelled(_asked("q2"), "coffee", authority=machine),
        likewise.labelled(_asked("later"), "coffee", prediction_id=named),
        *(likewise.labelled(_asked(f"never asked {n}"), "coffee") for n in range(300)),
        likewise.labelled(_asked("x" * 1_000), "coffee"),  # is refused
    ]
    assert client.import_transactions(cafe, history).rejected == 1
    server.recorder.flush()
    listed = list(client.feedback.list(cafe))
    labels = {each.transaction.id: [verdict.category for verdict in each.verdicts] for each in listed}
    assert labels == {"q2": [], "q1": ["milk"], "": ["coffee"]}
    counts = server.recorder.counts()
    assert (counts.tied, counts.untied, counts.dropped) == (2, untied, 0)


def test_forgetting_leaves_no_answer(server: Server, client: likewise.Client, cafe: str) -> None:
    client.classify(cafe, _asked("q1"))
    server.recorder.flush()
    client.classify(cafe, _asked("q2"))  # still on its way
    client.forget_transactions(cafe, ["c0"])  # shown as a neighbour by both
    server.recorder.flush()
    assert not list(client.feedback.list(cafe))


def test_the_overview_has_each_tenant_that_was_answered(
    server: Server, client: likewise.Client, cafe: str
) -> None:
    for name in ("atelier", "bakery", "quiet"):
        client.create_tenant(likewise.Tenant(id=name))
    for name in ("atelier", "bakery", cafe):
        client.classify(name, _asked("q"))
    server.recorder.flush()
    told = list(client.feedback.overview(page_size=1))
    assert [each.tenant for each in told] == ["atelier", "bakery", cafe]
    assert [sum(g.counts.answered for g in each.decisions) for each in told] == [1, 1, 1]


def test_a_damaged_record_keeps_the_overview_from_nobody_else(
    server: Server, client: likewise.Client, cafe: str, data_folder: Path
) -> None:
    client.create_tenant(likewise.Tenant(id="atelier"))
    for name in ("atelier", cafe):
        client.classify(name, _asked("q"))
    server.recorder.flush()
    (path,) = data_folder.rglob(f"atelier/{PREDICTIONS_NAME}")
    for beside in path.parent.glob(f"{PREDICTIONS_NAME}-*"):
        beside.unlink()
    path.write_bytes(b"\xff" * 8192)
    with pytest.raises(likewise.Error):
        client.feedback.get("atelier")
    assert [each.tenant for each in client.feedback.overview()] == [cafe]


def test_recording_can_be_off(serve: Serve) -> None:
    server = serve(predictions_sampled=0.0)
    with likewise.Client(server.address) as client:
        client.create_tenant(likewise.Tenant(id="quiet"))
        assert client.classify("quiet", _asked("q")).prediction_id == ""
        server.recorder.flush()
        assert client.feedback.get("quiet").predictions == 0
        assert not list(client.feedback.overview())


def test_the_client_for_asyncio_does_the_same(server: Server, client: likewise.Client, cafe: str) -> None:
    client.classify(cafe, _asked("q"))
    server.recorder.flush()

    async def told() -> tuple[likewise.GetFeedbackResponse, list[str], list[str]]:
        async with likewise.AsyncClient(server.address) as asynchronous:
            feedback = asynchronous.feedback
            return (
                await feedback.get(cafe),
                [each.tenant async for each in feedback.overview()],
                [each.transaction.id async for each in feedback.list(cafe)],
            )

    response, tenants, ids = asyncio.run(told())
    assert response == client.feedback.get(cafe)
    assert (tenants, ids) == ([cafe], ["q"])


@pytest.mark.parametrize(
    ("method", "request_message", "field"),
    [
        ("GetFeedback", pb.GetFeedbackRequest(tenant="cafe", period=9), "period"),  # type: ignore[arg-type]
        ("GetFeedback", pb.GetFeedbackRequest(tenant="cafe", start_date=Date(year=2024)), "start_date"),
        ("ListPredictions", pb.ListPredictionsRequest(tenant="cafe", page_token="?"), "page_token"),
        ("GetFeedbackOverview", pb.GetFeedbackOverviewRequest(page_size=-1), "page_size"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    channel: grpc.Channel, cafe: str, method: str, request_message: object, field: str
) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        getattr(FeedbackServiceStub(channel), method)(request_message)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field in str(refused.value.details())
