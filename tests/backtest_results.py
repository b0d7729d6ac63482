"""Results of backtests that nobody ran: seeded answers of Likewise and seven peers, tenants easy and hard."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np

from likewise_engine.answers import Decision, Neighbour
from likewise_indexer.backtest.measures import learning_point, macro, performance_of
from likewise_indexer.backtest.result import (
    LIKEWISE,
    NO_DECISION,
    NO_LABEL,
    SLICES,
    Answers,
    AskedRows,
    Backtest,
    BacktestSettings,
    Behind,
    Confusion,
    Mistake,
    Performance,
    TenantBehind,
    TenantResult,
)

SKILLS = {
    LIKEWISE: 1.4,
    "payee-last": 0.2,
    "payee-majority": 0.7,
    "gnucash": 0.3,
    "smart-importer": 0.75,
    "odoo": 0.4,
    "char-svm": 0.9,
    "minilm-knn": 0.85,
}
TITLES = {
    LIKEWISE: "Likewise",
    "payee-last": "Last label of the payee",
    "payee-majority": "Majority label of the payee",
    "gnucash": "GnuCash import matcher (Bayes)",
    "smart-importer": "smart_importer",
    "odoo": "Odoo bill prediction (full-text ranking)",
    "char-svm": "Character n-gram SVM, retrained",
    "minilm-knn": "kNN on MiniLM",
}
ROWS = 120


def answers_of(rng: np.random.Generator, skill: float, rows: int, *, decides: bool) -> Answers:
    """Answers that are right about as often as they say."""
    probability = 1 / (1 + np.exp(-rng.normal(skill, 1.8, rows)))
    right = rng.random(rows) < probability
    rank = np.where(right, 0, rng.choice([1, 2, 4, NO_LABEL], rows))
    decision = np.where(
        probability > 0.9, Decision.FILE, np.where(probability > 0.3, Decision.SUGGEST, Decision.ASK)
    )
    if not decides:
        decision = np.full(rows, NO_DECISION)
    seconds = rng.exponential(0.001, rows) + 1e-5
    answered = np.where(right, 0, 1)
    return Answers(rank, answered, probability, decision, seconds)


def tenant_of(name: str, seed: int, who: Sequence[str], settings: BacktestSettings) -> TenantResult:
    rng = np.random.default_rng(seed)
    ease = rng.normal(0, 0.7)
    slices = {slice_: rng.random(ROWS) < 0.3 for slice_ in SLICES}
    slices["amount_missing"][:] = False
    answers, performance = {}, {}
    for each in who:
        answers[each] = answers_of(rng, SKILLS[each] + ease, ROWS, decides=each == LIKEWISE)
        learning = [
            learning_point(size, size or ROWS, answers_of(rng, SKILLS[each] - lag, 60, decides=False))
            for size, lag in ((10, 1.6), (50, 0.9), (200, 0.4), (None, 0.0))
        ]
        performance[each] = performance_of(
            answers[each], slices, learning if settings.learning else [], settings.target_precision
        )
    return TenantResult(
        tenant=name,
        files=(Path(f"{name}.csv"),),
        rows=2 * ROWS,
        history=ROWS,
        undated=seed % 7 == 3,
        asked=AskedRows(
            position=np.arange(ROWS, 2 * ROWS),
            day=np.arange(ROWS) + date(2025, 3, 1).toordinal(),
            amount=rng.normal(0, 100, ROWS),
            label=np.zeros(ROWS, dtype=np.int64),
            labels=("Rent", "Deposits"),
            payees=("Landlord",) * ROWS,
            slices=slices,
            category_labels=rng.integers(0, 150, ROWS),
        ),
        answers=answers,
        performance=performance,
        confusions=(),
    )


def behind_of(tenants: Sequence[TenantResult]) -> Behind | None:
    found = []
    for tenant in tenants:
        top1 = {who: performance.measures.top1 for who, performance in tenant.performance.items()}
        ours = top1.pop(LIKEWISE)
        if not top1:
            return None
        best = max(top1, key=top1.__getitem__)
        if top1[best] > ours:
            found.append(TenantBehind(tenant.tenant, best, top1[best] - ours))
    found.sort(key=lambda behind: -behind.gap)
    gaps = [behind.gap for behind in found]
    mean, most = (sum(gaps) / len(gaps), max(gaps)) if gaps else (0.0, 0.0)
    return Behind(tuple(found), len(found) / len(tenants), mean, most)


def neighbour(label: str, weight: float) -> Neighbour:
    when = date(2025, 1, 1)
    return Neighbour(
        "n1", when, Decimal("-850.00"), "EUR", "landlord march", {"category": label}, 0.91, weight
    )


def confusion_of(
    tenant: str, label: str = "Rent", answered: str = "Deposits", payee: str = "Landlord"
) -> Confusion:
    mistake = Mistake(
        position=130,
        date=date(2025, 3, 11),
        payee=payee,
        amount=Decimal("-1850.00"),
        currency="EUR",
        probability=0.973,
        decision=Decision.FILE,
        neighbours=(neighbour(answered, 0.62), neighbour(label, 0.21)),
    )
    unknown = replace(mistake, date=None, amount=None, currency="", decision=Decision.ASK, neighbours=())
    return Confusion(
        tenant, label, answered, 7, 1, {"EUR": Decimal("4321.5"), "USD": Decimal(9)}, (mistake, unknown)
    )


def backtest_of(
    tenants: int = 5,
    who: Sequence[str] = tuple(SKILLS),
    settings: BacktestSettings = BacktestSettings(confusions_max=20),  # noqa: B008  # frozen
) -> Backtest:
    found = [tenant_of(f"books-{seed}", seed, who, settings) for seed in range(tenants)]
    averages: dict[str, Performance] = {
        each: macro([tenant.performance[each] for tenant in found]) for each in who if found
    }
    return Backtest(
        settings=settings,
        titles={each: TITLES[each] for each in who},
        tenants=tuple(found),
        macro=averages,
        behind=behind_of(found) if found else None,
        confusions=tuple(confusion_of(tenant.tenant) for tenant in found[:3]),
        left_out=(),
        peers_missing={},
        encoder_fingerprint="likewise-static@5cbd+text1",
        vote_fingerprint="kernel-1",
        versions={"python": "3.11.7", "likewise": "0.1.0"},
        seconds=12.5,
    )
