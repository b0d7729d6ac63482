"""InsightService: what may be wrong in a tenant's history, and why an answer is what it is.

An audit takes minutes of a processor. It is done in a process of its own, at the lowest priority, where there
is one, and else in a thread that gives way to calls after each label, as an import does. One at a time: a
second one is refused, with the time to wait.
"""

import queue
import threading
from collections.abc import Iterator
from time import monotonic
from typing import Final

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from likewise.v1 import insight_service_pb2 as pb
from likewise.v1.insight_service_pb2_grpc import InsightServiceServicer
from likewise_engine import limits
from likewise_engine.background import Background
from likewise_engine.errors import InvalidInput, Overloaded, PredictionNotFound
from likewise_engine.feedback.prediction import Prediction
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.review import Review, ReviewOptions
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import violations_of_string
from likewise_server.service import translate, translate_insight
from likewise_server.service.border import check_caller
from likewise_server.workers import Workers

_TOLD_EVERY_S: Final = 1.0
_POLL_S: Final = 0.1
"""How soon an audit ends whose caller is gone."""
_DEADLINE_SHARE: Final = 0.9
"""Of what is left until the deadline: the rest is for what is found."""


class InsightService(InsightServiceServicer):
    """Looks into tenants."""

    def __init__(self, tenants: Tenants, workers: Workers, background: Background | None) -> None:
        """Make ready.

        Args:
            tenants: to look into.
            workers: who answer calls.
            background: where audits are done; in this process where None.
        """
        self._tenants = tenants
        self._workers = workers
        self._background = background
        self._turn = threading.Lock()

    def AuditTenant(
        self, request: pb.AuditTenantRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.AuditTenantResponse]:
        """Look through a tenant's history, telling how far it is."""
        left_ms = _DEADLINE_SHARE * min(context.time_remaining() * 1_000, limits.REVIEW_BUDGET_MS_MAX)
        options = translate_insight.review_options(request, int(left_ms))
        if not self._turn.acquire(blocking=False):
            raise Overloaded("another audit is under way", retry_after_ms=limits.RETRY_AFTER_MS_MAX)
        try:
            with self._tenants.use(request.tenant) as ledger:
                audit = _Audit(ledger, options, self._background, self._workers)
                yield from audit.messages(context)
        finally:
            self._turn.release()

    def ExplainTransaction(
        self, request: pb.ExplainTransactionRequest, context: grpc.ServicerContext
    ) -> pb.ExplainTransactionResponse:
        """Explain an answer."""
        asked = request.WhichOneof("asked")
        if asked is None:
            raise InvalidInput.of(
                "asked", "is required: a transaction, or the id of an entry or of an answer"
            )
        if asked == "prediction_id":
            prediction = self._prediction(request.tenant, request.prediction_id)
            with self._tenants.use(request.tenant) as ledger:
                explanation = ledger.explain_recorded(prediction)
                message = translate_insight.explanation_message(explanation)
                return pb.ExplainTransactionResponse(explanation=message)
        options = translate.classify_options(request.options)
        with self._tenants.use(request.tenant) as ledger:
            if asked == "transaction":
                transaction = translate.required_transaction(request)
            else:
                with translate.beneath("transaction_id"):
                    transaction = ledger.entry(request.transaction_id).transaction
            check_caller(context)

            def give_way() -> None:
                check_caller(context)
                with self._workers.batches.passage():
                    pass  # calls go first

            explanation = ledger.explain(transaction, options, give_way)
        return pb.ExplainTransactionResponse(explanation=translate_insight.explanation_message(explanation))

    def ReplayPrediction(
        self, request: pb.ReplayPredictionRequest, context: grpc.ServicerContext
    ) -> pb.ReplayPredictionResponse:
        """Decide a recorded answer again."""
        prediction = self._prediction(request.tenant, request.prediction_id)
        with self._tenants.use(request.tenant) as ledger:
            found = ledger.differences(prediction)
        time = Timestamp()
        time.FromDatetime(prediction.time)
        response = pb.ReplayPredictionResponse(is_identical=not found, differences=found, time=time)
        translate.fill_classification(response.recorded, prediction.answer, 0)
        response.recorded.prediction_id = prediction.id
        return response

    def _prediction(self, tenant: str, prediction_id: str) -> Prediction:
        """A recorded answer. Raises PredictionNotFound, InvalidInput."""
        wrong = [*violations_of_string("prediction_id", prediction_id, limits.PREDICTION_ID_CHARS_MAX)]
        if wrong:
            raise InvalidInput(wrong)
        with self._tenants.predictions(tenant) as file:
            recorded = file.get(prediction_id)
        if recorded is None:
            raise PredictionNotFound(prediction_id)
        return recorded.prediction


class _Audit:
    """One audit, in a thread of its own: its stream tells meanwhile how far it is."""

    def __init__(
        self, ledger: Ledger, options: ReviewOptions, background: Background | None, workers: Workers
    ) -> None:
        self._ledger = ledger
        self._options = options
        self._background = background
        self._workers = workers
        self._is_unwanted = threading.Event()
        self._done: queue.SimpleQueue[Review | Exception | None] = queue.SimpleQueue()
        self._so_far = (0, 0)
        self._next_slice_s = 0.0

    def messages(self, context: grpc.ServicerContext) -> Iterator[pb.AuditTenantResponse]:
        """What it tells. Raises what it raised, and Cancelled or DeadlineExceeded where nobody waits."""
        thread = threading.Thread(target=self._run, name="audit", daemon=True)
        thread.start()
        try:
            yield from self._told(context)
        finally:
            self._is_unwanted.set()
            thread.join()

    def _told(self, context: grpc.ServicerContext) -> Iterator[pb.AuditTenantResponse]:
        next_s = 0.0
        while True:
            check_caller(context)
            try:
                outcome = self._done.get(timeout=_POLL_S)
            except queue.Empty:
                if monotonic() >= next_s and self._so_far[1]:
                    next_s = monotonic() + _TOLD_EVERY_S
                    judged, goal = self._so_far
                    yield pb.AuditTenantResponse(progress=pb.AuditProgress(judged=judged, goal=goal))
                continue
            break
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is not None:
            for finding in outcome.findings:
                check_caller(context)
                yield pb.AuditTenantResponse(finding=translate_insight.finding_message(finding))
            yield pb.AuditTenantResponse(summary=translate_insight.summary_message(outcome))

    def _run(self) -> None:
        try:
            self._done.put(self._ledger.review(self._options, self._progress, self._background))
        except Exception as error:  # noqa: BLE001 - the stream raises it
            self._done.put(error)

    def _progress(self, done: int, goal: int) -> bool:
        self._so_far = (done, goal)
        if self._background is None and monotonic() >= self._next_slice_s:
            with self._workers.batches.passage():
                pass  # calls go first, and imports in their turn
            self._next_slice_s = monotonic() + limits.BULK_SLICE_MS / 1_000
        return not self._is_unwanted.is_set()
