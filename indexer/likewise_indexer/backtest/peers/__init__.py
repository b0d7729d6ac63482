"""What people use today in place of Likewise, to answer the same questions in the same replay.

``PEERS`` names them all. One that cannot run here says why, and is left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from likewise_indexer.backtest.peers.base import Peer, PeerSettings, Ranking
from likewise_indexer.backtest.peers.gnucash import GnucashBayes
from likewise_indexer.backtest.peers.odoo import OdooLexical
from likewise_indexer.backtest.peers.payee import PayeeLast, PayeeMajority

__all__ = ["PEERS", "Peer", "PeerKind", "PeerSettings", "Ranking"]


def _runs_here() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class PeerKind:
    """A peer that there is.

    Attributes:
        title: for people.
        make: a fresh one, which knows nothing yet.
        why_missing: why it cannot run here, as a sentence for a person with what to install; empty where
            it can.
    """

    title: str
    make: Callable[[PeerSettings], Peer]
    why_missing: Callable[[], str] = _runs_here


PEERS: Final[Mapping[str, PeerKind]] = {
    kind.name: PeerKind(kind.title, kind) for kind in (PayeeLast, PayeeMajority, GnucashBayes, OdooLexical)
}
"""All peers by name."""
