"""FeedbackService: what was answered, what became of it, and whether something has changed since."""

import datetime
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

import grpc
import structlog

from likewise.v1 import feedback_service_pb2 as pb
from likewise.v1.feedback_service_pb2_grpc import FeedbackServiceServicer
from likewise_engine import limits
from likewise_engine.chart import Chart
from likewise_engine.errors import StoreCorrupt, TenantNotFound
from likewise_engine.feedback.drift import alerts_of
from likewise_engine.feedback.report import Period, Tally, grouped, tallies_of
from likewise_engine.store.predictions import PredictionFile, Recorded
from likewise_engine.tenants import Tenants
from likewise_server.access.caller import current_caller
from likewise_server.service import translate_feedback
from likewise_server.service.border import check_caller
from likewise_server.service.pages import number_of, page_size_of, page_token, position_of

_LISTED: Final = "feedback"

_log = structlog.stdlib.get_logger()


class FeedbackService(FeedbackServiceServicer):
    """Tells what the recorded answers came to."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    def GetFeedback(
        self, request: pb.GetFeedbackRequest, context: grpc.ServicerContext
    ) -> pb.GetFeedbackResponse:
        """Return what became of a tenant's answers, with alerts."""
        start = translate_feedback.day_asked(request, "start_date", datetime.date.min)
        end = translate_feedback.day_asked(request, "end_date", datetime.date.max)
        period = translate_feedback.period(request.period)
        with self._tenants.use(request.tenant) as ledger:
            check_caller(context)
            file, view = ledger.predictions, ledger.view
            tallies = tallies_of(file, start, end)
            alerts = alerts_of(file, view.policy.target_precision, view)
            kept = file.count()
        return pb.GetFeedbackResponse(
            decisions=_decisions(tallies),
            periods=_periods(tallies, period),
            witnesses=_witnesses(tallies),
            categories=_categories(tallies, view.chart),
            alerts=map(translate_feedback.alert, alerts),
            target_precision=view.policy.target_precision,
            predictions=kept,
        )

    def GetFeedbackOverview(
        self, request: pb.GetFeedbackOverviewRequest, context: grpc.ServicerContext
    ) -> pb.GetFeedbackOverviewResponse:
        """Return the same of a page of tenants, in short; to a caller that is bound to one, of that one."""
        page_size = page_size_of(request.page_size)
        after = position_of(_LISTED, request.page_token) if request.page_token else ""
        own = current_caller().tenant
        ids = self._tenants.ids(after, page_size + 1) if own is None else [own] * (own > after)
        response = pb.GetFeedbackOverviewResponse()
        for tenant in ids[:page_size]:
            check_caller(context)
            try:
                self._add_tenant(response, tenant)
            except TenantNotFound:
                continue  # deleted since the ids were read
            except StoreCorrupt as error:
                # The others are told of still; `likewise check` says what is damaged.
                _log.warning(
                    "the recorded answers of a tenant are damaged", tenant=tenant, error=error.message
                )
        if len(ids) > page_size:
            response.next_page_token = page_token(_LISTED, ids[page_size - 1])
        return response

    def ListPredictions(
        self, request: pb.ListPredictionsRequest, context: grpc.ServicerContext
    ) -> pb.ListPredictionsResponse:
        """List a page of recorded answers, the latest first; fewer than asked where they are long."""
        listed = f"predictions of {request.tenant}"
        page_size = page_size_of(request.page_size)
        before = number_of(listed, request.page_token) if request.page_token else None
        response, size_bytes = pb.ListPredictionsResponse(), 0
        with self._tenants.use(request.tenant) as ledger:
            chart = ledger.view.chart
            # One more than the page holds tells whether there is another.
            found = _found(ledger.predictions, request, page_size + 1, before)
        for position, recorded in enumerate(found):
            if position == page_size or size_bytes >= limits.RESPONSE_BYTES_AIM:
                response.next_page_token = page_token(listed, str(found[position - 1].number))
                break
            check_caller(context)
            message = translate_feedback.prediction(recorded, chart)
            size_bytes += message.ByteSize()
            response.predictions.append(message)
        return response

    def _add_tenant(self, response: pb.GetFeedbackOverviewResponse, tenant: str) -> None:
        with self._tenants.predictions(tenant) as file:
            tallies = tallies_of(file)
            if not tallies:
                return
            alerts = alerts_of(file, self._tenants.record(tenant).policy.target_precision)
        response.tenants.add(
            tenant=tenant, decisions=_decisions(tallies), alerts=map(translate_feedback.alert, alerts)
        )


def watch_of(tenants: Tenants) -> Callable[[str, PredictionFile], None]:
    """What looks at a tenant's answers, and logs its alerts but for those about charts: without wording."""

    def look(tenant: str, file: PredictionFile) -> None:
        for alert in alerts_of(file, tenants.record(tenant).policy.target_precision):
            _log.warning(
                "something has changed",
                tenant=tenant,
                kind=alert.kind.name.lower(),
                dimension=alert.dimension,
                measure=alert.measure,
                since=alert.since.isoformat(),
                strength=round(alert.strength, 3),
                surprise=round(alert.surprise, 1),
            )

    return look


def _found(
    file: PredictionFile, request: pb.ListPredictionsRequest, count_max: int, before: int | None
) -> Sequence[Recorded]:
    if request.prediction_id or request.transaction_id:
        one = (
            file.get(request.prediction_id)
            if request.prediction_id
            else file.latest_of(request.transaction_id)
        )
        return [] if one is None else [one]
    return file.latest(count_max, before)


def _decisions(tallies: Sequence[Tally]) -> list[pb.FeedbackGroup]:
    sums = grouped(tallies, lambda tally: (tally.dimension, tally.decision))
    samples = {(tally.dimension, tally.decision): tally for tally in tallies}
    return [translate_feedback.group(samples[key], sums[key]) for key in sorted(sums)]


def _witnesses(tallies: Sequence[Tally]) -> list[pb.FeedbackGroup]:
    sums = grouped(tallies, lambda tally: (tally.dimension, tally.decision, tally.witness))
    samples = {(tally.dimension, tally.decision, tally.witness): tally for tally in tallies}
    return [translate_feedback.group(samples[key], sums[key], by_witness=True) for key in sorted(sums)]


def _periods(tallies: Sequence[Tally], period: Period) -> list[pb.FeedbackGroup]:
    sums = grouped(tallies, lambda tally: (period.start_of(tally.day), tally.dimension, tally.decision))
    samples = {(tally.dimension, tally.decision): tally for tally in tallies}
    return [
        translate_feedback.group(samples[dimension, decision], counts, start=start)
        for (start, dimension, decision), counts in sorted(sums.items(), key=lambda item: item[0])
    ]


def _categories(tallies: Sequence[Tally], chart: Chart) -> list[pb.FeedbackGroup]:
    sums = grouped(tallies, lambda tally: (tally.dimension, tally.decision, tally.category))
    samples = {(tally.dimension, tally.decision): tally for tally in tallies}
    commonest = sorted(sums.items(), key=lambda item: (-item[1].answered, item[0]))
    return [
        translate_feedback.group(
            samples[dimension, decision],
            counts,
            category=translate_feedback.category_id(chart.categories, number),
        )
        for (dimension, decision, number), counts in islice(commonest, limits.FEEDBACK_GROUPS_MAX)
    ]
