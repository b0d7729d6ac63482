"""Foldline, a design studio."""

from sample_books import merchants as m
from sample_books.amounts import between, fixed
from sample_books.banks import APP
from sample_books.business import Business, Entry
from sample_books.exports import Delimited, currency, description, identity, iso, label, payee, signed
from sample_books.habits import card, debit, fee, order, payment, receipt
from sample_books.rows import CATEGORY
from sample_books.schedules import QUARTERS, Monthly, Often, Weekly
from sample_books.steps import Steps

_STANDARD = {"tax_code": "20S", "project": "STUDIO"}
_ZERO = {"tax_code": "0Z", "project": "STUDIO"}
_NONE = {"tax_code": "NOVAT", "project": "STUDIO"}
_ABROAD = {"tax_code": "20RC", "project": "STUDIO"}

# Who freelances for whom, and where one travels to, follows the work.
_CURRENT = Steps.of(
    "KESTREL",
    ("2024-11-01", "MOORLAND"),
    ("2025-06-01", "BRAMBLE"),
    ("2025-12-01", "KESTREL"),
    ("2026-04-01", "OSTLER"),
)
_LONDON = Steps.of("MOORLAND", ("2025-06-01", "BRAMBLE"), ("2026-04-01", "OSTLER"))

_CLIENTS = (
    ("Kestrel Cycles Ltd", "KESTREL", 14, 2800, 6400, "2024-07-01", "2025-01-31"),
    ("Kestrel Cycles Ltd", "KESTREL", 14, 1900, 4200, "2025-12-01", "2026-07-31"),
    ("The Moorland Trust", "MOORLAND", 20, 2400, 5200, "2024-10-01", "2025-08-31"),
    ("BRAMBLE KITCHENS", "BRAMBLE", 8, 3000, 7600, "2025-05-01", "2026-02-28"),
    ("Ostler Inns PLC", "OSTLER", 26, 3600, 8200, "2026-03-01", "2026-07-31"),
)

STUDIO = Business(
    tenant="foldline-studio",
    name="Foldline Studio Ltd",
    story=(
        "A design studio in Bristol with account codes, a tax code and a project on every row. Rent is "
        "*rent*, Adobe is *software*, Amazon *small equipment* below a hundred pounds and *computers* above. "
        "Freelancers and trains go to the project of the month, so the same payee has a new project every "
        "half year. Slack was dropped for Microsoft in September 2025; a chat assistant was subscribed to in "
        "February 2025."
    ),
    currency="GBP",
    cities=("BRISTOL", "LONDON", "BATH"),
    bank=APP,
    chart=(
        Entry("200", "Sales", "Design work invoiced", implies=_STANDARD),
        Entry("260", "Licensing income", "Typefaces and patterns, licensed", implies=_ZERO),
        Entry("310", "Freelancers", "Designers and developers by the day", implies=_NONE),
        Entry("325", "Print & production", "What is printed, cut or built for a client", implies=_STANDARD),
        Entry("400", "Advertising", "Own advertising and portfolio sites", implies=_ABROAD),
        Entry("404", "Bank fees", "Bank and payment fees", implies=_NONE),
        Entry("412", "Accountancy", "Accountant and filings", implies=_STANDARD),
        Entry("420", "Client entertainment", "Lunches and coffee with clients", implies=_STANDARD),
        Entry("425", "Postage & couriers", "Post and parcels", implies=_ZERO),
        Entry("429", "Small equipment & stationery", "Anything below a hundred pounds", implies=_STANDARD),
        Entry("433", "Insurance", "Professional and contents", implies=_NONE),
        Entry("445", "Light, power, heating", "Energy of the studio", implies=_STANDARD),
        Entry("463", "Software", "Licences and subscriptions", implies=_ABROAD),
        Entry("469", "Rent", "Studio rent", implies=_STANDARD),
        Entry("470", "Staff welfare", "Tea, milk, fruit, birthday cake", implies=_ZERO),
        Entry("477", "Salaries", "Net pay", implies=_NONE),
        Entry("482", "Pension", "Workplace pension", implies=_NONE),
        Entry("485", "Books & training", "Books, fonts, courses", implies=_ZERO),
        Entry("489", "Telephone & internet", "Lines and mobiles", implies=_STANDARD),
        Entry("493", "Travel", "Trains, cabs, hotels", implies=_ZERO),
        Entry("720", "Computers", "Hardware above a hundred pounds", implies=_STANDARD),
        Entry("820", "VAT payments", "VAT paid to HMRC", implies=_NONE),
        Entry("825", "PAYE payable", "Payroll taxes", implies=_NONE),
        Entry("835", "Director's loan", "Money lent by or to the directors", implies=_NONE),
        *(
            Entry(code, name, "Tax code", dimension="tax_code")
            for code, name in (
                ("20S", "20 % standard"),
                ("0Z", "Zero-rated or exempt"),
                ("20RC", "Reverse charge"),
                ("NOVAT", "No VAT"),
            )
        ),
        *(
            Entry(code, name, "Project", dimension="project")
            for code, name in (
                ("STUDIO", "The studio itself"),
                ("KESTREL", "Kestrel Cycles: rebrand"),
                ("MOORLAND", "Moorland Trust: reports"),
                ("BRAMBLE", "Bramble Kitchens: packaging"),
                ("OSTLER", "Ostler Inns: signage"),
            )
        ),
    ),
    habits=(
        *(
            receipt(
                name,
                Monthly(day, slip=7),
                between(low, high, unit="50"),
                "200",
                memos=("INV-{d4}", "Inv {d4}", "FOLDLINE {d4}"),
                labels={"project": project},
                since=since,
                until=until,
            )
            for name, project, day, low, high, since, until in _CLIENTS
        ),
        receipt(
            ("Gumroad Inc", "MyFonts Monotype"),
            Monthly(6, slip=3),
            between(40, 320),
            "260",
            memos=("payout {d6}",),
        ),
        payment(
            ("Ines Cardoso", "I CARDOSO"),
            Often(2.4),
            between(250, 1400, unit="25"),
            "310",
            memos=("inv {d3}", "days {month}"),
            labels={"project": _CURRENT},
        ),
        payment(
            "Pawel Zielinski Design",
            Often(1.8),
            between(300, 1500, unit="50"),
            "310",
            memos=("PZ{yyyy}/{d2}",),
            labels={"project": _CURRENT},
        ),
        payment(
            "Hopewell Dev",
            Often(0.9),
            between(500, 2400, unit="50"),
            "310",
            memos=("{d5}",),
            labels={"project": _CURRENT},
        ),
        payment(
            ("Avonside Print", "Avonside Press Ltd"),
            Often(1.6),
            between(90, 1600),
            "325",
            memos=("INV{d5}",),
            labels={"project": _CURRENT},
        ),
        card(("MOO PRINT LTD", "MOO.COM"), Often(0.5), between(30, 180), "400", labels={"tax_code": "20S"}),
        card(m.AMAZON, Often(3.4), between(6, 80), "429", refunds=0.04),
        card(m.AMAZON, Often(0.4), between(110, 480), "720"),
        card(("APPLE STORE R{d3}", "APPLE.COM/UK"), Often(0.25), between(400, 2400), "720"),
        card(m.APPLE, Monthly(13), fixed("8.99"), "463"),
        card(m.RYMAN, Often(1.2), between(4, 40), "429"),
        card(m.IKEA, Often(0.3), between(25, 95), "429"),
        card(m.SCREWFIX, Often(0.2), between(8, 50), "429"),
        card(m.ADOBE, Monthly(4), fixed("226.32", ("2025-06-01", "249.60")), "463"),
        card("FIGMA MONTHLY RENEWAL", Monthly(11), fixed("58.00", ("2025-03-11", "64.00")), "463"),
        card(m.SLACK, Monthly(18), fixed("34.20"), "463", until="2025-08-31"),
        card(m.MICROSOFT, Monthly(19), fixed("61.80"), "463", since="2025-09-01"),
        card(m.GOOGLE_WORKSPACE, Monthly(2), fixed("48.30", ("2025-05-01", "55.20")), "463"),
        card(m.DROPBOX, Monthly(23), fixed("45.00"), "463"),
        card(m.OPENAI, Monthly(9), fixed("48.00"), "463", since="2025-02-01"),
        card(m.ZOOM, Monthly(27), fixed("15.59"), "463"),
        card("GITHUB, INC.", Monthly(15), fixed("12.60"), "463"),
        card(m.GOOGLE_ADS, Often(1), between(20, 160), "400"),
        card(("SQUARESPACE INV{d8}", "Squarespace* DOMAIN"), Monthly(21), fixed("19.20"), "400"),
        card(m.PAYPAL, Often(1.2), between(12, 90), "485", memos=("type foundry", "stock", "")),
        card(("WATERSTONES {city}", "Foyles Books"), Often(0.8), between(9, 48), "485"),
        card(m.TRAINLINE, Often(3.2), between(14, 96), "493", labels={"project": _LONDON}),
        card(
            ("GWR {city}", "GREAT WESTERN RAILWAY"),
            Often(1.4),
            between(8, 70),
            "493",
            labels={"project": _LONDON},
        ),
        card(m.TFL, Often(2.4), between(3, 15), "493", labels={"project": _LONDON}),
        card(m.UBER, Often(1.8), between(7, 32), "493", labels={"tax_code": "20S", "project": _LONDON}),
        card(
            m.PREMIER_INN, Often(0.5), between(68, 145), "493", labels={"tax_code": "20S", "project": _LONDON}
        ),
        card(m.PRET, Often(2.4), between(5, 24), "420"),
        card(m.COSTA, Often(1.8), between(4, 18), "420"),
        card(
            ("THE OX BRISTOL", "PASTA RIPIENA", "DISHOOM SHOREDITCH", "SQ *HARBOUR TABLE"),
            Often(1.6),
            between(32, 140),
            "420",
        ),
        card(m.TESCO, Often(4), between(4, 32), "470"),
        card(m.SAINSBURYS, Often(1.4), between(5, 30), "470"),
        debit("Riverford Organic", Weekly((3,), 0.5), fixed("21.45", ("2025-10-01", "22.95")), "470"),
        card(m.ROYAL_MAIL, Often(0.9), between(3, 28), "425"),
        card(m.POST_OFFICE, Often(0.6), between(3, 22), "425"),
        card("DHL EXPRESS UK {d10}", Often(0.4), between(18, 70), "425", labels={"tax_code": "20S"}),
        order(
            "Temple Yard Properties",
            Monthly(1),
            fixed("1440.00", ("2025-10-01", "1512.00")),
            "469",
            memos=("Rent Unit 7",),
        ),
        debit(m.OCTOPUS, Monthly(17), fixed("118.00", ("2025-01-01", "131.00")), "445"),
        debit(m.BT, Monthly(24), fixed("54.60", ("2025-04-01", "58.20")), "489"),
        debit(m.EE, Monthly(12), fixed("66.00", ("2025-04-01", "71.50")), "489"),
        debit("Hiscox Insurance", Monthly(5), fixed("73.18", ("2025-10-01", "79.94")), "433"),
        payment(
            "Nadia Foulkes",
            Monthly(25),
            fixed("2710.44", ("2025-04-01", "2764.90")),
            "477",
            memos=("salary",),
        ),
        payment(
            "Tom Brandreth",
            Monthly(25),
            fixed("2288.17", ("2025-04-01", "2340.02")),
            "477",
            memos=("salary",),
        ),
        payment("Keziah Obi", Monthly(25), fixed("1894.60"), "477", memos=("salary",), since="2025-01-01"),
        payment("Nadia Foulkes", Often(0.6), between(12, 160), "835", memos=("expenses", "exp {month}")),
        debit(m.NEST, Monthly(28), between(420, 470), "482"),
        payment("HMRC Cumbernauld", Monthly(21), between(1500, 2100), "825", memos=("120PA00{customer}",)),
        debit(m.HMRC_VAT, Monthly(9, (3, 6, 9, 12)), between(3600, 7900), "820"),
        debit(m.XERO, Monthly(7), fixed("47.00", ("2025-09-01", "59.00")), "412"),
        payment("Penrose Accounts", Monthly(10, QUARTERS), fixed("540.00"), "412", memos=("Q{d1} accounts",)),
        card(m.COMPANIES_HOUSE, Monthly(16, (2,)), fixed("34.00"), "412", labels={"tax_code": "NOVAT"}),
        fee("Monthly plan fee", Monthly(1), fixed("6.00"), "404"),
        fee("International transfer fee", Often(0.6), between(1, 7), "404"),
    ),
    export=Delimited(
        (
            ("Transaction ID", identity),
            ("Date", iso),
            ("Payee", payee),
            ("Reference", description),
            ("Amount", signed),
            ("Currency", currency),
            ("Account code", label(CATEGORY)),
            ("Tax code", label("tax_code")),
            ("Project", label("project")),
        )
    ),
    slips=(("420", "470"), ("429", "470"), ("463", "485"), ("400", "463")),
)
