"""What people use today in place of Likewise, to answer the same questions in the same replay.

``PEERS`` names them all. One that cannot run here says why, and is left out.
"""

from likewise_indexer.backtest.peers.base import Peer, PeerSettings, Ranking
from likewise_indexer.backtest.peers.registry import PEERS, PeerKind

__all__ = ["PEERS", "Peer", "PeerKind", "PeerSettings", "Ranking"]
