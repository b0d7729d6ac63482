"""The names that banks, ledgers and spreadsheets give their columns, and what they mean.

Names are compared by :func:`key`: without case, accents, spaces, punctuation and what stands in brackets.
For each meaning the names stand in ranks: where a file has columns of several ranks, the first rank is meant
(a booking date before a value date), and two columns of one rank are for the user to tell apart.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final

TENANT: Final = "tenant"
ID: Final = "id"
DATE: Final = "date"
AMOUNT: Final = "amount"
DEBIT: Final = "debit"
CREDIT: Final = "credit"
CURRENCY: Final = "currency"
PAYEE: Final = "payee"
DESCRIPTION: Final = "description"
ACCOUNT: Final = "account"
DIRECTION: Final = "direction"
CATEGORY: Final = "category"
COUNTERPARTY_IBAN: Final = "counterparty_iban"
COUNTERPARTY_VAT: Final = "counterparty_vat"
COUNTERPARTY_CREDITOR_ID: Final = "counterparty_creditor_id"

# A reference number is not among the ids: the lines of one invoice share it.
_NAMES: Final[Mapping[str, Sequence[str]]] = {
    ID: (
        """
            transaction id, txn id, trx id, transaktions id, id transaction, id transaccion, id transazione,
            transaction uuid, uuid, fitid, unique id, entry id, line id, row id, record id
        """,
        "id",
    ),
    DATE: (
        """
            date, transaction date, txn date, trans date, date of transaction, payment date, date paid,
            paid date, invoice date, entry date, when, buchungstag, buchungsdatum, datum, belegdatum, fecha,
            fecha de operacion, fecha operacion, data, data operazione, data movimento, data contabile,
            data operacji, date operation, date de l operation, date d operation, date comptable, dato,
            paivays, pvm, boekdatum, transactiedatum, datum transactie, bogforingsdato, bokforingsdag,
            bokforingsdato
        """,
        """
            booking date, booked date, book date, booked on, posting date, posted date, date posted, posted,
            post date, accounting date, effective date, started date, created, created at, timestamp,
            datetime, date time, month, period
        """,
        """
            value date, valuta, valutadatum, wertstellung, wertstellungstag, date de valeur, date valeur,
            fecha valor, data valuta, completed date, cleared date, settlement date, rentedatum
        """,
    ),
    AMOUNT: (
        """
            amount, betrag, montant, importe, importo, valor, bedrag, belop, belopp, belob, summa, kwota,
            summe, transaction amount, txn amount, net amount, amount net, payment amount, amount paid,
            line amount, umsatz, umsatz in eur, betrag in eur, betrag eur, amount eur, amount gbp, amount usd,
            importe eur, montant en euros, montant eur, monto, cantidad, quantia, bedrag eur, castka, osszeg,
            valore
        """,
        "value, total, sum, total amount, gross amount, amount gross, spend, cost, price, net, gross",
    ),
    DEBIT: (
        """
            debit, debits, debit amount, paid out, money out, withdrawal, withdrawals, withdrawal amount,
            amount out, payments out, out, outflow, expense amount, soll, lastschrift, ausgabe, ausgaben,
            debito, debitos, cargo, cargos, addebiti, dare, uscite, uit, af, debet, ut, wydatki, dr, spent,
            dr amount
        """,
    ),
    CREDIT: (
        """
            credit, credits, credit amount, paid in, money in, deposit, deposits, deposit amount, amount in,
            receipts, payments in, in, inflow, income amount, haben, gutschrift, einnahme, einnahmen, credito,
            creditos, abono, abonos, accrediti, avere, entrate, bij, kredit, inn, wplywy, cr, received,
            cr amount
        """,
    ),
    CURRENCY: (
        """
            currency, currency code, ccy, curr, wahrung, waehrung, devise, moneda, divisa, valuta code, moeda,
            munt, valutakode, waluta, transaction currency, amount currency, iso currency code, mena
        """,
    ),
    PAYEE: (
        """
            payee, payee name, merchant, merchant name, vendor, vendor name, supplier, supplier name,
            counterparty, counterparty name, counter party, beneficiary, beneficiary name, recipient, payer,
            paid to, pay to, payee payer, payer payee, empfanger, empfaenger, zahlungsempfanger, auftraggeber,
            auftraggeber empfanger, begunstigter auftraggeber, beguenstigter zahlungspflichtiger,
            begunstigter zahlungspflichtiger, name zahlungsbeteiligter, gegenpartei, lieferant, beneficiaire,
            tiers, fournisseur, marchand, beneficiario, proveedor, comercio, ordenante, fornitore, esercente,
            fornecedor, begunstigde, tegenpartij, naam tegenpartij, leverancier, mottaker, motpart,
            leverandor, mottagare, leverantor, kontrahent, odbiorca, saaja, creditor, creditor name
        """,
        """
            name, naam, nom, nombre, nome, navn, namn, company, customer, customer name, client, contact,
            contact name, trader, trader name, body, organisation, organization, shop, store
        """,
    ),
    DESCRIPTION: (
        """
            description, descriptions, transaction description, description of transaction, narrative,
            narration, details, transaction details, memo, memo description, particulars, verwendungszweck,
            buchungstext, beschreibung, bezeichnung, vorgang verwendungszweck, libelle, libelle operation,
            libelle de l operation, concepto, descripcion, causale, descrizione, descricao, historico,
            omschrijving, mededelingen, tekst, text, beskrivelse, beskrivning, opis, tytul, popis, selite,
            viesti, remittance information, line description, item description, purpose, payment details,
            wording
        """,
        """
            reference, payment reference, transaction reference, ref, note, notes, comment, comments, remarks,
            message, extended details, additional information, item, what, bemerkung, notiz, kommentar, nota,
            notas, note interne, commentaire, observaciones, kenmerk, melding, meddelande, viite
        """,
    ),
    ACCOUNT: (
        """
            account, account number, account no, account iban, own account, bank account, from account, card,
            card number, card no, cardholder account, konto, kontonummer, auftragskonto, iban auftragskonto,
            compte, numero de compte, cuenta, numero de cuenta, conto, conta, rekening, iban bban, kontonr,
            payment account, account id
        """,
    ),
    DIRECTION: (
        """
            direction, debit credit, credit debit, debit or credit, dr cr, cr dr, d c, c d, dc, soll haben,
            sollhaben, s h, sens, sentido, af bij, credit debit indicator, debit credit indicator, sign,
            in out, inout, money in out
        """,
        "type, transaction type, typ, tipo",
    ),
    CATEGORY: (
        """
            category, categories, category name, category id, kategorie, categorie, categoria, kategori,
            kategoria, label, labels, ledger account, gl account, gl code, gl account code,
            general ledger account, nominal, nominal code, nominal account, expense account, account category,
            chart account, sachkonto, gegenkonto, compte comptable, cuenta contable, grootboekrekening,
            grootboek, tili, tiliointi, expense category, spending category
        """,
        """
            account code, account name, account description, gl description, nominal description,
            nominal name, ledger, ledger code, subjective, subjective description, cipfa, cipfa category,
            expense type, expenditure type, expense area, expenditure category, cost type, kostenart, class,
            classification, tag, tags, contra account, split
        """,
    ),
    # "IBAN" alone is as often the tenant's own account: taken for the other party's, it would make all one.
    COUNTERPARTY_IBAN: (
        """
            counterparty iban, iban counterparty, counterparty account, counterparty account number,
            beneficiary iban, payee iban, partner iban, supplier iban, vendor iban, creditor iban,
            kontonummer iban, iban zahlungsbeteiligter, iban empfanger, empfanger iban, iban des empfangers,
            iban begunstigter, iban zahlungspflichtiger, iban gegenkonto, tegenrekening,
            tegenrekening iban bban, iban tegenpartij, rekening tegenpartij, rekeningnummer tegenpartij,
            iban beneficiaire, compte beneficiaire, iban beneficiario, iban ordenante, iban controparte,
            rachunek kontrahenta, numer rachunku kontrahenta, nr rachunku kontrahenta, iban kontrahenta,
            modparts konto, motkonto
        """,
    ),
    COUNTERPARTY_VAT: (
        """
            vat number, vat no, vat id, vat registration number, vat registration no, vat reg no,
            supplier vat number, supplier vat no, supplier vat registration number, vendor vat number,
            counterparty vat, counterparty vat number, ust id, ust idnr, ustidnr, ust id nr, umsatzsteuer id,
            numero tva, n tva, numero de tva, tva intracommunautaire, partita iva, p iva, btw nummer, btw nr,
            btw id, momsnummer, momsregistreringsnummer, nif iva
        """,
    ),
    COUNTERPARTY_CREDITOR_ID: (
        """
            creditor id, creditor identifier, sepa creditor id, sepa creditor identifier, creditor scheme id,
            counterparty creditor id, glaubiger id, glaeubiger id, glaubiger identifikationsnummer,
            incassant id, identifiant creancier, identifiant du creancier, ics, identificativo creditore,
            identificador del acreedor
        """,
    ),
}

_DIMENSIONS: Final[Mapping[str, str]] = {
    "tax_code": """
        tax code, tax rate, tax type, vat code, vat rate, vat type, gst code, gst rate, sales tax code, tax,
        steuerschlussel, steuersatz, steuercode, mwst satz, mwst code, ust satz, code tva, taux tva,
        taux de tva, tipo iva, tipo de iva, codice iva, aliquota iva, btw code, btw tarief, momskode, momskod
    """,
    "cost_centre": """
        cost centre, cost center, cost centre code, cost center code, cost centre name, cost center name,
        cost centre description, cost center description, kostenstelle, kst, centre de cout, centre de couts,
        centro de coste, centro de costes, centro de costo, centro di costo, centro de custo, kostenplaats,
        kostnadsstalle, kostnadssted, mpk
    """,
    "project": """
        project, project code, project name, projekt, projektnummer, projet, proyecto, progetto, projeto
    """,
}

_NAME_CHARS_MAX: Final = 256
"""What comes later in a name tells nothing. A cell of a million brackets, each of which may be the first of a
pair, would take hours."""
_BRACKETED: Final = re.compile(r"[(\[{].*?[)\]}]")
_CURRENCY_CODE: Final = re.compile(r"[(\[{]\s*([A-Z]{3})\s*[)\]}]")


def _split(names: str) -> frozenset[str]:
    return frozenset(key(name) for name in names.split(","))


@lru_cache(maxsize=4_096)
def key(header: str) -> str:
    """What two names of columns are compared by: ``Paid out (£)`` and ``PAID_OUT`` have the same."""
    header = header[:_NAME_CHARS_MAX]
    bare = _BRACKETED.sub(" ", header)
    decomposed = unicodedata.normalize("NFKD", (bare if bare.strip() else header).casefold())
    return "".join(character for character in decomposed if character.isalnum())


def currency_in(header: str) -> str:
    """The currency that a header names in brackets, ``Amount (EUR)``; empty without one."""
    match = _CURRENCY_CODE.search(header[:_NAME_CHARS_MAX])
    return match[1] if match else ""


RANKS: Final[Mapping[str, Sequence[frozenset[str]]]] = MappingProxyType(
    {meaning: tuple(_split(rank) for rank in ranks) for meaning, ranks in _NAMES.items()}
)
"""For each meaning the keys of the names that it goes by, the likeliest rank first."""

DIMENSIONS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {dimension: _split(names) for dimension, names in _DIMENSIONS.items()}
)
"""For each further dimension of labels the keys of the names that it goes by."""

_KNOWN: Final = frozenset().union(*(rank for ranks in RANKS.values() for rank in ranks), *DIMENSIONS.values())


def is_known(header: str) -> bool:
    """Whether a name means something here; that is how the header is found beneath a bank's preamble."""
    return key(header) in _KNOWN
