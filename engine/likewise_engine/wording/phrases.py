"""The words with which banks begin (and sometimes end) a booking's wording, and the channel that they name.

From the banks' published descriptions of their statements and from exports that users have posted.
A phrase is compared word by word, in lower case and without the dots and colons at the ends of its words.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from likewise_engine.wording.parsed import Channel
from likewise_engine.wording.words import words

_OPENINGS: Final[Mapping[Channel, str]] = {
    Channel.CARD: """
        card payment, card payment to, card purchase, card purchase at, card transaction, card subscription,
        contactless, contactless payment, contactless card payment, debit card payment, debit card purchase,
        debit card transaction, debit purchase, credit card payment at, visa purchase, visa debit purchase,
        visa debit payment, visa debit card, mastercard purchase, pos purchase, pos debit, pos refund, pos,
        pos transaction, pos payment, point of sale, checkcard, check card purchase, check crd purchase,
        dbt crd, dda purchase, purchase authorized on, recurring payment authorized on, apple pay,
        google pay, android pay, visa direct, eftpos, eftpos purchase, visa card purchase, vis, deb,
        recurring card payment, recurring card purchase, purchase at, card authorisation, kartenzahlung,
        kartenzahlung bei, girocard, girocard zahlung, lastschrift ec, ec kartenzahlung, ec, elv,
        electronic cash, kartenumsatz, kreditkartenumsatz, debitkartenzahlung, visa debitkartenumsatz,
        bargeldloser umsatz, bezahlung karte, bezahlung maestro, bezahlung, zahlung karte, kauf karte,
        sepa elv lastschrift, basislastschrift karte, kartenzahlung girocard, debit mastercard zahlung, cb,
        carte, paiement cb, paiement carte, paiement par carte, paiement sans contact, achat cb,
        achat carte, facture carte, facture carte du, paiement psc, paiement carte du, facture cb, carte du,
        compra, compra tarj, compra tarj., compra tarjeta, compra con tarjeta, compra en, compra internet,
        compra online, pago con tarjeta, pago con tarjeta en, pago tarjeta, pago movil en, pago móvil en,
        tarjeta, operacion tarjeta, compra contactless, compra web, pago en, compras con tarjeta,
        pagamento pos, pagamento carta, pagamento con carta, pagamento contactless, acquisto pos,
        acquisto carta, operazione carta, pagobancomat, pagamento pagobancomat, acquisto con carta,
        pagamento internet, utilizzo carta, pagamento su pos, pagamento tramite pos, addebito carta, bea,
        betaalautomaat, betaling pin, pinbetaling, pin betaling, betaalpas, betaling betaalpas,
        betaling met bancontact, bancontact, betaling met kaart, aankoop, aankoop bancontact,
        betaling via bancontact, betaling maestro, bea apple pay, bea betaalpas, bea google pay, kortköp,
        kortkop, kortkjøp, kortkob, kortkøb, köp, kop, varekjøp, varekjop, varekøb, visa køb, visa kob,
        visakøb, dankort nota, dankort-nota, dankort, visa/dankort, visa varekjøp, visa varekjop,
        kortbetalning, korttiosto, korttimaksu, pankkikorttiosto, visa electron, mastercard køb, dk-nota,
        kortinköp, reservation kortköp, reserveret, bankkort, betaling kort, płatność kartą, platnosc karta,
        platnosc karta debetowa, płatność kartą debetową, zakup kartą, zakup przy użyciu karty,
        zakup przy uzyciu karty, transakcja kartą, transakcja karta, transakcja kartą płatniczą,
        platnosc karta kredytowa, operacja kartą, dop mc płatność kartą, nákup, nakup, nákup kartou,
        platba kartou, platba kartú, kártyás vásárlás, vásárlás, plata pos, cumparare pos, compra mb,
        compra multibanco, pag mb, kartična transakcija
    """,
    Channel.CASH: """
        atm withdrawal, atm, atm cash withdrawal, cash withdrawal, cash withdrawal at, cash machine,
        cash machine withdrawal, cashpoint, non-chase atm withdraw, atm debit, cash, withdrawal atm, lnk,
        atm withdrawal authorized on, link cash withdrawal, cpt, branch withdrawal, bargeldauszahlung,
        geldautomat, ga nr, barauszahlung, auszahlung geldautomat, auszahlung girocard, bargeldabhebung,
        bargeldbezug, bankomat, behebung, bargeldausz., auszahlung, retrait dab, retrait, retrait gab,
        retrait distributeur, retrait au distributeur, retrait especes, retrait carte, reintegro,
        reintegro cajero, disposicion cajero, retirada cajero, retirada de efectivo, extraccion cajero,
        disp. efectivo cajero, reintegro efectivo cajero, prelievo bancomat, prelievo atm, prelievo,
        prelevamento, prelievo contante, prelevamento bancomat, geldautomaat, gea, geldopname,
        gea betaalpas, opname geldautomaat, opvraging, geldafhaling, bankomatuttag, uttag, uttak, minibank,
        minibankuttak, kontanthævning, haevning, hævning, kontantuttak, käteisnosto, automaattinosto, otto.,
        nosto, wypłata z bankomatu, wyplata z bankomatu, wypłata gotówki, wypłata w bankomacie,
        výběr z bankomatu, vyber z bankomatu, levantamento, lev atm
    """,
    Channel.CHEQUE: """
        cheque, chq, check, check paid, cheque paid, scheck, scheckeinreichung, chèque, assegno, cheque no,
        remise cheque, cobro cheque, pagamento assegno, chèque emis, cheque emis, cheque deposit,
        cashed check
    """,
    Channel.DIRECT_DEBIT: """
        direct debit, direct debit to, direct debit payment to, direct debit payment, dd, d/d, ddr,
        direct debit ref, ach debit, ach withdrawal, ach electronic debit, preauthorized debit,
        recurring direct debit, sepa direct debit, sepa dd, ach pmt, ach hold, lastschrift, lastschrift von,
        sepa-lastschrift, sepa lastschrift, sepa-basislastschrift, sepa basislastschrift, basislastschrift,
        folgelastschrift, erstlastschrift, sepa lastschrifteinzug, sepa-lastschrifteinzug von,
        lastschrifteinzug, firmenlastschrift, sepa-firmenlastschrift, einzugsermächtigung,
        lastschrift einzug, einzug, sepa-lastschrift von, sepa-direktlastschrift, prlv, prlv sepa,
        prelevement, prélèvement, prelevement sepa, prélèvement sepa, prelevement europeen, prélèvement de,
        prelevement de, prlvm, prlv sepa emis, avis de prelevement, prlv europ, prelevmnt, prelevmnt sepa,
        prelevement recu, recibo, rec., adeudo, adeudo recibo, recibo de, domiciliacion, cargo recibo,
        adeudo de, adeudo directo, pago recibo, pago recibo de, adeudo sepa, recibo domiciliado,
        cobro recibo, addebito sdd, addebito diretto, addebito sepa, addebito sepa sdd, sdd, rid,
        addebito rid, addebito diretto sdd, addebito utenze, add. sdd, addebito preautorizzato,
        pagamento utenze, incasso, sepa incasso, sepa incasso algemeen doorlopend, europese incasso,
        sepa incasso doorlopend, automatische incasso, europese domiciliering, domiciliering, euro-incasso,
        doorlopende incasso, domiciliation, domiciliation europeenne, europese incasso doorlopend,
        sepa incasso algemeen eenmalig, autogiro, avtalegiro, betalingsservice, bs betaling, bs,
        leverandørservice, ls betaling, efaktura, e-faktura, suoraveloitus, betalingsservice til,
        polecenie zapłaty, polecenie zaplaty, inkaso, sepa inkaso, débito direto, debito direto,
        debito direto de, dd sepa, pag serv, csoportos beszedés
    """,
    Channel.STANDING_ORDER: """
        standing order, standing order to, standing order payment, standing order payment to,
        standing order via faster payment to, so, s/o, sto, stg order, dauerauftrag, sepa-dauerauftrag,
        sepa dauerauftrag, dauerauftrag an, dauerauftragsgutschrift, sepa-dauerauftragsgutschrift,
        vir permanent, virement permanent, vir perm, virt permanent, virement permanent vers,
        transferencia periodica, transferencia periódica, orden permanente, transf. periodica,
        bonifico periodico, bonifico ricorrente, ordine permanente, ordine continuativo,
        periodieke overboeking, periodieke overschrijving, doorlopende opdracht, automatische overboeking,
        bestendige opdracht, zlecenie stałe, zlecenie stale, stående overföring, fast overførsel,
        fast overføring, trvalý příkaz, trvaly prikaz, ordre permanent
    """,
    Channel.TRANSFER: """
        faster payment, faster payment to, faster payments receipt, faster payment receipt, bacs credit,
        faster payment from, fpi, fpo, bgc, bank giro credit, bank credit, bill payment to, bill payment,
        bill payment via faster payment to, bbp, online transfer to, online transfer from, transfer to,
        transfer from, bank transfer, bank transfer to, bank transfer from, payment to, payment from, bp,
        obp, mobile payment to, internet transfer to, chaps, chaps payment, online payment to,
        wire transfer, wire transfer to, outgoing wire, incoming wire, wire out, zelle payment to,
        zelle payment from, zelle to, zelle from, venmo payment, ach credit, direct deposit,
        international payment to, international transfer, mobile banking payment to, mobile transfer to,
        money transfer to, tfr, transfer credit, transfer debit, faster payments, received from,
        automated credit, bacs, bacs payment, überweisung, überweisung an, ueberweisung,
        überweisungsauftrag, sepa-überweisung, sepa überweisung, sepa-ueberweisung, sepa ueberweisung,
        online-überweisung, online-ueberweisung, onlineüberweisung, echtzeitüberweisung, gutschrift,
        echtzeit-überweisung, gutschrift von, sepa-gutschrift, sepa gutschrift, sepa-gutschrift von,
        überweisungsgutschrift, sepa-überweisungsgutschrift, sepa-überweisung an, zahlungseingang,
        gutschr. überweisung, einzelueberweisung, überweisung von, sepa credit transfer, sepa-ct,
        gutschr. ueberweisung, echtzeitgutschrift, internet-überweisung, gutschriftsanzeige,
        ueberweisung an, sepa-gehaltszahlung, lohn gehalt, gehaltsgutschrift, echtzeit-gutschrift, vir,
        vir sepa, virement, virement de, virement sepa, virement emis, virement sepa emis, virement recu,
        vir recu, vir de, vir inst, vir instantane, virement instantané, virement instantane, vir sepa recu,
        vir sepa emis, virement emis web, vir vers, virement vers, vir europeen emis, vir recu de,
        virement en votre faveur, virement faveur tiers, virement faveur tiers vr, vir. de, vir europeen,
        virement web, vir inst de, transferencia, transferencia a, transferencia a favor de,
        transferencia de, transferencia recibida de, transferencia inmediata,
        transferencia inmediata a favor de, transf a, transf., transferencia recibida,
        transferencia emitida, transferencia emitida a, transferencia inmediata de, traspaso, bizum,
        bizum a, bizum de, bizum enviado a, bizum recibido de, bizum enviado, bizum recibido, abono de,
        transferencia a, trf, trf de, trf p/, transferência para, transferencia para, trf. p/o, transf sepa,
        trf mb way, mb way, mbway, bonifico, bonifico a favore di, bonifico da, bonifico sepa,
        bonifico istantaneo, bonifico sepa da, bonifico a, bonifico disposto a favore di,
        bonifico a vostro favore, bonifico sepa a vostro favore, accredito bonifico, giroconto,
        bonifico istantaneo a, bonifico a vostro favore da, disposizione di bonifico, bonifico in uscita,
        bonifico sepa a, bonifico europeo, bonifico ricevuto da, emolumenti, accredito stipendio,
        overboeking, sepa overboeking, overschrijving, overschrijving naar, overboeking naar,
        overboeking van, sepa overschrijving, overschrijving in euro, instantoverschrijving, tikkie,
        overschrijving van, internetbankieren, mobiel bankieren, telebankieren, sepa iban overboeking,
        storting, sepa periodieke overb., swish, swish till, swish från, swish betalning,
        swish betalning till, överföring, overforing, bankgiro, bg betalning, bankgirobetalning, plusgiro,
        pg betalning, betalning, bg, pg, överföring till, overførsel, overførsel til, overførsel fra,
        straksoverførsel, vipps, vipps til, vipps fra, mobilepay, mobilepay til, mobilepay fra, nettgiro,
        nettgiro til, overføring, overføring til, nettbank til, giro til, nettbank, giro, lønnsoverførsel,
        lønoverførsel, tilisiirto, mobilepay køb, betaling til, betaling fra, bankoverførsel, insättning,
        inbetaling, straksbetaling, strakspay, przelew, przelew do, przelew od, przelew wychodzący,
        przelew przychodzący, przelew krajowy, przelew wewnętrzny, przelew zewnętrzny, przelew internetowy,
        przelew ekspresowy, przelew na telefon, przelew na konto, przelew z rachunku, przelew srodkow,
        przelew środków, blik, przelew na rachunek, zakup blik, płatność blik, platnosc blik,
        blik zakup e-commerce, przelew blik, przelew elixir, płatność web - kod mobilny,
        platnosc web - kod mobilny, przelew natychmiastowy, příchozí úhrada, odchozí úhrada,
        okamžitá příchozí úhrada, bezhotovostní platba, átutalás
    """,
    Channel.ONLINE: """
        online card payment, internet purchase, e-commerce purchase, ecommerce, online purchase,
        internetzahlung, onlinezahlung, e-com, achat internet, paiement internet, paiement en ligne,
        compra en internet, acquisto online, acquisto internet, ideal, ideal betaling, wero, sofort,
        giropay, verkkomaksu, nettkjøp, netkøb, internetköp, e-köp, zakup online, zakup internetowy
    """,
    Channel.REFUND: """
        card refund, card refund from, visa credit, refund from, purchase return authorized on,
        refund to card, purchase return, merchandise return, gutschrift karte, rückerstattung,
        retourenbuchung, remboursement cb, avoir carte, remb carte, remboursement carte, devolucion compra,
        devolución compra, anulacion compra, storno pagamento pos, storno pos, retour betaalpas, kortretur,
        terugbetaling, zwrot płatności kartą, zwrot w terminalu, zwrot
    """,
    Channel.FEE: "non-sterling transaction fee, non-gbp trans fee, foreign transaction fee",
}
"""What the payee, or whatever else, stands behind."""

_WHOLE: Final[Mapping[Channel, str]] = {
    Channel.FEE: """
        account fee, account charges, bank charges, bank charge, bank fee, bank fees, monthly fee,
        service charge, monthly service fee, maintenance fee, monthly account fee, total charges,
        unpaid item fee, wire fee, overdraft fee, unarranged overdraft fee, arranged overdraft usage,
        commission charges, late payment fee, late fee, annual fee, monthly maintenance fee, atm fee,
        cash advance fee, card fee, foreign exchange fee, kontoführung, kontoführungsgebühr,
        kontoführungsentgelt, kontofuehrungsgebuehr, abschluss, entgelt, entgeltabschluss,
        rechnungsabschluss, kontoabschluss, bankgebühren, kartenentgelt, buchungsentgelt,
        frais de tenue de compte, frais bancaires, cotisation carte, commission d intervention, frais,
        cotisation mensuelle, frais virement, abonnement pack, commissions, agios, frais tenue compte,
        comision, comisión, comision mantenimiento, comisión de mantenimiento, comisiones, cuota tarjeta,
        comision administracion, comision transferencia, liquidacion de cuenta, gastos, cuota anual,
        commissioni, commissione, canone mensile, canone conto, imposta di bollo, spese tenuta conto,
        competenze e spese, canone, spese, canone mensile conto, commissioni bonifico, spese di gestione,
        bankkosten, kosten betalingsverkeer, pakketkosten, kosten, servicekosten, kosten zakelijke rekening,
        kosten gebruik betaalrekening, beheerskosten, kosten oranjepakket, kosten basispakket, gebyr,
        årsgebyr, kortgebyr, avgift, årsavgift, månadsavgift, palvelumaksu, omkostninger, kontogebyr,
        opłata, oplata, opłata za kartę, oplata za karte, prowizja, opłata za prowadzenie rachunku,
        opłata miesięczna, poplatek, poplatek za vedení, comissão, comissao, manutencao de conta
    """,
    Channel.INTEREST: """
        interest, interest paid, gross interest, net interest, credit interest, debit interest,
        interest charged, interest charge, overdraft interest, interest payment, interest earned,
        interest credit, zinsen, habenzinsen, sollzinsen, zinsabschluss, zinsgutschrift, interets, intérêts,
        interets debiteurs, intereses, interessi, interessi creditori, interessi debitori,
        liquidacion intereses, rente, creditrente, debetrente, ränta, renter, kreditrente, korko, odsetki,
        odsetki naliczone, úrok, juros, kapitalizacja odsetek, talletuskorko, rentekosten
    """,
}
"""
What is the whole of a wording, numbers and dates aside: bookings of the bank itself. They stay its payee.
"""

CLOSINGS: Final[Mapping[str, Channel]] = {
    "dd": Channel.DIRECT_DEBIT,
    "d/d": Channel.DIRECT_DEBIT,
    "so": Channel.STANDING_ORDER,
    "s/o": Channel.STANDING_ORDER,
    "sto": Channel.STANDING_ORDER,
    "bgc": Channel.TRANSFER,
    "bbp": Channel.TRANSFER,
    "bp": Channel.TRANSFER,
    "fpi": Channel.TRANSFER,
    "fpo": Channel.TRANSFER,
    "deb": Channel.CARD,
    "vis": Channel.CARD,
    "cd": Channel.CARD,
}
"""Codes that British banks put behind a name, in capitals; only after what is in capitals itself."""

FILLERS: Final = words(
    """
    to from at on of by for - : à an bei von vom aan chez en de da di do du des del della van naar via
    til till fra från på ved presso presso: su od dla au aux le le: from: to: :, . ) ))) * met dato den
    dnia kl kl. datum data data: ore um tarj. tarjeta am nr no n° il
    """
)
"""What may stand between the channel and the name: part of neither."""
REFERRING: Final = words(
    """
    ref ref. ref: reference reference: rem: re: objet motif concepto causale motivo conceito tytułem
    tytulem tytuł
    """
)
"""Before what a payment is for."""


_OfLength: TypeAlias = Mapping[tuple[str, ...], Channel]


def _by_first_word(phrases: Mapping[Channel, str]) -> dict[str, tuple[tuple[int, _OfLength], ...]]:
    """Phrases in words, by their first and then by how many they have; most words first."""
    found: dict[str, dict[int, dict[tuple[str, ...], Channel]]] = {}
    for channel, listed in phrases.items():
        for phrase in listed.split(","):
            spoken = tuple(word.rstrip(".:") for word in phrase.split())
            found.setdefault(spoken[0], {}).setdefault(len(spoken), {}).setdefault(spoken, channel)
    return {first: tuple(sorted(of_word.items(), reverse=True)) for first, of_word in found.items()}


OPENINGS: Final = _by_first_word(_OPENINGS)
"""By the first word and the number of words, the longest first."""
WHOLE: Final[Mapping[str, Channel]] = {
    " ".join(phrase.split()): channel for channel, listed in _WHOLE.items() for phrase in listed.split(",")
}
AMBIGUOUS: Final = words(
    """
    pos cb carte tarjeta ec elv köp kop so sto dd bs bg pg bp bacs cash check payment betaling
    betalning giro sofort ideal wero contactless rec. purchase frais einzug zahlung atm bea gea sdd
    rid trf tfr chaps dankort eftpos withdrawal otto. d/d s/o swish blik ecommerce e-com visa
    """
)
"""Single words that begin names as well ("Cash Converters", "BP"): one is a channel only with a date or a
card's tail in the line, or with nothing but numbers."""
LEGAL_FORMS: Final = words(
    """
    ltd limited plc llp llc inc corp co gmbh ag kg se sa sas sarl srl spa bv b.v. nv n.v. ab as a/s
    aps oy oyj sl s.l. s.a. s.r.l. s.p.a. sp. uk group services international fee fees charge
    charges payment payments transfer transfers europe ireland
    """
)
"""What follows a name and makes no name by itself: "Vipps AS" is a payee, and no transfer to "AS"."""
