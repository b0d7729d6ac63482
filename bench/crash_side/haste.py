"""What a server makes after hours, within a life of 300 ms: graphs, heads, calibrations, snapshots."""

from likewise_engine import limits, upkeep
from likewise_engine.index import texts
from likewise_engine.ledger.aside import Aside

_EXACT_TEXTS_MAX = 48
_SNAPSHOT_LABELS_MIN = 24
_DELAY_S = 0.03


def hurry() -> None:
    """Let this process make caches soon, of little; it is to serve lives that are short."""
    upkeep._DELAY_S = _DELAY_S  # type: ignore[misc] # noqa: SLF001
    texts.EXACT_TEXTS_MAX = _EXACT_TEXTS_MAX  # type: ignore[misc]
    limits.SNAPSHOT_LABELS_MIN = _SNAPSHOT_LABELS_MIN  # type: ignore[misc]
    limits.SNAPSHOT_LABELS_BEHIND_MIN = _SNAPSHOT_LABELS_MIN  # type: ignore[misc]


def rest() -> None:
    """Let this process make none: heads that were trained at other moments would answer otherwise."""
    for name in ("is_graph_due", "are_heads_due", "is_calibration_due", "is_snapshot_due"):
        setattr(Aside, name, False)
