"""Audits and explanations over gRPC, by both clients, and with the process that does audits aside."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from numpy.typing import NDArray

import likewise
from conftest import Serve
from likewise_engine.encoder import HashingEncoder, load_encoder
from likewise_engine.tenants import Tenants
from likewise_engine.vote import load_vote
from likewise_indexer.messages import transaction_message
from likewise_server.lifecycle import Server
from likewise_server.settings import Settings
from review_world import clean_books, planted

MISTAKE = likewise.FindingKind.FINDING_KIND_PROBABLE_MISTAKE


def messages(rows: int, share: float) -> tuple[list[likewise.LabelledTransaction], set[str]]:
    books, wrong = planted(clean_books(rows), share)
    return [
        likewise.LabelledTransaction(transaction=transaction_message(item.transaction), labels=item.labels)
        for item in books
    ], wrong


@pytest.fixture
def acme(client: likewise.Client) -> str:
    """A tenant with some mistakes."""
    client.create_tenant(likewise.Tenant(id="acme"))
    client.import_transactions("acme", messages(150, 0.05)[0])
    return "acme"


def audited(client: likewise.Client) -> list[likewise.AuditTenantResponse]:
    """An audit of a few labels that may take its time."""
    budget = timedelta(minutes=30)
    return list(client.insight.audit("acme", max_entries=20, budget=budget, deadline_ms=None))


def told(responses: list[likewise.AuditTenantResponse], what: str) -> list[likewise.AuditTenantResponse]:
    return [response for response in responses if response.WhichOneof("told") == what]


def test_an_audit_tells_what_it_finds_and_ends_with_a_summary(client: likewise.Client, acme: str) -> None:
    responses = list(client.insight.audit(acme, kinds=[MISTAKE], max_findings=5))
    findings = [response.finding for response in told(responses, "finding")]
    assert 1 <= len(findings) <= 5
    assert {finding.kind for finding in findings} == {MISTAKE}
    assert all(f.entries[0].category == f.categories[0] and f.message and f.action for f in findings)
    assert [finding.score for finding in findings] == sorted((f.score for f in findings), reverse=True)
    summary = responses[-1].summary
    assert summary.entries == 150
    assert summary.judged == summary.judgeable > 100
    assert summary.found[MISTAKE] >= len(findings)
    assert not summary.ran_out


def test_an_audit_with_no_time_says_that_it_ran_out(client: likewise.Client, acme: str) -> None:
    responses = list(client.insight.audit(acme, budget=timedelta(milliseconds=1)))
    assert responses[-1].summary.ran_out


def test_an_audit_ends_before_its_deadline(client: likewise.Client, acme: str) -> None:
    responses = list(client.insight.audit(acme, deadline_ms=30_000))
    assert responses[-1].WhichOneof("told") == "summary"


def test_an_audit_is_done_in_a_process_of_its_own(data_folder: Path) -> None:
    """Which has the lowest priority, and so may take its time: what it finds is as in a thread."""
    tenants = Tenants.open_folder(data_folder, load_encoder(), vote=load_vote())
    settings = Settings(data=data_folder, listen="127.0.0.1:0", grace_s=5)
    with (
        Server(tenants, settings, audits_aside=True) as server,
        likewise.Client(server.address) as client,
    ):
        client.create_tenant(likewise.Tenant(id="acme"))
        client.import_transactions("acme", messages(80, 0.1)[0])
        aside = audited(client)
        with pytest.raises(likewise.InvalidRequest):
            list(client.insight.audit("acme", dimensions=["nothing"]))
    tenants = Tenants.open_folder(data_folder, load_encoder(), vote=load_vote())
    with Server(tenants, settings) as server, likewise.Client(server.address) as client:
        within = audited(client)
    findings, again = ([r.finding for r in told(each, "finding")] for each in (aside, within))
    assert findings == again
    assert aside[-1].summary == within[-1].summary
    assert aside[-1].summary.judged >= 20


class Gated(HashingEncoder):
    """Says when it is asked, and answers once it may."""

    def __init__(self) -> None:
        super().__init__(64)
        self.is_asked, self.may_answer = Event(), Event()
        self.may_answer.set()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.is_asked.set()
        assert self.may_answer.wait(60)
        return super().encode(texts)


def test_a_second_audit_is_refused_while_one_is_under_way(serve: Serve) -> None:
    encoder = Gated()
    spellings = [likewise.FindingKind.FINDING_KIND_PAYEE_SPELLINGS]
    with likewise.Client(serve(encoder).address) as client, ThreadPoolExecutor(1) as aside:
        client.create_tenant(likewise.Tenant(id="acme"))
        client.import_transactions("acme", messages(60, 0.0)[0])
        encoder.may_answer.clear()
        encoder.is_asked.clear()
        first = aside.submit(lambda: list(client.insight.audit("acme", kinds=spellings)))
        assert encoder.is_asked.wait(60)
        with pytest.raises(likewise.Overloaded):
            list(client.insight.audit("acme", kinds=spellings))
        encoder.may_answer.set()
        assert first.result()[-1].WhichOneof("told") == "summary"
        assert list(client.insight.audit("acme", kinds=spellings))[-1].WhichOneof("told") == "summary"


def test_what_is_not_there_or_out_of_bounds_is_refused(client: likewise.Client, acme: str) -> None:
    with pytest.raises(likewise.NotFound):
        list(client.insight.audit("nobody"))
    for wrong in ({"dimensions": ["nothing"]}, {"kinds": [99]}, {"max_findings": -1}, {"max_entries": 10**9}):
        with pytest.raises(likewise.InvalidRequest):
            list(client.insight.audit(acme, **wrong))
    with pytest.raises(likewise.InvalidRequest):
        list(client.insight.audit(acme, budget=timedelta(days=10**6)))
    with pytest.raises(likewise.NotFound):
        client.insight.explain(acme, "nothing")
    with pytest.raises(likewise.NotFound):
        client.insight.explain(acme, prediction_id="nothing")
    with pytest.raises(likewise.NotFound):
        client.insight.replay(acme, "nothing")
    with pytest.raises(likewise.InvalidRequest):
        client.insight.replay(acme, "x" * 1_000)
    with pytest.raises(likewise.InvalidRequest):
        client.insight.explain(acme, likewise.Transaction())
    with pytest.raises(ValueError, match="one of them"):
        client.insight.explain(acme)


def test_an_entry_and_a_transaction_are_explained(client: likewise.Client, acme: str) -> None:
    of_entry = client.insight.explain(acme, "t3")
    assert of_entry.is_of_books
    assert of_entry.dimensions[0].label
    assert "t3" not in {neighbour.transaction_id for neighbour in of_entry.classification.neighbours}
    asked = likewise.transaction(payee="Corner Bakery", amount="12.00", currency="EUR")
    explained = client.insight.explain(acme, asked)
    assert not explained.is_of_books
    (dimension,) = explained.dimensions
    assert dimension.answer == explained.classification.answers[0] == client.classify(acme, asked).answers[0]
    assert dimension.threshold.calibrated == dimension.answer.candidates[0].probability
    assert dimension.counterfactuals


def test_a_recorded_answer_is_explained_and_replayed(serve: Serve) -> None:
    server = serve(predictions_sampled=1.0)
    with likewise.Client(server.address) as client:
        client.create_tenant(likewise.Tenant(id="acme"))
        client.import_transactions("acme", messages(60, 0.0)[0])
        asked = likewise.transaction(payee="Corner Bakery", amount="12.00", currency="EUR")
        answer = client.classify("acme", asked)
        server.recorder.flush()
        client.learn("acme", [likewise.labelled(likewise.transaction(id="n", payee="Corner Bakery"), "new")])
        replayed = client.insight.replay("acme", answer.prediction_id)
        explained = client.insight.explain("acme", prediction_id=answer.prediction_id)
    assert (replayed.is_identical, list(replayed.differences)) == (True, [])
    assert replayed.recorded.answers == answer.answers
    assert replayed.recorded.revision == answer.revision
    assert explained.dimensions[0].answer == answer.answers[0]
    assert not explained.dimensions[0].counterfactuals


def test_an_answer_of_another_vote_is_said_to_be_of_another(serve: Serve, data_folder: Path) -> None:
    server = serve(predictions_sampled=1.0)
    with likewise.Client(server.address) as client:
        client.create_tenant(likewise.Tenant(id="acme"))
        client.import_transactions("acme", messages(60, 0.0)[0])
        answer = client.classify("acme", likewise.transaction(payee="Corner Bakery"))
        server.recorder.flush()
    server.stop()
    tenants = Tenants.open_folder(data_folder, load_encoder(), vote=load_vote())
    settings = Settings(data=data_folder, listen="127.0.0.1:0", grace_s=5)
    with Server(tenants, settings) as other, likewise.Client(other.address) as client:
        replayed = client.insight.replay("acme", answer.prediction_id)
        assert not replayed.is_identical
        assert "replay it with that one" in replayed.differences[0]
        with pytest.raises(likewise.PreconditionFailed):
            client.insight.explain("acme", prediction_id=answer.prediction_id)


async def test_the_client_for_asyncio_does_the_same(
    server: Server, client: likewise.Client, acme: str
) -> None:
    async with likewise.AsyncClient(server.address) as other:
        responses = [response async for response in other.insight.audit(acme, kinds=[MISTAKE])]
        explained = await other.insight.explain(acme, "t3")
        with pytest.raises(likewise.NotFound):
            await other.insight.replay(acme, "nothing")
    assert responses[-1].WhichOneof("told") == "summary"
    assert explained.dimensions[0].label == client.insight.explain(acme, "t3").dimensions[0].label
