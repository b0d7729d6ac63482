"""All peers by name: what they are called, how one is made, and whether it can run here.

A peer of a package is imported when it is wanted, and not before: scikit-learn alone takes a second.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from likewise_indexer.backtest.peers import minilm
from likewise_indexer.backtest.peers.base import Peer, PeerSettings
from likewise_indexer.backtest.peers.gnucash import GnucashBayes
from likewise_indexer.backtest.peers.odoo import OdooLexical
from likewise_indexer.backtest.peers.payee import PayeeLast, PayeeMajority

_INSTALL: Final = "pip install 'likewise[peers]'"


def _runs_anywhere(_: PeerSettings) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class PeerKind:
    """A peer that there is.

    Attributes:
        title: for people; with its version where it is a package.
        make: a fresh one, which knows nothing yet.
        why_missing: why it cannot run here, as a sentence for a person with what to install; empty where
            it can.
    """

    title: str
    make: Callable[[PeerSettings], Peer]
    why_missing: Callable[[PeerSettings], str] = _runs_anywhere


def _packaged(title: str, module: str, peer: str) -> PeerKind:
    """A peer whose module needs the packages of the extra [peers]."""
    path = f"{__package__}.{module}"

    def make(settings: PeerSettings) -> Peer:
        made: Peer = getattr(import_module(path), peer)(settings)
        return made

    def why_missing(_: PeerSettings) -> str:
        try:
            import_module(path)
        except ImportError as error:
            return f"{error}: {_INSTALL}"
        return ""

    return PeerKind(title, make, why_missing)


def _with_version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


PEERS: Final[Mapping[str, PeerKind]] = {
    "payee_last": PeerKind("Last label of the payee", PayeeLast),
    "payee_majority": PeerKind("Majority label of the payee", PayeeMajority),
    "gnucash_bayes": PeerKind("GnuCash's import matcher (Bayes)", GnucashBayes),
    "smart_importer": _packaged(_with_version("smart_importer"), "smart_importer", "SmartImporter"),
    "odoo_lexical": PeerKind("Odoo's bill prediction (lexical ranking)", OdooLexical),
    "svm_char": _packaged("Linear SVM on character 2-4-grams", "svm", "SvmChar"),
    "svm_char_amount": _packaged("Linear SVM on characters, words and amounts", "svm", "SvmCharAmount"),
    "minilm_knn": PeerKind("Nearest neighbours by MiniLM", minilm.MinilmKnn, minilm.why_missing),
}
"""All peers. The names are keys in JSON: they stay."""
