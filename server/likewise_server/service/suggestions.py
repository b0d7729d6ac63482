"""SuggestionService: what a language model says of what was ASKed."""

from collections.abc import Iterator
from typing import Final

import grpc

from likewise.v1 import suggestion_service_pb2 as pb
from likewise.v1.suggestion_service_pb2_grpc import SuggestionServiceServicer
from likewise_engine import limits
from likewise_engine.chart import Chart
from likewise_engine.errors import PreconditionFailed
from likewise_engine.tenants import Tenants
from likewise_engine.testimony import Testimonies, Testimony
from likewise_server.language_model.adviser import Adviser
from likewise_server.language_model.suggestion_id import key_and_until, suggestion_id
from likewise_server.service.border import check_caller
from likewise_server.service.pages import number_of, page_size_of, page_token

_BEYOND_ALL: Final = 2**62
"""No testimony has so high an id."""


class SuggestionService(SuggestionServiceServicer):
    """Tells what is kept, and what is under way."""

    def __init__(self, tenants: Tenants, adviser: Adviser | None) -> None:
        self._tenants = tenants
        self._adviser = adviser

    def GetSuggestion(
        self, request: pb.GetSuggestionRequest, context: grpc.ServicerContext
    ) -> pb.GetSuggestionResponse:
        """Return a suggestion, or whether it may still come."""
        key, until_s = key_and_until(request.suggestion_id)
        # Asked before the look: what is kept meanwhile is found at the next one, and never taken for gone.
        is_pending = self._adviser is not None and self._adviser.waiting.is_pending(request.tenant, key)
        testimonies, chart = self._testimonies(request.tenant)
        known = testimonies.find(key)
        if known is not None and not is_pending:
            return pb.GetSuggestionResponse(suggestion=_message(known, chart, request.suggestion_id))
        may_come = is_pending or (self._adviser is not None and self._adviser.may_come_elsewhere(until_s))
        state = pb.SUGGESTION_STATE_PENDING if may_come else pb.SUGGESTION_STATE_GONE
        return pb.GetSuggestionResponse(suggestion=pb.Suggestion(id=request.suggestion_id, state=state))

    def WatchSuggestions(
        self, request: pb.WatchSuggestionsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchSuggestionsResponse]:
        """Send suggestions as they come. It looks now and then: another process may have kept them."""
        told, _ = self._testimonies(request.tenant)
        if self._adviser is None:
            raise PreconditionFailed("this server asks no language model: nothing will come")
        context.send_initial_metadata(())  # from here on nothing is missed, and who watches may know
        while not self._adviser.is_closing.wait(limits.SUGGESTIONS_WATCHED_POLL_MS / 1_000):
            check_caller(context)
            testimonies, chart = self._testimonies(request.tenant)
            for testimony in testimonies.beyond(told):
                yield pb.WatchSuggestionsResponse(suggestion=_message(testimony, chart))
            told = testimonies

    def ListSuggestions(
        self, request: pb.ListSuggestionsRequest, context: grpc.ServicerContext
    ) -> pb.ListSuggestionsResponse:
        """List a page of suggestions, the latest first, and the records of models."""
        listed = f"suggestions of {request.tenant}"
        page_size = page_size_of(request.page_size)
        before = number_of(listed, request.page_token) if request.page_token else _BEYOND_ALL
        testimonies, chart = self._testimonies(request.tenant)
        older = [testimony for testimony in reversed(testimonies.since(0)) if testimony.id < before]
        page = older[:page_size]
        response = pb.ListSuggestionsResponse(suggestions=[_message(each, chart) for each in page])
        if len(page) < len(older):
            response.next_page_token = page_token(listed, str(page[-1].id))
        for (dimension, model), record in sorted(testimonies.records.items()):
            response.records.add(
                model=model, dimension=dimension, right=record.right, wrong=record.wrong, open=record.open
            )
        return response

    def _testimonies(self, tenant: str) -> tuple[Testimonies, Chart]:
        with self._tenants.use(tenant) as ledger:
            view = ledger.view
        return view.testimonies, view.chart


def _message(testimony: Testimony, chart: Chart, given_id: str = "") -> pb.Suggestion:
    named = testimony.category
    message = pb.Suggestion(
        id=given_id or suggestion_id(testimony.key, 0.0),
        state=pb.SUGGESTION_STATE_NONE_FITS if named is None else pb.SUGGESTION_STATE_ANSWERED,
        transaction_id=testimony.transaction_id,
        text=testimony.text,
        dimension=testimony.dimension,
        model=testimony.witness,
        label="" if testimony.label is None else chart.categories[testimony.label].id,
    )
    if named is not None:
        message.category, message.category_name = chart.categories[named].id, chart.categories[named].title
    return message
