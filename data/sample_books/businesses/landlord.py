"""Calder Lets, a landlord."""

from sample_books import merchants as m
from sample_books.amounts import between, fixed
from sample_books.banks import TYPED
from sample_books.business import Business, Entry
from sample_books.exports import Delimited, day_first, description, label, parenthesised, payee
from sample_books.habits import card, debit, fee, order, payment, receipt
from sample_books.rows import CATEGORY
from sample_books.schedules import QUARTERS, WINTER, Monthly, Often
from sample_books.steps import Steps

_TENANTS = (
    ("R Ashworth", "Flat 1 rent", 1, "615.00"),
    ("L & P Nowak", "FLAT 2 RENT", 1, "640.00"),
    ("C Greenhalgh", "rent flat 3", 3, "595.00"),
    ("Miss D Osei", "Flat 4", 5, "660.00"),
    ("J Sutcliffe", "12 Mill Row", 1, "780.00"),
    ("A Hussain", "14 Mill Row rent", 7, "795.00"),
    ("The Bell family", "RENT 16 MILL ROW", 2, "810.00"),
    ("K Thwaite", "Loft rent", 15, "540.00"),
    ("Pennine Yarns", "Shop rent", 1, "925.00"),
    ("G Rushworth", "garage 3", 4, "65.00"),
    ("S Iqbal", "garage 5", 4, "65.00"),
)

LANDLORD = Business(
    tenant="calder-lets",
    name="Calder Lets",
    story=(
        "Somebody who lets flats, houses and a shop in the Calder valley. Rent is what comes in. A tenant "
        "pays the rent on one day and, once, a deposit on another; the agent pays rent collected and charges "
        "a fee under the same name. Amazon and IKEA are *Furnishings*, Screwfix is *Repairs*. From January "
        "2026 the accountant wants safety checks apart from repairs."
    ),
    currency="GBP",
    cities=("HEBDEN BRIDGE", "HALIFAX", "TODMORDEN"),
    bank=TYPED,
    chart=(
        Entry("Rents received", "Rents received", "Rent from those who live or trade there"),
        Entry("Deposits held", "Deposits held", "Tenants' deposits, and their way into the scheme"),
        Entry("Other income", "Other income", "Laundry coins, feed-in tariff, insurance paid out"),
        Entry("Agent's fees", "Agent's fees", "Letting and management fees"),
        Entry("Mortgage interest", "Mortgage interest", "Interest on the loans"),
        Entry("Repairs", "Repairs", "Trades and materials to keep things as they were"),
        Entry("Safety checks", "Safety checks", "Gas, electrics, alarms; apart from 2026 on"),
        Entry("Improvements", "Improvements", "What makes it better than it was: capital"),
        Entry("Furnishings", "Furnishings", "Furniture, white goods, curtains"),
        Entry("Cleaning & gardening", "Cleaning & gardening", "Stairs, windows, hedges"),
        Entry("Heat & light", "Heat & light", "Energy of common parts and empty homes"),
        Entry("Water", "Water", "Where the landlord pays it"),
        Entry("Council tax", "Council tax", "On empty homes"),
        Entry("Ground rent & service charge", "Ground rent & service charge", "To the freeholder"),
        Entry("Insurance", "Insurance", "Buildings and rent guarantee"),
        Entry("Motor", "Motor", "Fuel and parking on the rounds"),
        Entry("Office", "Office", "Phone, post, stationery, software"),
        Entry("Legal & professional", "Legal & professional", "Accountant, solicitor, licences"),
        Entry("Bank charges", "Bank charges", "Fees of the account"),
        Entry("Drawings", "Drawings", "What the landlord takes out"),
    ),
    habits=(
        *(
            receipt(
                name,
                Monthly(day, slip=1),
                fixed(rent, ("2025-06-01", f"{float(rent) + 25:.2f}")),
                "Rents received",
                memos=(memo, memo, memo.upper()),
            )
            for name, memo, day, rent in _TENANTS
        ),
        receipt(
            "CALDERDALE MBC HB",
            Monthly(18, slip=4),
            between(380, 460),
            "Rents received",
            memos=("HB {d7}", "HB {d7} 12"),
        ),
        receipt(
            ("R Ashworth", "J Sutcliffe", "K Thwaite", "Miss D Osei", "New tenant"),
            Often(0.5),
            between(500, 800, unit="5"),
            "Deposits held",
            memos=("deposit", "bond", "holding deposit flat {d1}"),
        ),
        payment(
            "Deposit Protection", Often(0.5), between(500, 800, unit="5"), "Deposits held", memos=("DPS{d7}",)
        ),
        receipt(
            "Hartley Lettings",
            Monthly(9, slip=3),
            between(1180, 1320),
            "Rents received",
            memos=("STMT {d5} rents",),
        ),
        payment(
            "Hartley Lettings",
            Monthly(12, slip=3),
            between(118, 150),
            "Agent's fees",
            memos=("mgmt fee {d4}", "STMT {d5}"),
        ),
        payment(
            "Hartley Lettings",
            Often(0.3),
            between(180, 320, unit="10"),
            "Agent's fees",
            memos=("tenant find", "inventory"),
        ),
        receipt("Circuit Laundry", Monthly(22, QUARTERS), between(40, 90), "Other income", memos=("coins",)),
        debit(
            "THE MORTGAGE WORKS",
            Monthly(1),
            fixed("612.44", ("2025-03-01", "648.19")),
            "Mortgage interest",
            memos=("A/C {customer}",),
        ),
        debit(
            "THE MORTGAGE WORKS",
            Monthly(3),
            fixed("488.20"),
            "Mortgage interest",
            memos=("A/C 20{customer}",),
        ),
        debit("PARAGON BANK PLC", Monthly(5), fixed("731.06", ("2025-11-01", "702.61")), "Mortgage interest"),
        debit("SKIPTON B S", Monthly(8), fixed("405.75"), "Mortgage interest"),
        payment(
            ("D Lumb Plumbing", "Dave Lumb"),
            Often(2.4, WINTER),
            between(55, 340, unit="5"),
            "Repairs",
            memos=("flat {d1} leak", "boiler Mill Row", "inv {d3}", ""),
        ),
        payment("Sowerby Electrical", Often(1), between(60, 280), "Repairs", memos=("INV{d4}",)),
        payment(
            "Ridge Roofing",
            Often(0.5, WINTER),
            between(120, 900, unit="10"),
            "Repairs",
            memos=("slates", "gutter", "inv{d3}"),
        ),
        payment(
            "Ridge Roofing",
            Often(0.12),
            between(2200, 5200, unit="50"),
            "Improvements",
            memos=("new roof pt", "inv{d3}"),
        ),
        payment(
            ("Gas Safe Lumb", "D Lumb Plumbing"),
            Monthly(20, slip=4),
            between(65, 85, unit="5"),
            Steps.of("Repairs", ("2026-01-01", "Safety checks")),
            memos=("CP12 flat {d1}", "gas cert"),
        ),
        payment(
            "Alarm & EICR Ltd",
            Monthly(11, QUARTERS),
            between(120, 190),
            Steps.of("Repairs", ("2026-01-01", "Safety checks")),
            memos=("EICR {d4}",),
        ),
        card(m.SCREWFIX, Often(3.4), between(6, 75), "Repairs", refunds=0.03),
        card(m.B_AND_Q, Often(1.8), between(8, 110), "Repairs"),
        card(m.TOOLSTATION, Often(1.4), between(5, 50), "Repairs"),
        card(("HOWDENS JOINERY", "WREN KITCHENS {city}"), Often(0.2), between(700, 3200), "Improvements"),
        card(m.AMAZON, Often(2), between(14, 160), "Furnishings"),
        card(m.IKEA, Often(0.8), between(30, 360), "Furnishings"),
        card(
            ("CURRYS {store}", "AO RETAIL LTD", "ARGOS RETAIL GROUP"),
            Often(0.8),
            between(160, 460),
            "Furnishings",
        ),
        card("DUNELM {city}", Often(0.5), between(20, 120), "Furnishings"),
        payment(
            "Bright Stairs",
            Monthly(26),
            fixed("96.00", ("2025-07-01", "104.00")),
            "Cleaning & gardening",
            memos=("flats",),
        ),
        payment(
            "Greenfingers Cragg",
            Monthly(28, (4, 5, 6, 7, 8, 9, 10)),
            fixed("70.00"),
            "Cleaning & gardening",
            memos=("Mill Row",),
        ),
        card(m.TESCO, Often(1.4), between(4, 26), "Cleaning & gardening"),
        debit(m.BRITISH_GAS, Monthly(16), between(38, 96), "Heat & light", memos=("landlord supply",)),
        debit(m.EDF, Monthly(19), between(22, 60), "Heat & light"),
        debit(m.YORKSHIRE_WATER, Monthly(10), fixed("44.10", ("2025-04-01", "55.30")), "Water"),
        debit("CALDERDALE MBC CT", Monthly(17, slip=2), between(60, 140), "Council tax"),
        order(
            "Bridge Mill Freehold",
            Monthly(1, QUARTERS),
            fixed("412.50"),
            "Ground rent & service charge",
            memos=("Flats 1-4",),
        ),
        debit("NFU MUTUAL", Monthly(14), fixed("128.36", ("2025-05-01", "141.77")), "Insurance"),
        debit("HOMELET", Monthly(21), fixed("39.90"), "Insurance"),
        card(m.SHELL, Often(2), between(30, 70), "Motor"),
        card(m.BP, Often(1), between(30, 68), "Motor"),
        card("RINGGO PARKING", Often(1), between(1, 6, unit="0.10"), "Motor"),
        debit(m.EE, Monthly(13), fixed("21.00", ("2025-04-01", "22.80")), "Office"),
        card(m.POST_OFFICE, Often(0.5), between(2, 16), "Office"),
        card(m.ROYAL_MAIL, Often(0.3), between(2, 15), "Office"),
        card(m.RYMAN, Often(0.3), between(4, 30), "Office"),
        card(m.ADOBE, Monthly(12), fixed("15.17", ("2025-06-01", "16.64")), "Office", since="2024-12-01"),
        debit(m.XERO, Monthly(6), fixed("16.00", ("2025-09-01", "19.00")), "Office"),
        payment(
            "Holt & Crabtree",
            Monthly(15, (1, 7)),
            fixed("660.00"),
            "Legal & professional",
            memos=("tax return {d4}",),
        ),
        card("GOV.UK HMO LICENCE", Monthly(24, (9,)), fixed("780.00"), "Legal & professional"),
        fee("Account charge", Monthly(2), fixed("8.50"), "Bank charges", memos=("charges to {dd} {month}",)),
        order(
            "H & E Calder",
            Monthly(25),
            fixed("1500.00", ("2025-07-01", "1650.00")),
            "Drawings",
            memos=("monthly",),
        ),
    ),
    export=Delimited(
        (
            ("Date", day_first("-")),
            ("Name", payee),
            ("Narrative", description),
            ("Amount (GBP)", parenthesised("£")),
            ("Category", label(CATEGORY)),
        ),
        encoding="cp1252",
    ),
    slips=(("Repairs", "Improvements"), ("Repairs", "Furnishings"), ("Office", "Legal & professional")),
)
