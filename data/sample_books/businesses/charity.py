"""Riverbank Youth Trust, a charity."""

from sample_books import merchants as m
from sample_books.amounts import between, fixed
from sample_books.banks import TYPED
from sample_books.business import Business, Entry
from sample_books.exports import Parquet
from sample_books.habits import card, counter, debit, fee, order, payment, payout, receipt
from sample_books.schedules import CHRISTMAS, QUARTERS, SUMMER, TERM_TIME, Monthly, Often
from sample_books.steps import Steps

_GIVERS = (
    ("A BEAUMONT", 10),
    ("CHAUDHRY F", 25),
    ("DOROTHY PIKE", 5),
    ("E & G WINSTANLEY", 20),
    ("FERREIRA L", 15),
    ("H STOCKDALE", 30),
    ("MR I MACAULAY", 12),
    ("JEAN OYELARAN", 8),
    ("K BRIERLEY", 50),
    ("LOMAX P", 10),
    ("M VAN DER BERG", 20),
    ("N SHAH", 15),
    ("ST AIDANS PCC", 75),
    ("R TUNNICLIFFE", 10),
)

CHARITY = Business(
    tenant="riverbank-youth",
    name="Riverbank Youth Trust",
    story=(
        "A youth charity in Preston that files by purpose, not by kind: Amazon is *Activity materials*, "
        "Tesco *Refreshments*, Zoom *Mentoring*, Adobe *Publicity*. The same trust gives an unrestricted "
        "grant in spring and a restricted one in autumn. Mentoring moved from *Projects* to a category of "
        "its own in September 2025."
    ),
    currency="GBP",
    cities=("PRESTON", "BLACKPOOL", "LANCASTER"),
    bank=TYPED,
    chart=(
        Entry("4000", "Donations", "Gifts from people"),
        Entry("4010", "Gift Aid", "Tax reclaimed on gifts"),
        Entry("4100", "Grants: unrestricted", "For the charity at large"),
        Entry("4110", "Grants: restricted", "For one project, by agreement"),
        Entry("4200", "Fundraising events", "What events bring in"),
        Entry("4300", "Hall hire income", "The hall, let to others"),
        Entry("5000", "Activity materials", "What sessions are made with"),
        Entry("5010", "Refreshments", "Food and drink at sessions"),
        Entry("5020", "Trips & residentials", "Days out and weekends away"),
        Entry("5030", "Minibus", "Fuel, tax and upkeep of the minibus"),
        Entry("5040", "Sessional workers", "Coaches and artists by the session"),
        Entry("5050", "Mentoring", "One-to-one work, from September 2025"),
        Entry("5060", "Projects: other", "Project costs that fit nowhere else"),
        Entry("6000", "Salaries", "Net pay"),
        Entry("6010", "Payroll taxes", "PAYE and NI"),
        Entry("6020", "Pension", "Workplace pension"),
        Entry("6030", "Volunteer expenses", "Fares and meals of volunteers"),
        Entry("6100", "Hall: rent & rates", "Rent and rates of the hall"),
        Entry("6110", "Hall: heat & light", "Energy and water of the hall"),
        Entry("6120", "Hall: upkeep", "Repairs and cleaning of the hall"),
        Entry("6200", "Fundraising costs", "Mailings, platforms' fees, prizes"),
        Entry("6210", "Publicity", "Website, leaflets, design"),
        Entry("6300", "Office", "Phone, software, stationery"),
        Entry("6310", "Governance", "Accounts, insurance, regulators"),
        Entry("6320", "Bank charges", "Fees of the account"),
    ),
    habits=(
        *(
            receipt(
                name,
                Monthly(1 + number % 9),
                fixed(f"{pounds}.00"),
                "4000",
                memos=("GIFT", "DONATION", "RYT"),
            )
            for number, (name, pounds) in enumerate(_GIVERS)
        ),
        payout(
            ("JUSTGIVING", "JUSTGIVING.COM"), Often(3, CHRISTMAS), between(12, 240), "4000", memos=("JG{d8}",)
        ),
        payout("STRIPE", Often(4, CHRISTMAS), between(8, 130), "4000", memos=("STRIPE PAYOUT {a10}",)),
        payout("SUMUP PAYMENTS", Often(2.4, SUMMER), between(15, 220), "4200", memos=("PID{d7}",)),
        counter("CASH COUNTED IN", Often(1.6, SUMMER), between(40, 260), "4200"),
        receipt("HMRC CHARITIES", Monthly(17, QUARTERS), between(320, 620), "4010", memos=("GIFT AID {d6}",)),
        receipt("THE FAIRHURST FDN", Monthly(12, (4,)), fixed("6000.00"), "4100", memos=("GRANT {yyyy}",)),
        receipt("THE FAIRHURST FDN", Monthly(14, (10,)), fixed("8500.00"), "4110", memos=("GRANT {yyyy}",)),
        receipt(
            "NATIONAL LOTTERY", Monthly(20, QUARTERS), fixed("9750.00"), "4110", memos=("AWARD {customer}",)
        ),
        receipt(
            "LANCS COMMUNITY FD",
            Monthly(9, (3, 9)),
            between(1500, 3500, unit="100"),
            "4110",
            memos=("LCF{d4}",),
        ),
        receipt("PRESTON C C", Monthly(22, (5, 11)), fixed("4200.00"), "4100", memos=("YOUTH GRANT",)),
        receipt(
            ("TODDLE TIME", "RIBBLE TAEKWONDO", "SLIMMERS PR1", "U3A CHOIR"),
            Often(7, TERM_TIME),
            between(24, 96, unit="12"),
            "4300",
            memos=("HALL", "HALL HIRE {month}", "INV {d3}"),
        ),
        card(m.AMAZON, Often(4.5, TERM_TIME), between(6, 90), "5000", refunds=0.03),
        card(
            ("BAKER ROSS {d7}", "THE WORKS {store}", "HOBBYCRAFT {city}"),
            Often(3.2, TERM_TIME),
            between(6, 60),
            "5000",
        ),
        card(("DECATHLON {city}", "SPORTS DIRECT {store}"), Often(1, SUMMER), between(15, 140), "5000"),
        card(m.TESCO, Often(6, TERM_TIME), between(6, 48), "5010"),
        card(m.ALDI, Often(3, TERM_TIME), between(6, 40), "5010"),
        card(m.LIDL, Often(1.5, TERM_TIME), between(5, 32), "5010"),
        card(("DOMINOS PIZZA {city}", "PIZZA HUT {store}"), Often(0.8, TERM_TIME), between(28, 110), "5010"),
        card(
            ("BLACKPOOL PLEASURE BEACH", "GO APE RIVINGTON", "ODEON CINEMAS"),
            Often(0.9, SUMMER),
            between(60, 420),
            "5020",
        ),
        payment(
            "HOTHERSALL LODGE",
            Monthly(6, (3, 6, 9)),
            between(700, 1600, unit="10"),
            "5020",
            memos=("BOOKING {d4}",),
        ),
        card(m.TRAINLINE, Often(0.8, SUMMER), between(18, 130), "5020"),
        card(m.SHELL, Often(2.4), between(40, 90), "5030"),
        card(m.BP, Often(0.8), between(35, 85), "5030"),
        debit(m.DVLA, Monthly(3), fixed("30.18", ("2025-04-01", "31.93")), "5030"),
        payment("FYLDE MINIBUS SVCS", Often(0.4), between(80, 520), "5030", memos=("INV {d4}", "MOT")),
        payment(
            ("ZARA QUINN ARTS", "ZARA QUINN"),
            Often(2.2, TERM_TIME),
            between(60, 240, unit="30"),
            "5040",
            memos=("SESSIONS {month}",),
        ),
        payment(
            "J MBEKI COACHING",
            Often(2.2, TERM_TIME),
            between(45, 180, unit="45"),
            "5040",
            memos=("INV {d3}",),
        ),
        payment("BEATBOX BEN", Often(1, TERM_TIME), fixed("90.00"), "5040", memos=("{dd}/{mm}",)),
        card(m.ZOOM, Monthly(15), fixed("15.59"), Steps.of("5060", ("2025-09-01", "5050"))),
        payment(
            "MENTOR TRAIN NW",
            Often(0.7),
            between(90, 280, unit="10"),
            Steps.of("5060", ("2025-09-01", "5050")),
            memos=("MT{d3}",),
        ),
        payment(
            ("A WHITTLE", "P SARKAR", "T JESSOP", "D KOROMA"),
            Often(6, TERM_TIME),
            between(4, 28),
            "6030",
            memos=("EXPENSES", "BUS FARES", "VOL EXP {month}"),
        ),
        payment(
            "GRACE ABARA", Monthly(25), fixed("1986.12", ("2025-04-01", "2041.75")), "6000", memos=("SALARY",)
        ),
        payment(
            "LEO HINDLE", Monthly(25), fixed("1544.90", ("2025-04-01", "1590.33")), "6000", memos=("SALARY",)
        ),
        payment("PRIYA RAO", Monthly(25), fixed("812.40"), "6000", memos=("SALARY",), since="2025-09-01"),
        payment(m.HMRC_PAYE, Monthly(22), between(690, 890), "6010", memos=("475PB00{customer}",)),
        debit(m.NEST, Monthly(28), between(180, 240), "6020"),
        order(
            "ST AIDANS PCC",
            Monthly(1),
            fixed("650.00", ("2025-04-01", "675.00")),
            "6100",
            memos=("HALL RENT",),
        ),
        debit("PRESTON C C NNDR", Monthly(20, tuple(range(4, 13))), fixed("38.00"), "6100"),
        debit(
            m.BRITISH_GAS, Monthly(11), fixed("164.00", ("2025-01-01", "188.00")), "6110", until="2025-10-31"
        ),
        debit(m.OCTOPUS, Monthly(13), fixed("171.00"), "6110", since="2025-11-01"),
        debit("WATER PLUS", Monthly(24), between(24, 42), "6110"),
        card(m.SCREWFIX, Often(0.9), between(6, 60), "6120"),
        card(m.B_AND_Q, Often(0.7), between(8, 80), "6120"),
        payment(
            "SPARKLE N SHINE", Monthly(27), fixed("140.00", ("2025-10-01", "152.00")), "6120", memos=("HALL",)
        ),
        card(m.ROYAL_MAIL, Often(0.7, CHRISTMAS), between(8, 120), "6200"),
        card(m.POST_OFFICE, Often(0.8, CHRISTMAS), between(4, 70), "6200"),
        debit("JUSTGIVING", Monthly(4), fixed("18.00", ("2025-07-01", "21.60")), "6200"),
        card("COSTCO WHOLESALE {city}", Often(0.5, SUMMER), between(60, 210), "6200"),
        card(m.ADOBE, Monthly(8), fixed("16.24", ("2025-06-01", "18.10")), "6210"),
        card(m.CANVA, Monthly(16), fixed("10.99"), "6210", until="2025-05-31"),
        card(m.FACEBOOK, Often(1.2), between(10, 45), "6210"),
        card(m.VISTAPRINT, Often(0.5), between(20, 110), "6210"),
        debit(m.VODAFONE, Monthly(14), fixed("42.00", ("2025-04-01", "44.60")), "6300"),
        debit(m.BT, Monthly(18), fixed("39.95", ("2025-04-01", "42.95")), "6300"),
        card(m.MICROSOFT, Monthly(6), fixed("13.80"), "6300"),
        card(m.VIKING, Often(0.9), between(16, 90), "6300"),
        debit(m.XERO, Monthly(5), fixed("24.50", ("2025-09-01", "29.50")), "6300"),
        debit("ANSVAR INSURANCE", Monthly(9), fixed("86.70", ("2025-06-01", "92.15")), "6310"),
        payment(
            "HAWORTH AUDIT LLP", Monthly(15, (9,)), fixed("1380.00"), "6310", memos=("INDEPENDENT EXAM",)
        ),
        card("ICO.ORG.UK {d8}", Monthly(19, (2,)), fixed("40.00"), "6310"),
        fee("SERVICE CHARGE", Monthly(3), between(5, 12), "6320", memos=("{mon} {yyyy}",)),
    ),
    export=Parquet(),
    slips=(("5000", "5060"), ("5010", "6200"), ("4100", "4110"), ("6200", "6210")),
)
