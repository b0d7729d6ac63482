"""D Marsh Building, a sole trader."""

from sample_books import merchants as m
from sample_books.amounts import between, fixed
from sample_books.banks import APP
from sample_books.business import Business, Entry
from sample_books.exports import JsonLines
from sample_books.habits import card, debit, fee, payment, receipt
from sample_books.schedules import SUMMER, Monthly, Often
from sample_books.steps import Steps

BUILDER = Business(
    tenant="marsh-building",
    name="D Marsh Building",
    story=(
        "A builder near Norwich, on his own, who does the books at the kitchen table. Few categories, used "
        "broadly: Screwfix is *Materials* if it is much and *Tools* if it is little, the supermarket is "
        "*Subsistence* by day and *Drawings* at the weekend's size of shopping. Shell was given up for the "
        "supermarket's pumps in November 2025. Labour went from *Subcontractors* to *CIS labour* in April "
        "2026."
    ),
    currency="GBP",
    cities=("NORWICH", "WYMONDHAM", "DEREHAM", "THETFORD"),
    bank=APP,
    chart=(
        Entry("sales", "Sales", "What customers pay"),
        Entry("materials", "Materials", "What goes into a job"),
        Entry("tools", "Tools", "Hand and power tools, blades, fixings"),
        Entry("hire", "Plant hire", "Skips, diggers, scaffolding"),
        Entry("subcontractors", "Subcontractors", "Other trades, until March 2026"),
        Entry("cis-labour", "CIS labour", "Other trades, tax deducted, from April 2026"),
        Entry("van", "Van", "Fuel, tax, insurance, tyres"),
        Entry("subsistence", "Subsistence", "Food and drink on site"),
        Entry("phone", "Phone", "Mobile"),
        Entry("workwear", "Workwear", "Boots, gloves, hi-vis"),
        Entry("insurance", "Insurance", "Public liability and tools"),
        Entry("advertising", "Advertising", "Directories and signs"),
        Entry("office", "Office", "Post, stationery, software, fees for plans"),
        Entry("waste", "Waste", "Tips"),
        Entry("bank", "Bank charges", "Fees of the account"),
        Entry("tax", "Tax", "Income tax and National Insurance"),
        Entry("drawings", "Drawings", "Private"),
    ),
    habits=(
        receipt(
            (
                "Mrs J Pye",
                "Mr & Mrs Larter",
                "S Bloomfield",
                "Rev T Cubitt",
                "Wensum Dental",
                "G Utting",
                "Hempnall PC",
                "R & A Daynes",
                "Dr Mistry",
                "Breckland Barns Ltd",
            ),
            Often(5, SUMMER),
            between(380, 4200, unit="10"),
            "sales",
            memos=("Inv {d3}", "invoice {d3}", "extension stage {d1}", "deposit", "wall", ""),
        ),
        card(m.TRAVIS_PERKINS, Often(7, SUMMER), between(18, 480), "materials", refunds=0.03),
        card(
            ("JEWSON {city}", "JEWSON LTD {store}"),
            Often(3, SUMMER),
            between(20, 360),
            "materials",
            refunds=0.03,
        ),
        card(m.WICKES, Often(3), between(10, 160), "materials", refunds=0.03),
        card(m.SCREWFIX, Often(4), between(32, 180), "materials"),
        card(m.SCREWFIX, Often(4), between(4, 28), "tools"),
        card(m.TOOLSTATION, Often(3), between(4, 60), "tools"),
        card(m.B_AND_Q, Often(2), between(6, 90), "materials"),
        card(("ANGLIAN AGGREGATES", "RJ TIMBER {city}"), Often(2.4, SUMMER), between(60, 420), "materials"),
        card(m.AMAZON, Often(2.4), between(7, 110), "tools"),
        card(m.EBAY, Often(1.2), between(8, 140), "tools"),
        card(("FFX TOOLS", "MACHINE MART {city}"), Often(0.6), between(40, 320), "tools"),
        payment(
            "Broadland Skips",
            Often(1.6, SUMMER),
            between(190, 290, unit="10"),
            "hire",
            memos=("skip {dd}/{mm}", "8yd"),
        ),
        card(("HSS HIRE {store}", "SPEEDY ASSET SERVICES"), Often(1.4, SUMMER), between(28, 260), "hire"),
        payment(
            "Apex Scaffold", Often(0.5, SUMMER), between(350, 1200, unit="50"), "hire", memos=("inv {d4}",)
        ),
        *(
            payment(
                name,
                Often(rate, SUMMER),
                between(140, 900, unit="20"),
                Steps.of("subcontractors", ("2026-04-01", "cis-labour")),
                memos=memos,
            )
            for name, rate, memos in (
                ("Craig Nudd", 3.2, ("days", "week {d2}", "craig")),
                ("L Tooke plastering", 1.4, ("plaster", "inv {d3}")),
                ("Sparks by Sam", 1.1, ("rewire", "inv{d4}")),
                ("P Howes roofing", 0.6, ("roof",)),
            )
        ),
        card(m.SHELL, Often(4.4), between(48, 96), "van", until="2025-10-31"),
        card(
            ("TESCO PFS {store}", "TESCO PAY AT PUMP {d4}"),
            Often(4.2),
            between(46, 94),
            "van",
            since="2025-11-01",
        ),
        card(m.BP, Often(1), between(45, 95), "van"),
        debit(m.DVLA, Monthly(1), fixed("29.31", ("2025-04-01", "30.62")), "van"),
        debit("Admiral Van", Monthly(16), fixed("64.18", ("2025-02-01", "71.93")), "van"),
        card(("KWIK FIT {store}", "EASTERN TYRES"), Often(0.4), between(60, 280), "van"),
        card(("RINGGO PARKING", "NCP {city}"), Often(0.8), between(2, 12, unit="0.10"), "van"),
        card(m.GREGGS, Often(7), between(3, 9), "subsistence"),
        card(m.TESCO, Often(5), between(3, 9), "subsistence"),
        card(m.TESCO, Often(2.6), between(42, 130), "drawings"),
        card(("MCDONALDS {d3} {city}", "SUBWAY {d5}"), Often(2), between(5, 13), "subsistence"),
        card(m.COSTA, Often(2), between(3, 9), "subsistence"),
        debit(m.EE, Monthly(10), fixed("34.00", ("2025-04-01", "36.40")), "phone"),
        card(("ARCO {city}", "SITE KING", "MAMMOTH WORKWEAR"), Often(0.6), between(14, 120), "workwear"),
        debit("Simply Business", Monthly(21), fixed("38.72", ("2025-08-01", "42.11")), "insurance"),
        debit("Checkatrade", Monthly(7), fixed("83.99", ("2025-07-01", "95.99")), "advertising"),
        card(m.VISTAPRINT, Often(0.2), between(18, 60), "advertising"),
        card(m.FACEBOOK, Often(0.8), between(10, 30), "advertising"),
        card(("NORFOLK CC RECYCLING", "TIP IT NORWICH"), Often(2, SUMMER), between(8, 60), "waste"),
        card(m.POST_OFFICE, Often(0.3), between(2, 12), "office"),
        card(("PLANNING PORTAL", "BROADLAND DC PLANNING"), Often(0.3), between(34, 298), "office"),
        card(m.MICROSOFT, Monthly(26), fixed("7.99", ("2025-02-26", "8.49")), "office"),
        card(m.APPLE, Monthly(12), fixed("2.99"), "office"),
        card("QUICKBOOKS SOFTWARE", Monthly(19), fixed("12.00", ("2025-06-01", "14.40")), "office"),
        card(m.IKEA, Often(0.2), between(20, 240), "drawings"),
        card(
            ("NORWICH CITY FC", "NETFLIX.COM", "THE FAT CAT NORWICH", "CENTER PARCS ELVEDEN"),
            Often(2.2),
            between(9, 80),
            "drawings",
        ),
        payment(
            "D Marsh", Often(3.4), between(150, 700, unit="50"), "drawings", memos=("transfer", "bills", "")
        ),
        payment(
            "HMRC Self Assessment", Monthly(29, (1, 7)), between(2900, 4100), "tax", memos=("{customer}K",)
        ),
        fee("Card machine rental", Monthly(3), fixed("15.00"), "bank"),
    ),
    export=JsonLines(),
    slips=(("materials", "tools"), ("subsistence", "drawings"), ("tools", "workwear"), ("hire", "waste")),
    slip_share=0.06,
)
