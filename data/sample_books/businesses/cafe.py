"""Hazel & Rye, a café."""

from sample_books import merchants as m
from sample_books.amounts import between, fixed
from sample_books.banks import ONE_LINE
from sample_books.business import Business, Entry
from sample_books.exports import Delimited, day_first, description, kind, label, paid_in, paid_out
from sample_books.habits import card, counter, debit, fee, order, payment, payout, receipt
from sample_books.rows import CATEGORY
from sample_books.schedules import CHRISTMAS, QUARTERS, SUMMER, Monthly, Often, Weekly
from sample_books.steps import Steps

_CLEANING = Steps.of("Cleaning", ("2025-04-01", "Cleaning & waste"))

CAFE = Business(
    tenant="hazel-and-rye",
    name="Hazel & Rye",
    story=(
        "A café in Leeds. One wording per row, names cut by the bank. What is bought at Tesco is milk for "
        "the counter if it is much and the staff's lunch if it is little. *Cleaning* became *Cleaning & "
        "waste* in April 2025 and took the bins along; the dairy was changed in May 2025, the energy "
        "supplier in February 2025; deliveries by bicycle began in March 2025. The landlord gets the rent "
        "on the 1st and the service charge on the 15th."
    ),
    currency="GBP",
    cities=("LEEDS", "HEADINGLEY", "BRADFORD", "YORK"),
    bank=ONE_LINE,
    chart=(
        Entry("Takings - cards", "Takings - cards", "What the card terminal pays out"),
        Entry("Takings - cash", "Takings - cash", "Cash paid in at the counter"),
        Entry("Takings - delivery", "Takings - delivery", "What delivery platforms pay out"),
        Entry("Hire & events", "Hire & events", "Evenings for which the room is let"),
        Entry("Food ingredients", "Food ingredients", "All that is cooked, baked or put on a plate"),
        Entry("Dairy", "Dairy", "Milk, cream and what stands in for them"),
        Entry("Coffee & tea", "Coffee & tea", "Beans, leaves, syrups"),
        Entry("Consumables", "Consumables", "Cups, napkins, bags, till rolls and other small things"),
        Entry("Staff meals", "Staff meals", "Food for the team, not for guests"),
        Entry("Kitchen equipment", "Kitchen equipment", "Machines and tools above fifty pounds"),
        Entry("Repairs", "Repairs", "Keeping premises and machines going"),
        Entry("Décor", "Décor", "Plants, lamps, crockery for the look of it"),
        Entry("Rent", "Rent", "Rent of the premises"),
        Entry("Premises costs", "Premises costs", "Service charge, business rates, insurance"),
        Entry("Utilities", "Utilities", "Gas, electricity, water"),
        Entry("Telephone", "Telephone", "Broadband and mobiles"),
        Entry("Cleaning", "Cleaning", "Window cleaner and cleaning materials, until March 2025"),
        Entry("Cleaning & waste", "Cleaning & waste", "Cleaning and the bins, from April 2025"),
        Entry("Waste", "Waste", "The bins, until March 2025"),
        Entry("Wages", "Wages", "Net pay of the team"),
        Entry("PAYE & NI", "PAYE & NI", "Payroll taxes"),
        Entry("Pensions", "Pensions", "Workplace pension"),
        Entry("VAT", "VAT", "Quarterly VAT payments"),
        Entry("Marketing", "Marketing", "Posters, posts, and the software to make them"),
        Entry("Motor & travel", "Motor & travel", "Fuel, parking and fares"),
        Entry("Music & licences", "Music & licences", "Music and what the law wants paid for it"),
        Entry("Accountancy", "Accountancy", "Accountant and bookkeeping software"),
        Entry("Bank charges", "Bank charges", "Fees of bank and terminal"),
        Entry("Drawings", "Drawings", "What the owner takes out"),
    ),
    habits=(
        payout(
            "ZETTLE",
            Weekly((1, 2, 3, 4, 5), 0.98),
            between(240, 980),
            "Takings - cards",
            memos=("PAYOUT {d8}",),
        ),
        payout("ZETTLE", Weekly((1,)), between(700, 1900), "Takings - cards", memos=("PAYOUT {d8}",)),
        counter(
            "CASH PAID IN POST OFFICE {city}",
            Weekly((2,), 0.92),
            between(90, 420, unit="5"),
            "Takings - cash",
        ),
        payout(
            ("DELIVEROO PAYOUT", "ROOFOODS LTD"),
            Weekly((3,)),
            between(110, 520),
            "Takings - delivery",
            memos=("RF{d9}",),
            since="2025-03-01",
        ),
        receipt(
            ("LEEDS LIFE DRAWING", "KIRKSTALL BOOK GROUP", "T OKAFOR", "ST MARKS NCT"),
            Often(1.5, SUMMER),
            between(60, 280, unit="10"),
            "Hire & events",
            memos=("ROOM HIRE", "HIRE {dd} {mon}", "UPSTAIRS ROOM"),
        ),
        debit("NORTHFOLD DAIRIES", Weekly((1, 4)), between(48, 110), "Dairy", until="2025-05-11"),
        debit("WHARFE VALLEY MILK CO", Weekly((1, 4)), between(44, 104), "Dairy", since="2025-05-12"),
        debit("OATLY UK", Monthly(9), between(60, 140), "Dairy"),
        payment(
            "COPPER KETTLE ROASTERS",
            Weekly((2,)),
            between(150, 330),
            "Coffee & tea",
            memos=("INV {d5}", "INVOICE {d5}"),
        ),
        payment("PENNINE TEA CO", Monthly(12), between(40, 130), "Coffee & tea", memos=("{d4}",)),
        payment(
            ("SHIPLEY STONEGROUND MILL", "SHIPLEY STONE GROUND"),
            Weekly((5,)),
            between(55, 160),
            "Food ingredients",
            memos=("INV{d6}",),
        ),
        payment(
            "GARSIDE GREENGROCERS",
            Weekly((5,), 0.95),
            between(30, 120),
            "Food ingredients",
            memos=("AC 118",),
        ),
        card(m.BOOKER, Often(4), between(60, 290), "Food ingredients"),
        card(m.TESCO, Often(4), between(22, 85), "Food ingredients", refunds=0.01),
        card(m.TESCO, Often(4), between(3, 11), "Staff meals"),
        card(m.ALDI, Often(2.5), between(14, 70), "Food ingredients"),
        card(m.SAINSBURYS, Often(1.4), between(12, 60), "Food ingredients"),
        card(m.GREGGS, Often(1.5), between(4, 15), "Staff meals"),
        card(m.COSTCO, Often(1.4), between(80, 260), "Consumables"),
        card(m.AMAZON, Often(2.4), between(6, 45), "Consumables", refunds=0.04),
        card(m.AMAZON, Often(0.6), between(60, 380), "Kitchen equipment"),
        debit("PACKLINE CATERING DISP", Monthly(18), between(120, 260), "Consumables"),
        card(("NISBETS PLC", "NISBETS {city}"), Often(1), between(35, 420), "Kitchen equipment"),
        payment(
            "BARISTA TECH YORKSHIRE",
            Often(0.5),
            between(90, 340),
            "Repairs",
            memos=("GRINDER", "SERVICE {d4}"),
        ),
        card(m.SCREWFIX, Often(0.8), between(5, 60), "Repairs"),
        card(m.B_AND_Q, Often(0.7), between(8, 75), "Repairs"),
        card(m.IKEA, Often(0.5), between(18, 140), "Décor"),
        card(m.ETSY, Often(0.8, CHRISTMAS), between(12, 90), "Décor"),
        order(
            "DHILLON ESTATES",
            Monthly(1),
            fixed("1850.00", ("2025-07-01", "1925.00")),
            "Rent",
            memos=("UNIT 4",),
        ),
        order(
            "DHILLON ESTATES",
            Monthly(15),
            fixed("210.00", ("2025-07-01", "225.00")),
            "Premises costs",
            memos=("UNIT 4",),
        ),
        debit("LEEDS CITY COUNCIL NNDR", Monthly(20, tuple(range(4, 13))), fixed("164.00"), "Premises costs"),
        debit("AVIVA BUSINESS", Monthly(27), fixed("58.42", ("2025-09-01", "63.10")), "Premises costs"),
        debit(m.EDF, Monthly(14), fixed("388.00", ("2024-11-01", "412.00")), "Utilities", until="2025-01-31"),
        debit(
            m.OCTOPUS, Monthly(16), fixed("372.00", ("2025-10-01", "396.00")), "Utilities", since="2025-02-01"
        ),
        debit(m.YORKSHIRE_WATER, Monthly(6), fixed("61.50", ("2025-04-01", "70.20")), "Utilities"),
        debit(m.BT, Monthly(21), fixed("46.79", ("2025-03-31", "50.02")), "Telephone"),
        debit(m.EE, Monthly(11), fixed("32.00"), "Telephone"),
        payment(
            "SHEEN WINDOWS",
            Weekly((3,), 0.9),
            fixed("18.00", ("2026-01-01", "20.00")),
            _CLEANING,
            memos=("CAFE",),
        ),
        debit("ECOLAB", Monthly(23), between(40, 90), _CLEANING),
        debit(
            "BIFFA WASTE SERVICES",
            Monthly(19),
            fixed("96.40", ("2025-04-01", "104.30")),
            Steps.of("Waste", ("2025-04-01", "Cleaning & waste")),
        ),
        *(
            order(name, Monthly(25), between(low, low + 220), "Wages", memos=("WAGES",))
            for name, low in (("M KOWALCZYK", 1320), ("R ADEYEMI", 980), ("S HOLROYD", 640), ("J PATEL", 560))
        ),
        order("F MARCHETTI", Monthly(25), between(480, 700), "Wages", memos=("WAGES",), since="2025-05-01"),
        debit(m.HMRC_PAYE, Monthly(22), between(480, 760), "PAYE & NI"),
        debit(m.NEST, Monthly(28), between(160, 230), "Pensions"),
        debit(m.HMRC_VAT, Monthly(7, (2, 5, 8, 11)), between(1900, 3600), "VAT"),
        card(m.CANVA, Monthly(3), fixed("10.99", ("2025-10-01", "13.00")), "Marketing"),
        card(m.ADOBE, Monthly(17), fixed("9.98", ("2025-06-01", "11.99")), "Marketing"),
        card(m.FACEBOOK, Often(1.5), between(10, 60), "Marketing"),
        card(m.VISTAPRINT, Often(0.3), between(22, 90), "Marketing"),
        card(m.SHELL, Often(1.8), between(28, 66), "Motor & travel"),
        card(("RINGGO PARKING", "JUSTPARK"), Often(1), between(2, 9, unit="0.10"), "Motor & travel"),
        debit("PPL PRS LTD", Monthly(8, QUARTERS), between(92, 98), "Music & licences"),
        card("SPOTIFY {a10}", Monthly(5), fixed("11.99", ("2025-08-01", "12.99")), "Music & licences"),
        debit(m.XERO, Monthly(2), fixed("36.00", ("2025-09-01", "42.00")), "Accountancy"),
        payment(
            "WRIGHT & LUMB ACCOUNTANTS",
            Monthly(10, QUARTERS),
            fixed("330.00"),
            "Accountancy",
            memos=("{d4}",),
        ),
        fee("ACCOUNT CHARGE TO {dd} {mon}", Monthly(4), between(6, 19), "Bank charges"),
        order(
            "A HARGREAVES",
            Weekly((5,)),
            fixed("350.00", ("2025-09-01", "400.00")),
            "Drawings",
            memos=("DRAWINGS",),
        ),
    ),
    export=Delimited(
        (
            ("Transaction Date", day_first()),
            ("Type", kind),
            ("Description", description),
            ("Paid out (GBP)", paid_out),
            ("Paid in (GBP)", paid_in),
            ("Category", label(CATEGORY)),
        )
    ),
    slips=(
        ("Food ingredients", "Staff meals"),
        ("Consumables", "Cleaning & waste"),
        ("Décor", "Kitchen equipment"),
    ),
)
