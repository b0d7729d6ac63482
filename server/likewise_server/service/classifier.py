"""ClassifierService: asking."""

from collections.abc import Iterator
from time import perf_counter_ns

import grpc

from likewise.v1 import classifier_service_pb2 as pb
from likewise.v1.classifier_service_pb2_grpc import ClassifierServiceServicer
from likewise_engine.answers import Classification, ClassifyOptions
from likewise_engine.errors import InvalidInput, LikewiseError, UnknownDimension
from likewise_engine.feedback.recorder import Recorder
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import Transaction
from likewise_server.language_model.adviser import Adviser
from likewise_server.service import translate
from likewise_server.service.border import check_caller
from likewise_server.service.status import status_of
from likewise_server.workers import Workers


class ClassifierService(ClassifierServiceServicer):
    """Answers from the tenants' ledgers."""

    def __init__(
        self, tenants: Tenants, workers: Workers, recorder: Recorder, adviser: Adviser | None
    ) -> None:
        self._tenants = tenants
        self._workers = workers
        self._recorder = recorder
        self._adviser = adviser

    def Classify(self, request: pb.ClassifyRequest, context: grpc.ServicerContext) -> pb.ClassifyResponse:
        """Classify one transaction."""
        wait_ns = perf_counter_ns() - self._workers.arrived_ns
        options = translate.classify_options(request.options)
        transaction = translate.required_transaction(request)
        if not self._tenants.is_loaded(request.tenant):
            self._load(request.tenant)
            check_caller(context)
        with self._tenants.use(request.tenant) as ledger:
            answer = _classify(ledger, transaction, options)
        response = pb.ClassifyResponse()
        translate.fill_classification(response.classification, answer, wait_ns)
        response.classification.prediction_id = self._recorder.note(
            request.tenant, ledger.store.key, transaction, options, answer
        )
        if self._adviser is not None:
            _suggest(self._adviser, request.tenant, ledger, transaction, answer, response.classification)
        return response

    def ClassifyStream(
        self, request_iterator: Iterator[pb.ClassifyStreamRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.ClassifyStreamResponse]:
        """Classify many transactions, in the order in which they come.

        What is wrong with an item is its own status; what is wrong with the tenant or the options ends the
        stream. The ledger is taken anew for each item, so that what is learned meanwhile counts, and a
        stream that pauses holds up neither eviction nor deletion. What is read ahead is bounded by HTTP/2's
        flow control. (A thread that reads ahead into a queue gave 8 % more items/s, and was left out.)
        """
        tenant, options = "", ClassifyOptions()
        for position, request in enumerate(request_iterator):
            arrived_ns = perf_counter_ns()
            check_caller(context)
            if position == 0:
                tenant, options = request.tenant, translate.classify_options(request.options)
            elif request.tenant not in ("", tenant):
                raise InvalidInput.of(
                    "tenant", f"changes from {tenant!r} to {request.tenant!r}: use a stream for each tenant"
                )
            response = pb.ClassifyStreamResponse(position=position, transaction_id=request.transaction.id)
            with self._tenants.use(tenant) as ledger, self._workers.items.passage():
                check_caller(context)
                wait_ns = perf_counter_ns() - arrived_ns
                try:
                    transaction = translate.required_transaction(request)
                    answer = _classify(ledger, transaction, options)
                except LikewiseError as error:
                    response.error.CopyFrom(status_of(error))
                else:
                    translate.fill_classification(response.classification, answer, wait_ns)
                    response.classification.prediction_id = self._recorder.note(
                        tenant, ledger.store.key, transaction, options, answer
                    )
                    if self._adviser is not None:
                        _suggest(self._adviser, tenant, ledger, transaction, answer, response.classification)
            yield response

    def _load(self, tenant: str) -> None:
        """Others compute while a cold tenant is read from the disk."""
        with self._workers.lane.aside(), self._tenants.use(tenant):
            pass


def _classify(ledger: Ledger, transaction: Transaction, options: ClassifyOptions) -> Classification:
    """Ask; the options are checked already, so what else is invalid is the transaction or a dimension."""
    try:
        return ledger.classify(transaction, options)
    except UnknownDimension:
        with translate.beneath("options"):
            raise
    except InvalidInput:
        with translate.beneath("transaction"):
            raise


def _suggest(
    adviser: Adviser,
    tenant: str,
    ledger: Ledger,
    transaction: Transaction,
    answer: Classification,
    message: pb.Classification,
) -> None:
    """Have a language model asked aside, and say where its suggestion will be."""
    told = adviser.heed(tenant, ledger, transaction, answer)
    for shown in message.answers:
        shown.suggestion_id = told.get(shown.dimension, "")
