"""Who stands between the payer and the payee, as card strings show it: ``SQ *JOES COFFEE``,
        ``PAYPAL *BOOKING``.

From the processors' own pages on statement descriptors,
and from card exports. Two kinds: a *wrapper* goes before
the name of who was paid, and is none of it; a *seller* is paid itself,
and puts an order or a product behind the
star (``UBER *TRIP``, ``FACEBK *4XK2``).
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple


class Processor(NamedTuple):
    """Attributes: its usual name; whether it is paid itself."""

    name: str
    sells: bool = False


_WRAPPERS: Final[Mapping[str, str]] = {
    "Square": "sq, sqr, square, squ, gosq.com",
    "PayPal": "paypal, pp, py, paypal inst xfer, paypal europe, paypal payment, pypl, paypal pte",
    "SumUp": "sumup, sum up, sumup eu, sumup ltd, su",
    "Zettle": "iz, izettle, zettle, ztl, zettle_, ztle",
    "Stripe": "stripe, str, st",
    "Shopify": "sp, shopify, sp aff",
    "Toast": "tst",
    "Klarna": "klarna, klarna bank, klarna uk",
    "Clearpay": "clearpay, afterpay",
    "Eventbrite": "eb, eventbrite",
    "Worldpay": "wp, wpy, worldpay",
    "Adyen": "adyen, adn",
    "Mollie": "mollie, mol, stg mollie",
    "Checkout.com": "cko, checkout.com",
    "Lightspeed": "ls, lightspeed",
    "Clover": "clv, clover",
    "Fiserv": "fd, fdms",
    "Paddle": "paddle, paddle.net, pdl",
    "FastSpring": "fs, fsprg, fastspring",
    "Digital River": "dri, digitalriver, dr",
    "2Checkout": "2co, 2checkout, 2co.com, verifone",
    "GoCardless": "gocardless, gc, go cardless",
    "Global-e": "ge, global-e",
    "myPOS": "mypos",
    "Nets": "nets, dibs",
    "Bambora": "bambora, worldline",
    "Vipps": "vipps",
    "MobilePay": "mobilepay",
    "Przelewy24": "p24, przelewy24",
    "PayU": "payu",
    "Tpay": "tpay, tpay.com",
    "PayPoint": "ppoint, ppoint_",
    "BigCartel": "bc, bigcartel",
    "Etsy": "etsy.com",
    "WeChat Pay": "wechat, weixin",
    "Alipay": "alp, alipay, zfb",
    "Revolut": "rev, revolut pay",
    "Viva": "viva, viva wallet",
    "Dojo": "dojo, pts",
    "Takepayments": "tp, takepayments",
    "Barclaycard": "bcp, barclaycard",
    "PayGate": "pgs, paygate",
    "Cash App": "cash app, sqc",
    "Venmo": "venmo",
    "Splitit": "splitit",
    "Affirm": "affirm",
    "Sage Pay": "sagepay, opayo",
    "Nayax": "nyx, nayax, nya",
    "CCV": "ccv",
    "SIX": "six, saferpay",
    "Concardis": "concardis",
    "Payone": "payone, ps, bs payone",
    "EVO": "evo",
    "Luma": "lum",
    "Whop": "whop",
    "Gumroad": "gum.co, gumroad, gumrd.com",
    "Patreon": "patreon",
    "Substack": "substack",
    "WooPayments": "wl, woo",
    "Xsolla": "xsolla",
    "Wix": "wix.com, wix",
    "BlueSnap": "bls, bluesnap",
    "Cleverbridge": "cbi, cleverbridge",
    "Payment Sense": "pmts, paymentsense",
    "Blackhawk": "bhn",
    "Satispay": "satispay",
    "Nexi": "nexi",
    "Redsys": "redsys",
    "Amazon": "amz",
    "AbeBooks": "ab",
    "Booking.com": "bkg",
    "Dow Jones": "d j, dj",
    "GoDaddy": "dnh",
}
"""Before a star. Of these some also stand without one, in exports that drop punctuation: WITHOUT_STAR."""
_SELLERS: Final[Mapping[str, str]] = {
    "Amazon": """
        amazon, amzn, amazon.com, amazon.co.uk, amazon.de, amazon.fr, amazon.it, amazon.es, amazon.nl,
        amzn.com, amznmktplace, amzn mktp, amzn mktp uk, amzn mktp us, amzn mktp de, amzn mktp fr,
        amzn mktp it, amzn mktp es, amazon marketplace, amazon mktplace, amazon prime, amzn prime,
        prime video, amazon digital, amzn digital, kindle svcs, amazon retail, amznbusiness, amazon mktpl,
        amzn mktp ca, amazon prime pmts, audible, audible uk, amazon business, amazon fresh
    """,
    "Google": "google, google play, google cloud, google ads",
    "Apple": "apple, apple.com/bill, apple.com, itunes, itunes.com/bill, apl",
    "eBay": "ebay, ebay o, ebay commerce, ebay inc",
    "Uber": "uber, uber eats, uber trip, ubr",
    "Lyft": "lyft, lyft ride",
    "Bolt": "bolt, bolt.eu",
    "Airbnb": "airbnb",
    "Facebook": "facebk, facebook, fb, fbpay, meta",
    "Microsoft": "microsoft, msft, msbill.info, xbox",
    "Deliveroo": "deliveroo",
    "Just Eat": "just eat, lieferando, takeaway.com",
    "DoorDash": "doordash, dd",
    "LinkedIn": "linkedin, lnkd",
    "Dropbox": "dropbox",
    "Adobe": "adobe",
    "GoDaddy": "godaddy, godaddy.com",
    "Spotify": "spotify",
    "Netflix": "netflix",
    "PlayStation": "playstation, playstation network",
    "Steam": "steam, steamgames.com, wl steam",
    "Expedia": "expedia",
    "Booking.com": "booking.com, booking",
    "Instacart": "instacart, ic",
    "Vistaprint": "vistapr, vistaprint, vsi",
    "OpenAI": "openai",
    "Zoom": "zoom, zoom.us",
    "Canva": "canva",
    "Mailchimp": "mailchimp",
    "Atlassian": "atlassian",
    "Wise": "wise",
    "Groupon": "groupon",
    "Trainline": "trainline, thetrainline.com",
}


def _by_spelling() -> dict[str, Processor]:
    found: dict[str, Processor] = {}
    for table, sells in ((_WRAPPERS, False), (_SELLERS, True)):
        for name, spellings in table.items():
            for spelling in spellings.split(","):
                found.setdefault(" ".join(spelling.split()), Processor(name, sells))
    return found


PROCESSORS: Final[Mapping[str, Processor]] = _by_spelling()
"""By what stands before the star, folded."""
WITHOUT_STAR: Final[Mapping[str, Processor]] = {
    spelling: PROCESSORS[spelling]
    for spelling in [
        "sq",
        "paypal",
        "sumup",
        "iz",
        "izettle",
        "zettle",
        "ztl",
        "klarna",
        "gocardless",
        "ppoint",
        "ppoint_",
        "clearpay",
        "paddle.net",
    ]
}
"""First words that wrap without a star too: nothing else is called so."""

STAR: Final = re.compile(r"\s{0,3}\*+\s{0,3}")
STAR_WITHIN_CHARS: Final = 26
"""A star further on belongs to no processor: card strings have 22 to 25 characters for all of it."""


def before_star(wording: str, start: int, star: int) -> tuple[int, Processor] | None:
    """The processor whose name ends at a star: where it starts, and who it is.

    The name is what stands there from ``start``, or its last words: "PAYMENT PAYPAL *X".
    """
    words = wording[start:star].rstrip()
    first = 0
    while first < len(words):
        known = PROCESSORS.get(words[first:].casefold())
        if known is not None:
            return start + first, known
        following = words.find(" ", first)
        if following < 0:
            break
        first = following + 1
    return None
