"""LedgerService: teaching, reading back, forgetting.

What a caller may conclude whose deadline passes: a Learn or a ForgetTransactions that had begun is finished
whole, one that had not is not begun; which of the two is not known. Repeating it is safe either way (Learn
by the same request_id, to the letter of the answer), and shows which. An import has taken some of its items,
from the first on.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import grpc

from likewise.v1 import ledger_service_pb2 as pb
from likewise.v1.ledger_service_pb2_grpc import LedgerServiceServicer
from likewise.v1.transaction_pb2 import LabelledTransaction as LabelledTransactionMessage
from likewise.v1.transaction_pb2 import LedgerEntry
from likewise_engine import limits
from likewise_engine.errors import FieldViolation, InvalidInput
from likewise_engine.feedback.recorder import Recorder
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.store.base import Entry
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import LabelledTransaction, violations_of_string
from likewise_server.access.caller import current_caller
from likewise_server.service import translate
from likewise_server.service.border import check_caller
from likewise_server.service.pages import number_of, page_size_of, page_token
from likewise_server.service.status import status_of_violations
from likewise_server.service.trail import receipt_message
from likewise_server.workers import Workers

_BEFORE_ALL: Final = -1
"""No entry has so small a seq."""
_EXPORT_READ_ENTRIES: Final = 200
"""Read at once from the store's snapshot."""


class LedgerService(LedgerServiceServicer):
    """Keeps the tenants' labelled transactions."""

    def __init__(self, tenants: Tenants, workers: Workers, recorder: Recorder) -> None:
        self._tenants = tenants
        self._workers = workers
        self._recorder = recorder

    def Learn(self, request: pb.LearnRequest, context: grpc.ServicerContext) -> pb.LearnResponse:
        """Learn labelled transactions: all of them, or none."""
        _check_batch_size(len(request.transactions))
        items = translate.whole_batch(request.transactions)
        with self._tenants.use(request.tenant) as ledger:
            check_caller(context)
            outcome = ledger.learn(items, request.request_id, actor=current_caller().name)
            self._recorder.note_labels(
                request.tenant, ledger.store.key, ledger.view.chart, items, outcome.revision
            )
            return translate.learn_response(outcome)

    def ImportTransactions(
        self, request_iterator: Iterator[pb.ImportTransactionsRequest], context: grpc.ServicerContext
    ) -> pb.ImportTransactionsResponse:
        """Import history batch by batch; each is committed before the next is read.

        What is computed, and committed, at once is a piece of a batch. A batch of 2,000 items takes .1 s: for
        so long other calls would share the processor with it, and lessons of the same tenant wait.
        """
        tally: _Tally | None = None
        for request in request_iterator:
            check_caller(context)
            tally = tally or _Tally(request.tenant, self._recorder)
            if request.tenant not in ("", tally.tenant):
                raise InvalidInput.of(
                    "tenant", f"changes from {tally.tenant!r} to {request.tenant!r}: import each on its own"
                )
            _check_batch_size(len(request.transactions))
            for piece in _pieces(request.transactions):
                with (
                    self._tenants.use(tally.tenant) as ledger,
                    self._workers.batches.passage() as give_way,
                ):
                    check_caller(context)
                    tally.take(ledger, piece, give_way)
        if tally is None:
            raise InvalidInput.of("tenant", "is required in the first message, and there was none")
        return tally.response

    def GetTransaction(
        self, request: pb.GetTransactionRequest, context: grpc.ServicerContext
    ) -> pb.GetTransactionResponse:
        """Return one entry."""
        transaction_id = request.transaction_id
        if not transaction_id:
            raise InvalidInput.of("transaction_id", "is required")
        if wrong := [
            *violations_of_string("transaction_id", transaction_id, limits.TRANSACTION_ID_CHARS_MAX)
        ]:
            raise InvalidInput(wrong)
        with self._tenants.use(request.tenant) as ledger:
            return pb.GetTransactionResponse(entry=translate.ledger_entry(ledger.entry(transaction_id)))

    def ListTransactions(
        self, request: pb.ListTransactionsRequest, context: grpc.ServicerContext
    ) -> pb.ListTransactionsResponse:
        """List a page of entries; fewer than asked where they are long."""
        listed = f"transactions of {request.tenant}"
        page_size = page_size_of(request.page_size)
        after = number_of(listed, request.page_token) if request.page_token else _BEFORE_ALL
        with self._tenants.use(request.tenant) as ledger:
            # One more than the page holds tells whether there is another.
            entries = ledger.store.entries_after(after, page_size + 1)
        page = next(_by_size(entries[:page_size]), [])
        response = pb.ListTransactionsResponse(entries=page)
        if len(page) < len(entries):
            response.next_page_token = page_token(listed, str(entries[len(page) - 1].seq))
        return response

    def ForgetTransactions(
        self, request: pb.ForgetTransactionsRequest, context: grpc.ServicerContext
    ) -> pb.ForgetTransactionsResponse:
        """Forget transactions for good."""
        with self._tenants.use(request.tenant) as ledger, self._recorder.dropping(request.tenant):
            check_caller(context)
            outcome = ledger.forget(request.transaction_ids, actor=current_caller().name)
        return pb.ForgetTransactionsResponse(
            revision=outcome.revision,
            forgotten=outcome.forgotten,
            missing=outcome.missing,
            receipt=receipt_message(outcome.receipt),
        )

    def ExportTransactions(
        self, request: pb.ExportTransactionsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ExportTransactionsResponse]:
        """Send all entries as of one revision. The tenant is in use, and not evicted, until all are sent."""
        with self._tenants.use(request.tenant) as ledger:
            for revision, entries in ledger.store.export(_EXPORT_READ_ENTRIES):
                for batch in _by_size(entries):
                    check_caller(context)
                    yield pb.ExportTransactionsResponse(entries=batch, revision=revision)


@dataclass(slots=True)
class _Tally:
    """What an import has come to so far."""

    tenant: str
    recorder: Recorder
    response: pb.ImportTransactionsResponse = field(default_factory=pb.ImportTransactionsResponse)
    _items_seen: int = 0

    def take(
        self, ledger: Ledger, messages: Sequence[LabelledTransactionMessage], give_way: Callable[[], None]
    ) -> None:
        """Import a piece: what can be read is offered to the ledger, which may refuse more of it."""
        first, readable, positions = self._items_seen, list[LabelledTransaction](), list[int]()
        for position, message in enumerate(messages, first):
            give_way()
            item, violations = translate.labelled_transaction(message)
            if violations:
                self._reject(position, item.transaction.id, (*violations, *item.violations()))
            else:
                readable.append(item)
                positions.append(position)
        outcome = ledger.import_batch(readable, give_way, actor=current_caller().name)
        for rejection in outcome.rejections:
            self._reject(positions[rejection.position], rejection.transaction_id, rejection.violations)
        learned, response = outcome.learned, self.response
        refused = {rejection.position for rejection in outcome.rejections}
        taken = [item for position, item in enumerate(readable) if position not in refused]
        self.recorder.note_imported(
            self.tenant, ledger.predictions, ledger.store.key, ledger.view.chart, taken, learned.revision
        )
        response.revision = learned.revision
        response.created += learned.created
        response.updated += learned.updated
        response.unchanged += learned.unchanged
        response.kept += learned.kept
        response.inactive_labels += learned.inactive_labels
        self._items_seen += len(messages)

    def _reject(self, position: int, transaction_id: str, violations: tuple[FieldViolation, ...]) -> None:
        self.response.rejected += 1
        if len(self.response.rejections) < limits.REJECTIONS_RETURNED_MAX:
            self.response.rejections.add(
                position=position, transaction_id=transaction_id, error=status_of_violations(violations)
            )


def _pieces(
    messages: Sequence[LabelledTransactionMessage],
) -> Iterator[Sequence[LabelledTransactionMessage]]:
    """The messages in pieces; where there are none, one: the ledger is asked all the same."""
    for start in range(0, max(1, len(messages)), limits.IMPORT_PIECE_ITEMS):
        yield messages[start : start + limits.IMPORT_PIECE_ITEMS]


def _by_size(entries: Sequence[Entry]) -> Iterator[list[LedgerEntry]]:
    """The entries' messages, in lists of as many bytes as a response is to have."""
    batch: list[LedgerEntry] = []
    size_bytes = 0
    for entry in entries:
        message = translate.ledger_entry(entry)
        batch.append(message)
        size_bytes += message.ByteSize()
        if size_bytes >= limits.RESPONSE_BYTES_AIM:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def _check_batch_size(count: int) -> None:
    """Before any item is read: reading ten million empty ones would take a minute."""
    if count > limits.BATCH_ITEMS_MAX:
        message = f"has {count} items; at most {limits.BATCH_ITEMS_MAX} are allowed in one batch"
        raise InvalidInput.of("transactions", message)
