"""How banks word what they book. Invented in the manner of the real ones."""

from typing import Final

from sample_books.business import Bank, Channel

ONE_LINE: Final = Bank(
    {
        Channel.CARD: ("", "{name} ON {dd} {mon} CD {tail}"),
        Channel.DEBIT: ("", "DIRECT DEBIT PAYMENT TO {name} REF {mandate}"),
        Channel.ORDER: ("", "STANDING ORDER TO {name} {memo}"),
        Channel.PAYMENT: ("", "FASTER PAYMENT TO {name} REF {memo}"),
        Channel.RECEIPT: ("", "FASTER PAYMENT FROM {name} REF {memo}"),
        Channel.PAYOUT: ("", "BANK GIRO CREDIT {name} {memo}"),
        Channel.COUNTER: ("", "{name}"),
        Channel.FEE: ("", "{name}"),
    },
    name_chars_max=26,
    capitals=True,
)
"""A high street bank: one wording in capitals, names cut at 26 characters."""

APP: Final = Bank(
    {
        Channel.CARD: ("{name}", "{memo}"),
        Channel.DEBIT: ("{name}", "{mandate}"),
        Channel.ORDER: ("{name}", "{memo}"),
        Channel.PAYMENT: ("{name}", "{memo}"),
        Channel.RECEIPT: ("{name}", "{memo}"),
        Channel.PAYOUT: ("{name}", "{memo}"),
        Channel.COUNTER: ("{name}", ""),
        Channel.FEE: ("{name}", ""),
    }
)
"""A bank of the app kind: the name as the terminal sent it, and a reference."""

TYPED: Final = Bank(
    {
        Channel.CARD: ("{name}", "Card {tail} {memo}"),
        Channel.DEBIT: ("{name}", "DD {mandate} {memo}"),
        Channel.ORDER: ("{name}", "S/O {memo}"),
        Channel.PAYMENT: ("{name}", "BACS {memo}"),
        Channel.RECEIPT: ("{name}", "BGC {memo}"),
        Channel.PAYOUT: ("{name}", "BGC {memo}"),
        Channel.COUNTER: ("{name}", "{memo}"),
        Channel.FEE: ("{name}", "{memo}"),
    },
    name_chars_max=18,
)
"""A building society: the kind of payment in the narrative, names cut at the 18 characters of BACS."""

SPARKASSE: Final = Bank(
    {
        Channel.CARD: ("{name}", "{yyyy}-{mm}-{dd}T{hh}:{mi} Debitk.0 2027-12 {memo}"),
        Channel.DEBIT: ("{name}", "EREF+{d12} MREF+{mandate} CRED+DE98ZZZ0000{customer} SVWZ+{memo}"),
        Channel.ORDER: ("{name}", "Dauerauftrag {memo}"),
        Channel.PAYMENT: ("{name}", "{memo}"),
        Channel.RECEIPT: ("{name}", "{memo}"),
        Channel.PAYOUT: ("{name}", "SVWZ+{memo}"),
        Channel.COUNTER: ("{name}", "{memo}"),
        Channel.FEE: ("{name}", "{memo}"),
    },
    name_chars_max=70,
)
"""A German savings bank: SEPA's tags in the remittance information."""
