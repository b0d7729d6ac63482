"""Texts and vectors anew, when the encoder or the version of text normalisation has changed.

The entries keep their wording, so nothing is lost; all texts are made and encoded again, and replaced in the
store in one transaction.
"""

from likewise_engine import limits
from likewise_engine.counterparty import text_and_party
from likewise_engine.encoder.base import Encoder
from likewise_engine.errors import PreconditionFailed
from likewise_engine.ledger.lesson import as_stored
from likewise_engine.store.base import TenantStore
from likewise_engine.store.texts import TextReplacement


def reencode(store: TenantStore, encoder: Encoder, *, force: bool = False) -> None:
    """Give a store the texts and vectors of an encoder. What it held of another's is gone.

    What other processes write meanwhile is not undone: it is then done again, or they were quicker.

    Args:
        store: of which nobody here has the turn.
        encoder: of texts.
        force: also where the store says that it has them.

    Raises:
        ModelFault: the encoder failed. The store is as before.
        StoreFault: the store failed. It is as before.
    """
    while force or store.record().encoder_fingerprint != encoder.fingerprint:
        position = store.position()
        try:
            replacement = _replacement(store, encoder)
        except PreconditionFailed:
            continue  # something was forgotten meanwhile
        if store.replace_texts(replacement, position):
            return


def _replacement(store: TenantStore, encoder: Encoder) -> TextReplacement:
    """Texts and vectors of all entries. Raises PreconditionFailed where entries are purged meanwhile."""
    texts: dict[str, int] = {}
    payees: dict[str, int] = {}
    assignments = []
    for _, entries in store.export(limits.BATCH_ITEMS_MAX):
        for entry in entries:
            transaction = entry.transaction
            text, payee = text_and_party(transaction)
            text_id = texts.setdefault(text, len(texts) + 1)
            payee_id = payees.setdefault(payee, len(payees) + 1)
            assignments.append((entry.seq, text_id, payee_id))
    return TextReplacement(
        encoder_fingerprint=encoder.fingerprint,
        texts=[(number, text) for text, number in texts.items()],
        vectors=as_stored(encoder, list(texts)),
        payees=[(number, payee) for payee, number in payees.items()],
        assignments=assignments,
    )
