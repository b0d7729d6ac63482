"""What follows from what was taught, made anew. What was taught is never touched."""

from collections.abc import Collection, Sequence
from contextlib import closing
from typing import Final

from likewise_engine import cache_file
from likewise_engine.chart import Chart
from likewise_engine.checkup.finding import Finding, Severity
from likewise_engine.checkup.layout import Place
from likewise_engine.checkup.tables import UNFIT_OUTCOMES, UNFIT_TESTIMONIES
from likewise_engine.encoder.at_hand import Encoders
from likewise_engine.folder import STORE_NAME, DataFolder
from likewise_engine.keys import TenantKey
from likewise_engine.ledger.reencode import reencode
from likewise_engine.rules.kept import RuleChange
from likewise_engine.rules.record import all_entries, recounted
from likewise_engine.rules.rulebook import Rulebook
from likewise_engine.store.base import Change
from likewise_engine.store.changes import note_upheaval
from likewise_engine.store.connection import connect, transaction, translated
from likewise_engine.store.mark import MARK_NAME, mark_path, read_mark
from likewise_engine.store.predictions import PREDICTIONS_NAME, PredictionFile
from likewise_engine.store.sqlite import SqliteStore

# Its row takes the place of all: who knows the store as of an earlier change reads it anew.
_JOURNAL_ANEW: Final = """
INSERT INTO journal SELECT
    1 + max(?, (SELECT coalesce(max(position), 0) FROM journal)), NULL, '[]',
    (SELECT coalesce(max(id), 0) FROM texts),
    (SELECT coalesce(max(id), 0) FROM payees),
    (SELECT coalesce(max(id), 0) FROM outcomes), random()
"""
_JOURNAL_BEFORE: Final = "DELETE FROM journal WHERE position < (SELECT max(position) FROM journal)"


def repair(folder: DataFolder, place: Place, findings: Sequence[Finding], encoders: Encoders) -> bool:
    """Make anew what findings say is damaged and derived; the caches follow when the tenant is next used.

    Args:
        folder: the data folder.
        place: of the tenant, whom nobody else may use meanwhile.
        findings: of this tenant.
        encoders: of texts, that are at hand.

    Returns:
        Whether all that was derived could be mended. With damage to what was taught nothing is tried.

    Raises:
        StoreFault, ModelFault: what was not mended yet is as it was.
    """
    if any(finding.severity is Severity.DAMAGE for finding in findings):
        return False
    derived = [finding for finding in findings if finding.severity is Severity.DERIVED]
    if derived:
        cache_file.discard_all(place.folder)
    if any(finding.path.endswith(MARK_NAME) for finding in derived):
        (place.folder / MARK_NAME).unlink(missing_ok=True)
    if any(finding.path.endswith(PREDICTIONS_NAME) for finding in derived):
        PredictionFile(place.folder, folder.key_of(place.tenant)).discard()
    of_store = [finding for finding in derived if finding.path.endswith(STORE_NAME)]
    if of_store:
        _mend_store(place, folder.key_of(place.tenant), {finding.table for finding in of_store}, encoders)
    return True


def _mend_store(place: Place, key: TenantKey, named: Collection[str], encoders: Encoders) -> None:
    path = place.folder / STORE_NAME
    with translated("repair", path), closing(connect(path, key.of_pages())) as connection:
        if "" in named:
            connection.execute("REINDEX")
        with transaction(connection):
            connection.execute(f"DELETE {UNFIT_OUTCOMES}")
            connection.execute(f"DELETE {UNFIT_TESTIMONIES}")
            connection.execute("DELETE FROM requests WHERE NOT json_valid(outcome)")
            if "next_vectors" in named:
                connection.execute("DELETE FROM next_vectors")
            if "journal" in named:
                last = read_mark(mark_path(path)) or 0
                connection.execute(_JOURNAL_ANEW, (last,))
                connection.execute(_JOURNAL_BEFORE)
            note_upheaval(connection)
    if {"texts", "payees", "entries"} & set(named):
        with closing(SqliteStore(path, key)) as store:
            own = encoders.of(store.record().encoder_fingerprint)
            reencode(store, own or encoders.wanted, force=True)
    if "rule_labels" in named:
        with closing(SqliteStore(path, key)) as store:
            _recount_rules(store)


def _recount_rules(store: SqliteStore) -> None:
    snapshot = store.snapshot()
    book = Rulebook.of(snapshot.rules, Chart.of(snapshot.categories))
    counted = RuleChange(tallied=recounted(book, all_entries(store)))
    store.commit(Change(snapshot.record.revision, rules=counted))
