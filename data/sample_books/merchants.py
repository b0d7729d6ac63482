"""How well-known names stand on statements. Businesses share the names, and nothing of how they file them."""

from typing import Final

ADOBE: Final = ("ADOBE *CREATIVE CLOUD", "ADOBE SYSTEMS SOFTWARE", "Adobe Inc", "ADOBE *ADOBE {d10}")
ALDI: Final = ("ALDI {d2} {d3}", "ALDI STORES {city}", "ALDI 83 {d3}")
AMAZON: Final = (
    "AMZNMKTPLACE AMAZON.CO.UK", "Amazon.co.uk*{a9}", "AMZN Mktp UK*{a9}", "AMAZON UK RETAIL AMAZON.CO.",
    "AMZNMktplace*{a9}",
)  # fmt: skip
AMAZON_DE: Final = (
    "AMAZON PAYMENTS EUROPE S.C.A.",
    "AMZN Mktp DE*{a9}",
    "AMAZON EU S.A R.L., NIEDERLASSUNG DE",
)
APPLE: Final = ("APPLE.COM/BILL", "APPLE.COM BILL {city}")
B_AND_Q: Final = ("B & Q {store}", "B&Q {store} {city}", "B&Q LIMITED")
BOOKER: Final = ("BOOKER {city} {d3}", "BOOKER CASH & CARRY", "BOOKER LTD {store}")
BP: Final = ("BP {city} {d5}", "BP CONNECT {store}", "BP EXPRESS {city}")
BRITISH_GAS: Final = "BRITISH GAS BUSINESS"
BT: Final = "BT GROUP PLC"
CANVA: Final = ("CANVA* I{d5}-{d7}", "CANVA* {d5}-{d8}")
COMPANIES_HOUSE: Final = ("COMPANIES HOUSE WEB", "COMPANIES HOUSE {d6}")
COSTA: Final = ("COSTA COFFEE {d8}", "COSTA {city} {d4}")
COSTCO: Final = "COSTCO WHOLESALE {city}"
DROPBOX: Final = ("DROPBOX*{a12}", "DROPBOX {a8}")
DVLA: Final = "DVLA VEHICLE TAX"
EBAY: Final = ("eBay O*{d2}-{d5}-{d5}", "PAYPAL *EBAY UK {d8}")
EDF: Final = "EDF ENERGY"
EE: Final = ("EE LIMITED", "EE & T-MOBILE")
ETSY: Final = ("ETSY.COM*{d9}", "PAYPAL *ETSY INC")
EVRI: Final = ("EVRI.COM {a6}", "EVRI PARCELNET")
FACEBOOK: Final = ("FACEBK *{a10}", "FACEBK ADS {a10}")
GOOGLE_ADS: Final = ("GOOGLE*ADS{d10}", "GOOGLE ADS {d4}")
GOOGLE_WORKSPACE: Final = ("GOOGLE*GSUITE {mandate}", "GOOGLE*WORKSPACE", "Google Workspace_{mandate}")
GREGGS: Final = ("GREGGS PLC {store}", "GREGGS {city}")
HMRC_PAYE: Final = "HMRC PAYE/NIC CUMBERN"
HMRC_VAT: Final = "HMRC VAT"
IKEA: Final = ("IKEA LTD {city}", "IKEA LIMITED SHOP ONLINE")
LIDL: Final = ("LIDL GB {city}", "LIDL GB {d4}")
MICROSOFT: Final = ("MICROSOFT*OFFICE 365", "MSFT * E0{d2}{a6}", "Microsoft 365 Business")
NEST: Final = "NEST PENSIONS"
OCTOPUS: Final = "OCTOPUS ENERGY LTD"
OPENAI: Final = ("OPENAI *CHATGPT SUBSCR", "CHATGPT SUBSCRIPTION")
PAYPAL: Final = ("PAYPAL PAYMENT", "PAYPAL *{a8}")
POST_OFFICE: Final = ("POST OFFICE COUNTER {d6}", "POST OFFICE {city}", "POST OFFICE LIMITED")
PREMIER_INN: Final = ("PREMIER INN {d8}", "PREMIER INN {city}")
PRET: Final = ("PRET A MANGER", "Pret A Manger {city}")
ROYAL_MAIL: Final = ("ROYAL MAIL GROUP LTD", "ROYAL MAIL ONLINE", "ROYALMAIL.COM {d7}")
RYMAN: Final = ("RYMAN {store} {city}", "RYMAN LTD")
SAINSBURYS: Final = ("SAINSBURYS S/MKTS {city}", "SAINSBURY'S S/MKT {store}", "SAINSBURYS SACAT {store}")
SCREWFIX: Final = ("SCREWFIX DIR {store}", "SCREWFIX {city}", "SCREWFIX DIRECT LTD")
SHELL: Final = ("SHELL {city}", "SHELL {d4} {city}", "SHELL PETROL {store}")
SLACK: Final = "SLACK T{a8}"
TESCO: Final = (
    "TESCO STORES {store}",
    "TESCO STORES {store} {city}",
    "TESCO EXPRESS {city}",
    "TESCO STORE {store}",
)
TFL: Final = ("TFL TRAVEL CH", "TFL.GOV.UK/CP")
TOOLSTATION: Final = ("TOOLSTATION {store}", "TOOLSTATION LTD {city}")
TRAINLINE: Final = ("TRAINLINE", "TRAINLINE.COM {d8}", "TRAINLINE 0{d9}")
TRAVIS_PERKINS: Final = ("TRAVIS PERKINS {store}", "TRAVIS PERKINS TRADING {city}")
UBER: Final = ("UBER *TRIP", "UBER *TRIP HELP.UBER.COM", "UBER BV")
VIKING: Final = ("VIKING DIRECT {d7}", "VIKING PAYMENTS")
VISTAPRINT: Final = ("VISTAPRINT B.V.", "VISTAPRINT {a10}")
VODAFONE: Final = "VODAFONE LTD"
WICKES: Final = ("WICKES {store} {city}", "WICKES BUILDING SUPPLIES")
XERO: Final = ("XERO UK INV-{d8}", "XERO UK LTD")
YORKSHIRE_WATER: Final = "YORKSHIRE WATER BUS"
ZOOM: Final = ("ZOOM.US 888-799-9666", "ZOOM.COM 888-799-9666")
