"""Texts and vectors anew, when the encoder or the version of text normalisation has changed.

The entries keep their wording, so nothing is lost; all texts are made and encoded again, and replaced in the
store in one transaction.
"""

from likewise_engine import limits
from likewise_engine.encoder.base import Encoder
from likewise_engine.ledger.lesson import as_stored
from likewise_engine.store.base import TenantStore, TextReplacement
from likewise_engine.text import text_and_payee


def reencode(store: TenantStore, encoder: Encoder) -> None:
    """Give a store the texts and vectors of an encoder. What it held of another's is gone.

    Raises:
        ModelFault: the encoder failed. The store is as before.
        StoreFault: the store failed. It is as before.
    """
    texts: dict[str, int] = {}
    payees: dict[str, int] = {}
    assignments = []
    for _, entries in store.export(limits.BATCH_ITEMS_MAX):
        for entry in entries:
            transaction = entry.transaction
            text, payee = text_and_payee(transaction.payee, transaction.description)
            text_id = texts.setdefault(text, len(texts) + 1)
            payee_id = payees.setdefault(payee, len(payees) + 1)
            assignments.append((entry.seq, text_id, payee_id))
    store.replace_texts(
        TextReplacement(
            encoder_fingerprint=encoder.fingerprint,
            texts=[(number, text) for text, number in texts.items()],
            vectors=as_stored(encoder, list(texts)),
            payees=[(number, payee) for payee, number in payees.items()],
            assignments=assignments,
        )
    )
