"""Findings and explanations as messages of the contract."""

from collections.abc import Mapping
from typing import Final

from likewise.v1 import classifier_service_pb2 as classifier_pb
from likewise.v1 import insight_service_pb2 as pb
from likewise.values import date_message
from likewise_engine import limits
from likewise_engine.errors import FieldViolation, InvalidInput
from likewise_engine.explain import Contrast, Counterfactual, DimensionExplanation, Explanation, Threshold
from likewise_engine.review import Finding, FindingKind, Review, ReviewOptions
from likewise_server.service.translate import (
    DECISIONS,
    fill_classification,
    fill_dimension_answer,
    fill_money,
    fill_neighbour,
)

_KINDS: Final[Mapping[int, FindingKind]] = {int(kind): kind for kind in FindingKind}


def review_options(message: pb.AuditTenantRequest, budget_ms_max: int) -> ReviewOptions:
    """The options, checked.

    Args:
        message: of the request.
        budget_ms_max: what is left of the call's deadline.

    Raises:
        InvalidInput: a value is out of bounds; fields as ``kinds[0]``.
    """
    violations = [
        FieldViolation(f"kinds[{position}]", f"is {kind}, which this version does not know")
        for position, kind in enumerate(message.kinds)
        if kind not in _KINDS
    ]
    if violations:
        raise InvalidInput(violations)
    wanted_ms = limits.REVIEW_BUDGET_MS_DEFAULT
    if message.HasField("budget"):
        # Not by ToMilliseconds(), which takes any number of seconds for one of milliseconds.
        wanted_ms = message.budget.seconds * 1_000 + message.budget.nanos // 1_000_000
    options = ReviewOptions(
        dimensions=tuple(message.dimensions),
        kinds=tuple(_KINDS[kind] for kind in message.kinds),
        entries_max=message.max_entries or limits.REVIEW_ENTRIES_DEFAULT,
        findings_max=message.max_findings or limits.REVIEW_FINDINGS_DEFAULT,
        budget_ms=wanted_ms,
    )
    options.check()
    return ReviewOptions.from_json({**options.to_json(), "budget_ms": max(1, min(wanted_ms, budget_ms_max))})


def finding_message(finding: Finding) -> pb.Finding:
    """A finding."""
    message = pb.Finding(
        kind=pb.FindingKind.ValueType(finding.kind),
        dimension=finding.dimension,
        score=finding.score,
        message=finding.message,
        action=finding.action,
        categories=finding.categories,
        payees=finding.payees,
        statistics=finding.statistics,
        total_entries=finding.entries_total,
    )
    for entry in finding.entries:
        shown = message.entries.add(
            transaction_id=entry.transaction_id, text=entry.text, category=entry.category
        )
        if entry.date is not None:
            shown.date.CopyFrom(date_message(entry.date))
        if entry.amount is not None:
            fill_money(shown.amount, entry.amount, entry.currency)
    return message


def summary_message(review: Review) -> pb.AuditSummary:
    """What a review came to."""
    return pb.AuditSummary(
        revision=review.revision,
        entries=review.entries,
        judged=review.judged,
        judgeable=review.judgeable,
        ran_out=review.ran_out,
        found={int(kind): count for kind, count in review.found.items()},
    )


def explanation_message(explanation: Explanation) -> pb.Explanation:
    """An explanation."""
    message = pb.Explanation(is_of_books=explanation.is_of_books, still_known=explanation.still_known)
    fill_classification(message.classification, explanation.classification, 0)
    for dimension in explanation.dimensions:
        _fill_dimension(message.dimensions.add(), dimension)
    return message


def _fill_dimension(message: pb.DimensionExplanation, value: DimensionExplanation) -> None:
    fill_dimension_answer(message.answer, value.answer)
    message.label = value.label
    if value.contrast is not None:
        message.contrast.CopyFrom(_contrast(value.contrast))
    message.threshold.CopyFrom(_threshold(value.threshold))
    message.counterfactuals.extend(map(_counterfactual, value.counterfactuals))


def _contrast(value: Contrast) -> pb.Contrast:
    return pb.Contrast(
        first=value.first,
        second=value.second,
        log_odds=value.log_odds,
        contributions=[
            pb.Contribution(
                witness=one.witness,
                feature=one.feature,
                meaning=one.meaning,
                first=one.first,
                second=one.second,
                log_odds=one.log_odds,
            )
            for one in value.contributions
        ],
    )


def _threshold(value: Threshold) -> pb.FileThreshold:
    return pb.FileThreshold(
        target_precision=value.target_precision,
        probability=value.probability,
        voted=value.voted,
        calibrated=value.calibrated,
        target_precision_met=value.target_precision_met,
        outcomes=value.outcomes,
        filed=value.filed,
        filed_wrong=value.filed_wrong,
        slope=value.slope,
        intercept=value.intercept,
    )


def _counterfactual(value: Counterfactual) -> pb.Counterfactual:
    entries = []
    for neighbour in value.entries:
        entry = classifier_pb.Neighbour()
        fill_neighbour(entry, neighbour)
        entries.append(entry)
    return pb.Counterfactual(
        change=value.change,
        entries=entries,
        decision=DECISIONS[value.decision],
        category=value.category,
        probability=value.probability,
        changes_answer=value.changes_answer,
    )
