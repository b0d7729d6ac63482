"""How a life is to be, and where it is to end."""

from dataclasses import dataclass
from random import Random
from typing import Final

from crash_side.shim import CHANGES, Block, Op

OLD_TENANT: Final = "old"
_STORE: Final = "ledger.sqlite3"
_LOG: Final = "ledger.sqlite3-wal"
_PLACES: Final[tuple[tuple[str, Op, int], ...]] = (
    ("", CHANGES, 1_200),
    ("", CHANGES, 1_200),
    ("", CHANGES, 60),
    (_LOG, Op.SYNC, 40),
    (_LOG, Op.WRITE, 300),
    (_LOG, Op.TRUNCATE | Op.CREATE | Op.UNLINK, 8),
    (_STORE, Op.TRUNCATE | Op.CREATE | Op.UNLINK, 8),
    ("", Op.RENAME, 6),
    ("", Op.MKDIR | Op.RMDIR, 12),
    ("/aside/", CHANGES, 80),
    ("snapshot.bin", CHANGES, 12),
    ("heads.npz", CHANGES, 12),
    ("texts.hnsw", CHANGES, 12),
    (f"/{OLD_TENANT}/", CHANGES, 60),
)
"""Within which path, at which calls, and at the how manyth of them at most."""
_TIMED_SHARE: Final = 0.3
_EARLY_SHARE: Final = 0.2
_SECONDS_MIN: Final = 0.02
_SECONDS_MAX: Final = 0.6


@dataclass(frozen=True, slots=True)
class Plan:
    """One life.

    Attributes:
        match: what is part of the path at which it ends.
        ops: the calls at which it ends.
        kill_at: the how manyth of them.
        is_early: whether they are counted from the start, and not from where callers begin: then it may end
            while it recovers from the last end, or is checked.
        is_torn: whether a write is half done then.
        is_cut: whether it ends by a power cut.
        seconds: after which it ends, if not before.
        workers: its processes.
        memory_mib_max: for its tenants.
        has_background: whether it makes caches in a process of the lowest priority.
    """

    match: str
    ops: Op
    kill_at: int
    is_early: bool
    is_torn: bool
    is_cut: bool
    seconds: float
    workers: int
    memory_mib_max: int
    has_background: bool

    @classmethod
    def drawn(cls, random: Random, cuts: float, number: int) -> "Plan":
        """Draw a life.

        Args:
            random: decides.
            cuts: share of lives that end by a power cut.
            number: of the life in its era. What lies in an old schema does so in the first alone.
        """
        match, ops, kill_at_max = random.choice(_PLACES)
        if number <= 2 and random.random() < 0.7:
            match, ops, kill_at_max = _PLACES[-1]
        is_timed = random.random() < _TIMED_SHARE
        return cls(
            match=match,
            ops=ops,
            kill_at=0 if is_timed else int(kill_at_max ** random.random()),
            is_early=match == f"/{OLD_TENANT}/" or random.random() < _EARLY_SHARE,
            is_torn=random.random() < 0.3,
            is_cut=random.random() < cuts,
            seconds=_SECONDS_MIN + (_SECONDS_MAX - _SECONDS_MIN) * random.random() ** 2,
            workers=2 if random.random() < 0.2 else 1,
            memory_mib_max=1 if random.random() < 0.3 else 2_048,
            has_background=random.random() < 0.03,
        )

    def arm(self, block: Block) -> None:
        """Have it end as planned, from now on."""
        block.match, block.kill_at, block.is_torn = self.match.encode(), self.kill_at, self.is_torn
        block.kill_ops = self.ops


def place_of(block: Block) -> str:
    """Where a life has ended: "sync ledger.sqlite3-wal", say, or "at a moment"."""
    if not block.killed_op:
        return "at a moment"
    path = block.killed_path.decode(errors="replace").removeprefix(block.root.decode())
    op = Op(block.killed_op).name or "change"
    parts = path.strip("/").split("/")
    if OLD_TENANT in parts:
        where = "tenant of an old schema"
    elif parts[0] == "aside":
        where = "tenant that is made or deleted"
    elif "." in parts[-1]:
        where = parts[-1]
    else:
        where = "folder"
    return f"{op.lower()} {where}"
