"""A backtest as JSON: what programs read. A figure that does not exist is null, never NaN."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from math import isnan
from typing import Any

from likewise_engine.answers import Neighbour
from likewise_indexer.backtest.result import (
    LIKEWISE,
    Backtest,
    BacktestSettings,
    Confusion,
    Measures,
    Mistake,
    Performance,
    TenantResult,
)

Json = dict[str, Any]


def document_of(backtest: Backtest) -> Json:
    """The backtest as values that JSON has: figures of ours at the top, those of peers by their names."""
    macro = {who: _performance(performance) for who, performance in backtest.macro.items()}
    peers = [who for who in backtest.titles if who != LIKEWISE]
    return {
        "macro": macro.get(LIKEWISE, _performance_of_none()),
        "tenants": [_tenant(tenant, LIKEWISE) for tenant in backtest.tenants],
        "peers": {
            who: {
                "title": backtest.titles[who],
                "macro": macro.get(who, _performance_of_none()),
                "tenants": [_tenant(tenant, who) for tenant in backtest.tenants],
            }
            for who in peers
        },
        "files": [
            {"file": str(file), **_performance(performances[LIKEWISE])}
            for file, performances in backtest.by_file.items()
        ],
        "behind": asdict(backtest.behind) if backtest.behind else None,
        "confusions": [_confusion(confusion) for confusion in backtest.confusions],
        "left_out": [asdict(left_out) for left_out in backtest.left_out],
        "peers_missing": dict(backtest.peers_missing),
        "settings": _settings(backtest.settings),
        "encoder_fingerprint": backtest.encoder_fingerprint,
        "vote_fingerprint": backtest.vote_fingerprint,
        "versions": dict(backtest.versions),
        "seconds": backtest.seconds,
    }


def json_of(backtest: Backtest) -> str:
    """The document as a text that ends with a line break."""
    return json.dumps(document_of(backtest), allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def _tenant(tenant: TenantResult, who: str) -> Json:
    return {
        "tenant": tenant.tenant,
        "files": [str(file) for file in tenant.files],
        "rows": tenant.rows,
        "history": tenant.history,
        "asked": len(tenant.asked),
        "undated": tenant.undated,
        **_performance(tenant.performance[who]),
    }


def _performance(performance: Performance) -> Json:
    return {
        **_figures(asdict(performance.measures)),
        "slices": {name: _figures(asdict(within)) for name, within in performance.slices.items()},
        "learning_curve": [_figures(asdict(point)) for point in performance.learning],
        "reliability": [
            _figures({"rows": rows, "probability": probability, "right": right})
            for rows, probability, right in zip(
                performance.reliability.rows.tolist(),
                performance.reliability.probability.tolist(),
                performance.reliability.right.tolist(),
                strict=True,
            )
        ],
        "coverage_precision": [
            {"coverage": coverage, "precision": precision}
            for coverage, precision in zip(
                performance.curve.coverage.tolist(), performance.curve.precision.tolist(), strict=True
            )
        ],
    }


def _performance_of_none() -> Json:
    """What there is to say of nobody: each figure is there, and none is known."""
    return dict.fromkeys(field.name for field in fields(Measures))


def _figures(figures: Mapping[str, Any]) -> Json:
    return {
        name: None if isinstance(figure, float) and isnan(figure) else figure
        for name, figure in figures.items()
    }


def _settings(settings: BacktestSettings) -> Json:
    return {**asdict(settings), "visibility": settings.visibility.value}


def _confusion(confusion: Confusion) -> Json:
    return {
        **asdict(confusion),
        "amounts": {currency: str(amount) for currency, amount in confusion.amounts.items()},
        "mistakes": [_mistake(mistake) for mistake in confusion.mistakes],
    }


def _mistake(mistake: Mistake) -> Json:
    return {
        "position": mistake.position,
        "date": mistake.date and mistake.date.isoformat(),
        "payee": mistake.payee,
        "amount": None if mistake.amount is None else str(mistake.amount),
        "currency": mistake.currency,
        "probability": mistake.probability,
        "decision": mistake.decision.name,
        "neighbours": [_neighbour(neighbour) for neighbour in mistake.neighbours],
    }


def _neighbour(neighbour: Neighbour) -> Json:
    return {
        "transaction_id": neighbour.transaction_id,
        "date": neighbour.date and neighbour.date.isoformat(),
        "amount": None if neighbour.amount is None else str(neighbour.amount),
        "currency": neighbour.currency,
        "text": neighbour.text,
        "labels": dict(neighbour.labels),
        "similarity": neighbour.similarity,
        "weight": neighbour.weight,
    }
