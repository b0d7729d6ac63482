"""What a transaction's wordings tell, put together for whoever wants to see it."""

from likewise_engine.transaction import Transaction
from likewise_engine.wording.identifiers import identifiers_of
from likewise_engine.wording.parse import parse
from likewise_engine.wording.parsed import Part, WordingParts


def parts_of(transaction: Transaction) -> WordingParts:
    """The parts of both wordings; of a part that both tell, the payee's.

    A description that nothing tells to be a bank's or terminal's is no payee: it says what for.
    """
    of_payee, of_description = parse(transaction.payee), parse(transaction.description)

    def told(part: Part) -> str:
        return of_payee.part(part) or (of_description.part(part) if of_description.understood else "")

    return WordingParts(
        payee=told(Part.PAYEE),
        purpose=told(Part.PURPOSE) if of_description.understood else of_description.wording,
        place=told(Part.PLACE),
        country=of_payee.country or of_description.country,
        reference=told(Part.REFERENCE),
        channel=str(of_payee.channel or of_description.channel),
        processor=of_payee.processor or of_description.processor,
        date=told(Part.DATE),
        card_tail=told(Part.CARD),
        store=told(Part.STORE),
        foreign=told(Part.FOREIGN),
        phone=told(Part.PHONE),
        url=told(Part.URL),
        counterparty_ids=identifiers_of(transaction),
    )
