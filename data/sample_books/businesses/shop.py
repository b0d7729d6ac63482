"""Tern & Thistle, an online shop."""

from sample_books import merchants as m
from sample_books.amounts import between, fixed
from sample_books.banks import APP
from sample_books.business import Business, Entry
from sample_books.exports import (
    Delimited,
    currency,
    day_month_name,
    description,
    identity,
    label,
    payee,
    trailing_minus,
)
from sample_books.habits import card, debit, fee, order, payment, payout
from sample_books.rows import CATEGORY
from sample_books.schedules import CHRISTMAS, QUARTERS, Monthly, Often, Weekly
from sample_books.steps import Steps

_STANDARD = {"tax_code": "T1"}
_ZERO = {"tax_code": "T0"}
_OUTSIDE = {"tax_code": "T9"}
_REVERSE = {"tax_code": "T24"}

SHOP = Business(
    tenant="tern-and-thistle",
    name="Tern & Thistle",
    story=(
        "Two people near Edinburgh who sell knitting wool and prints over the internet. Adobe and Amazon are "
        "made to serve the shop: *Product photography* and *Packaging*. Royal Mail is *Carriage out*, the "
        "biggest cost; part of it went to Evri in October 2025. Etsy both pays out (*Sales: Etsy*) and "
        "charges (*Platform fees*). *Yarn* was split: what comes from abroad is *Imports* since February "
        "2025. Every row has a tax code."
    ),
    currency="GBP",
    cities=("EDINBURGH", "NORTH BERWICK", "MUSSELBURGH"),
    bank=APP,
    chart=(
        Entry("Sales: website", "Sales: website", "Orders in the own shop", implies=_STANDARD),
        Entry("Sales: Etsy", "Sales: Etsy", "Orders on Etsy", implies=_STANDARD),
        Entry("Sales: fairs", "Sales: fairs", "Wool fairs and markets", implies=_STANDARD),
        Entry("Yarn", "Yarn", "Wool bought for sale; from 2025 on, British wool", implies=_STANDARD),
        Entry("Imports", "Imports", "Wool from abroad, with duty, from February 2025", implies=_REVERSE),
        Entry("Prints", "Prints", "Cards and prints bought for sale", implies=_STANDARD),
        Entry("Packaging", "Packaging", "Boxes, tissue, tape, labels", implies=_STANDARD),
        Entry("Carriage out", "Carriage out", "Parcels to customers", implies=_ZERO),
        Entry(
            "Platform fees",
            "Platform fees",
            "What selling platforms and card processors charge",
            implies=_REVERSE,
        ),
        Entry("Web & apps", "Web & apps", "Shop system, domain, mail, apps", implies=_REVERSE),
        Entry(
            "Product photography",
            "Product photography",
            "Studio, props and picture software",
            implies=_REVERSE,
        ),
        Entry("Advertising", "Advertising", "Ads and influencers", implies=_REVERSE),
        Entry("Fairs", "Fairs", "Stands, fares and beds for fairs", implies=_STANDARD),
        Entry("Workshop rent", "Workshop rent", "Rent of the unit", implies=_OUTSIDE),
        Entry(
            "Workshop running", "Workshop running", "Energy, broadband, insurance, shelves", implies=_STANDARD
        ),
        Entry(
            "Office costs",
            "Office costs",
            "Phone, stationery, postage that is not an order",
            implies=_STANDARD,
        ),
        Entry("Professional fees", "Professional fees", "Accountant and trade marks", implies=_STANDARD),
        Entry("Wages", "Wages", "Packing help", implies=_OUTSIDE),
        Entry("VAT", "VAT", "VAT paid", implies=_OUTSIDE),
        Entry("Partners' drawings", "Partners' drawings", "What the two take out", implies=_OUTSIDE),
        *(
            Entry(code, name, "Tax code", dimension="tax_code")
            for code, name in (
                ("T0", "Zero-rated or exempt"),
                ("T1", "Standard rate"),
                ("T9", "Outside VAT"),
                ("T24", "Reverse charge"),
            )
        ),
    ),
    habits=(
        payout(
            ("SHOPIFY* PAYOUT", "SHOPIFY PAYMENTS"),
            Weekly((1, 3, 5)),
            between(120, 760),
            "Sales: website",
            memos=("SHPFY{d9}",),
        ),
        payout("PAYPAL TRANSFER", Often(4, CHRISTMAS), between(60, 420), "Sales: website", memos=("{d13}",)),
        payout(
            ("ETSY IRELAND UC", "ETSY PAYMENTS"),
            Weekly((1,)),
            between(90, 540),
            "Sales: Etsy",
            memos=("ETSY{d8}",),
        ),
        payout("SUMUP PAYMENTS", Often(2, CHRISTMAS), between(80, 680), "Sales: fairs", memos=("PID{d7}",)),
        payment(
            ("Hebridean Mill", "HEBRIDEAN MILL CO"),
            Often(2.2, CHRISTMAS),
            between(180, 900),
            "Yarn",
            memos=("HM{d4}", "order {d4}"),
        ),
        payment("Tweeddale Spinners", Often(1.6, CHRISTMAS), between(140, 700), "Yarn", memos=("{d5}",)),
        payment(
            ("Lanas del Sur SL", "Garnhaus Lindner GmbH"),
            Often(1.6, CHRISTMAS),
            between(220, 1100),
            Steps.of("Yarn", ("2025-02-01", "Imports")),
            memos=("INV {d6}", "proforma {d4}"),
        ),
        card(
            ("DHL DUTY PAYMENT {d10}", "UPS CUSTOMS {a8}"),
            Often(1.4, CHRISTMAS),
            between(14, 96),
            Steps.of("Yarn", ("2025-02-01", "Imports")),
        ),
        payment("Inkwell Giclee", Often(1.6, CHRISTMAS), between(60, 420), "Prints", memos=("IG-{d4}",)),
        card(
            ("PACKHELP {d6}", "THE TINY BOX COMPANY", "KITE PACKAGING"),
            Often(2.6, CHRISTMAS),
            between(28, 260),
            "Packaging",
        ),
        card(m.AMAZON, Often(4, CHRISTMAS), between(6, 60), "Packaging", refunds=0.04),
        card(m.IKEA, Often(0.4), between(18, 160), "Workshop running"),
        card(m.ROYAL_MAIL, Often(13, CHRISTMAS), between(12, 160), "Carriage out"),
        card(m.POST_OFFICE, Often(6, CHRISTMAS), between(4, 48), "Carriage out"),
        card(m.EVRI, Often(7, CHRISTMAS), between(9, 80), "Carriage out", since="2025-10-01"),
        card(
            "DHL EXPRESS UK {d10}",
            Often(1.6, CHRISTMAS),
            between(18, 60),
            "Carriage out",
            labels={"tax_code": "T1"},
        ),
        card(m.ETSY, Weekly((2,)), between(14, 90), "Platform fees"),
        debit("PAYPAL EUROPE FEES", Monthly(4), between(18, 60), "Platform fees"),
        card("SHOPIFY* {d9}", Monthly(14), fixed("25.00", ("2025-04-01", "32.00")), "Web & apps"),
        card(
            ("KLAVIYO INC.", "KLAVIYO.COM"),
            Monthly(20),
            fixed("36.40", ("2025-03-01", "48.75")),
            "Web & apps",
        ),
        card(m.GOOGLE_WORKSPACE, Monthly(2), fixed("13.80", ("2025-05-01", "16.10")), "Web & apps"),
        card("NAMECHEAP.COM {a6}", Often(0.3), between(9, 28), "Web & apps"),
        card(m.OPENAI, Monthly(22), fixed("19.20"), "Web & apps", since="2025-05-01"),
        card(m.ADOBE, Monthly(9), fixed("51.98", ("2025-06-01", "56.98")), "Product photography"),
        card(
            ("CALUMET PHOTO {city}", "WEX PHOTO VIDEO"),
            Often(0.3),
            between(20, 260),
            "Product photography",
            labels=_STANDARD,
        ),
        payment(
            "Skerry Pictures",
            Often(0.5),
            between(120, 360, unit="20"),
            "Product photography",
            memos=("shoot",),
            labels=_OUTSIDE,
        ),
        card(m.FACEBOOK, Often(7, CHRISTMAS), between(12, 90), "Advertising"),
        card(m.GOOGLE_ADS, Often(2.6, CHRISTMAS), between(20, 140), "Advertising"),
        card(m.CANVA, Monthly(6), fixed("10.99", ("2025-10-01", "13.00")), "Advertising"),
        card("PINTEREST ADS {a8}", Often(1.6, CHRISTMAS), between(10, 60), "Advertising"),
        payment(
            "Edinburgh Yarn Fest",
            Monthly(10, (1, 8)),
            between(280, 420, unit="10"),
            "Fairs",
            memos=("stand {d3}",),
        ),
        card(m.PREMIER_INN, Often(0.5), between(58, 140), "Fairs"),
        card(m.TRAINLINE, Often(0.8), between(16, 110), "Fairs", labels=_ZERO),
        card(m.SHELL, Often(1), between(34, 66), "Fairs"),
        card(m.TESCO, Often(1.6), between(4, 24), "Office costs", labels=_ZERO),
        order(
            "Seton Harbour Units",
            Monthly(1),
            fixed("480.00", ("2025-08-01", "510.00")),
            "Workshop rent",
            memos=("unit 12",),
        ),
        debit("SCOTTISHPOWER", Monthly(15), between(58, 130), "Workshop running"),
        debit(m.VODAFONE, Monthly(19), fixed("31.20", ("2025-04-01", "33.40")), "Workshop running"),
        debit("Hiscox Insurance", Monthly(23), fixed("22.60"), "Workshop running", labels=_OUTSIDE),
        card(m.SCREWFIX, Often(0.4), between(6, 55), "Workshop running"),
        debit(m.EE, Monthly(8), fixed("44.00", ("2025-04-01", "47.10")), "Office costs"),
        card(m.RYMAN, Often(0.8), between(4, 32), "Office costs"),
        debit(m.XERO, Monthly(12), fixed("36.00", ("2025-09-01", "42.00")), "Professional fees"),
        payment(
            "Lothian Accounting", Monthly(18, QUARTERS), fixed("300.00"), "Professional fees", memos=("{d4}",)
        ),
        payment(
            ("Isla Munro", "I MUNRO"),
            Weekly((5,), 0.85),
            between(60, 190, unit="12"),
            "Wages",
            memos=("packing", "hours wk{d2}"),
        ),
        debit(m.HMRC_VAT, Monthly(7, (1, 4, 7, 10)), between(1400, 4200), "VAT"),
        order(
            "Ailsa Tern",
            Monthly(25),
            fixed("1100.00", ("2025-07-01", "1250.00")),
            "Partners' drawings",
            memos=("drawings",),
        ),
        order(
            "Ros Thistlewood",
            Monthly(25),
            fixed("1100.00", ("2025-07-01", "1250.00")),
            "Partners' drawings",
            memos=("drawings",),
        ),
        fee("Currency conversion fee", Often(1.6), between(1, 9), "Platform fees", labels=_OUTSIDE),
    ),
    export=Delimited(
        (
            ("Entry ID", identity),
            ("Booked on", day_month_name),
            ("Merchant", payee),
            ("Details", description),
            ("Amount", trailing_minus),
            ("Currency", currency),
            ("Ledger account", label(CATEGORY)),
            ("VAT code", label("tax_code")),
        ),
        encoding="utf-8-sig",
    ),
    slips=(("Packaging", "Office costs"), ("Yarn", "Imports"), ("Web & apps", "Advertising")),
)
