"""Tischlerei Voss, a joinery in Germany."""

from sample_books import merchants as m
from sample_books.amounts import between, fixed
from sample_books.banks import SPARKASSE
from sample_books.business import Business, Entry
from sample_books.exports import (
    Delimited,
    constant,
    currency,
    day_first,
    decimal_comma,
    description,
    label,
    payee,
)
from sample_books.habits import card, debit, fee, order, payment, receipt
from sample_books.rows import CATEGORY
from sample_books.schedules import QUARTERS, SUMMER, Monthly, Often
from sample_books.steps import Steps

JOINERY = Business(
    tenant="tischlerei-voss",
    name="Tischlerei Voss GmbH",
    story=(
        "A joinery in Oldenburg: euros, decimal commas, semicolons, Latin-1, German throughout, SEPA's tags "
        "in the remittance information. OBI is *Wareneinkauf* if it is much and *Werkzeuge und Kleingeräte* "
        "if it is little; the landlord gets the rent on the 1st and the extra costs on the 15th. Timber came "
        "from another merchant after March 2025, and the vans' fuel card changed hands in January 2026."
    ),
    currency="EUR",
    cities=("Oldenburg", "Westerstede", "Bremen", "Rastede"),
    bank=SPARKASSE,
    chart=(
        Entry("8400", "Erlöse 19 % USt", "Rechnungen an Kunden"),
        Entry("8401", "Anzahlungen", "Abschläge vor der Schlussrechnung"),
        Entry("3400", "Wareneinkauf", "Holz, Platten, Beschläge, Lacke"),
        Entry("3100", "Fremdleistungen", "Glaser, Monteure, Lackierer"),
        Entry("4120", "Löhne und Gehälter", "Auszahlung an die Mitarbeiter"),
        Entry("4130", "Sozialabgaben", "Krankenkassen und Berufsgenossenschaft"),
        Entry("4210", "Miete", "Werkstatt"),
        Entry("4240", "Gas, Strom, Wasser", "Energie und Nebenkosten der Werkstatt"),
        Entry("4360", "Versicherungen", "Betrieb und Haftpflicht"),
        Entry("4380", "Beiträge", "Innung, Kammer, Verbände"),
        Entry("4530", "Laufende Kfz-Kosten", "Kraftstoff, Wäsche, Reparatur"),
        Entry("4540", "Kfz-Steuer und -Versicherung", "Steuer und Versicherung der Fahrzeuge"),
        Entry("4610", "Werbekosten", "Anzeigen, Drucksachen, Netzauftritt"),
        Entry("4650", "Bewirtungskosten", "Essen mit Kunden"),
        Entry("4660", "Reisekosten", "Bahn und Übernachtung auf Montage"),
        Entry("4910", "Porto", "Post und Pakete"),
        Entry("4920", "Telefon und Internet", "Anschlüsse und Handys"),
        Entry("4930", "Bürobedarf", "Papier, Software, Kleinteile fürs Büro"),
        Entry("4950", "Rechts- und Beratungskosten", "Steuerberatung"),
        Entry("4970", "Nebenkosten des Geldverkehrs", "Kontoführung"),
        Entry("4980", "Werkzeuge und Kleingeräte", "Sägeblätter, Schrauber, Leitern"),
        Entry("1780", "Umsatzsteuer", "Vorauszahlungen an das Finanzamt"),
        Entry("1741", "Lohnsteuer", "Lohnsteuer an das Finanzamt"),
        Entry("1800", "Privatentnahmen", "Entnahmen des Inhabers"),
    ),
    habits=(
        receipt(
            (
                "Familie Janßen",
                "Dr. Katrin Öhlers",
                "Bauträger Huntetal GmbH",
                "Café Süd Inh. M. Lüers",
                "Ev.-luth. Kirchengemeinde Ofen",
                "Stadt Oldenburg",
                "H. und G. Tönjes",
            ),
            Often(5, SUMMER),
            between(420, 6800),
            "8400",
            memos=("RE {yyyy}-{d4}", "Rechnung {d4} vom {dd}.{mm}.{yyyy}", "Rg. {d4}"),
        ),
        receipt(
            ("Familie Janßen", "Bauträger Huntetal GmbH", "Praxis Wübbenhorst"),
            Often(2, SUMMER),
            between(800, 5000, unit="100"),
            "8401",
            memos=("Abschlag {d1} Angebot {d4}", "Anzahlung Küche"),
        ),
        payment(
            "Holzhandlung Gerdes KG",
            Often(3.4, SUMMER),
            between(160, 1800),
            "3400",
            memos=("RG {d6} KD {customer}",),
            until="2025-03-31",
        ),
        payment(
            "Nordholz Brake GmbH & Co. KG",
            Often(3.4, SUMMER),
            between(150, 1750),
            "3400",
            memos=("Rechnung {d7}",),
            since="2025-04-01",
        ),
        debit(
            ("Häfele SE & Co KG", "HAEFELE SE & CO KG"),
            Often(2.4),
            between(40, 620),
            "3400",
            memos=("RE {d8}",),
        ),
        debit("Adolf Würth GmbH & Co. KG", Often(2.2), between(35, 380), "4980", memos=("Rechnung {d10}",)),
        card(
            ("OBI Bau- und Heimwerkermarkt {city}", "OBI Markt {store}//{city}/DE"),
            Often(2.4),
            between(42, 210),
            "3400",
        ),
        card(
            ("OBI Bau- und Heimwerkermarkt {city}", "OBI Markt {store}//{city}/DE"),
            Often(2.6),
            between(5, 36),
            "4980",
        ),
        card(("HORNBACH {city}//{city}/DE", "BAUHAUS {store}//{city}/DE"), Often(2), between(8, 140), "3400"),
        payment("Glaserei Böning", Often(1.1), between(120, 1400), "3100", memos=("Re. {d4}",)),
        payment(
            ("Montage Kovacevic", "Montageservice Kovacevic"),
            Often(1.6, SUMMER),
            between(300, 1600, unit="20"),
            "3100",
            memos=("KW{d2} Montage", "Rg {d3}"),
        ),
        payment("Lackwerk Ammerland", Often(1), between(140, 900), "3100", memos=("{d5}",)),
        *(
            order(
                name, Monthly(27), fixed(pay, ("2025-04-01", raised)), "4120", memos=("Lohn {monat} {yyyy}",)
            )
            for name, pay, raised in (
                ("Enno Harms", "2214.80", "2291.15"),
                ("Silke Bruns", "2065.33", "2140.90"),
                ("Mehmet Aydin", "1987.20", "2055.62"),
            )
        ),
        order(
            "Jonas Theilen",
            Monthly(27),
            fixed("742.00"),
            "4120",
            memos=("Ausbildungsvergütung {monat}",),
            since="2025-08-01",
        ),
        debit(
            ("AOK Niedersachsen", "Techniker Krankenkasse"),
            Monthly(26),
            between(760, 980),
            "4130",
            memos=("BEITRAG {mm}/{yyyy} BN {customer}",),
        ),
        debit("BARMER", Monthly(26), between(480, 560), "4130", memos=("BEITRAG {mm}/{yyyy} {customer}",)),
        debit(
            "BG Holz und Metall",
            Monthly(15, (1, 4, 7, 10)),
            between(420, 520),
            "4130",
            memos=("Beitragsvorschuss {customer}",),
        ),
        order(
            "Hinrichs Gewerbeimmobilien",
            Monthly(1),
            fixed("1680.00", ("2025-07-01", "1735.00")),
            "4210",
            memos=("Miete Halle 3 {monat} {yyyy}",),
        ),
        order(
            "Hinrichs Gewerbeimmobilien",
            Monthly(15),
            fixed("310.00", ("2025-07-01", "335.00")),
            "4240",
            memos=("Nebenkosten Halle 3",),
        ),
        debit(
            "EWE VERTRIEB GmbH",
            Monthly(3),
            fixed("412.00", ("2025-02-01", "438.00")),
            "4240",
            memos=("Abschlag Strom {mm}/{yyyy} VK {customer}",),
        ),
        debit("OOWV", Monthly(18, QUARTERS), between(64, 88), "4240", memos=("Wasser {customer}",)),
        debit(
            "VGH Versicherungen",
            Monthly(2),
            fixed("138.55", ("2026-01-01", "146.20")),
            "4360",
            memos=("Beitrag {customer}",),
        ),
        debit(
            "Handwerkskammer Oldenburg", Monthly(20, (3,)), fixed("386.00"), "4380", memos=("Beitrag {yyyy}",)
        ),
        debit(
            "Tischler-Innung Oldenburg",
            Monthly(10, QUARTERS),
            fixed("148.00"),
            "4380",
            memos=("Innungsbeitrag",),
        ),
        card(
            ("SHELL {store}//{city}/DE", "Shell Deutschland {city}"),
            Often(4.6),
            between(52, 118),
            "4530",
            until="2025-12-31",
        ),
        debit(
            "DKV EURO SERVICE GmbH",
            Often(4.6),
            between(54, 126),
            "4530",
            memos=("Tankkarte {customer} RG {d8}",),
            since="2026-01-01",
        ),
        card(("ARAL {store}//{city}/DE", "STAR TANKSTELLE {city}"), Often(1.6), between(45, 110), "4530"),
        payment(
            "Kfz-Werkstatt Meinen", Often(0.5), between(110, 780), "4530", memos=("Rg. {d4} OL-TV {d3}",)
        ),
        debit(
            "Bundeskasse Trier",
            Monthly(9, (2, 8)),
            between(160, 210),
            "4540",
            memos=("KFZ-STEUER {mandate}",),
        ),
        debit("HUK-COBURG", Monthly(4, QUARTERS), between(280, 310), "4540", memos=("Kfz-Vers. {customer}",)),
        debit(
            "Nordwest-Zeitung",
            Monthly(12),
            fixed("89.25", ("2025-05-01", "94.01")),
            "4610",
            memos=("Anzeige {customer}",),
        ),
        debit("IONOS SE", Monthly(17), fixed("16.66"), "4610", memos=("Rechnung {d12}",)),
        card(
            ("ADOBE SYSTEMS SOFTWARE//DUBLIN/IE", "ADOBE *CREATIVE CLOUD"),
            Monthly(11),
            fixed("23.79", ("2025-06-01", "26.64")),
            "4610",
        ),
        card(("Google Ads {d10}", "GOOGLE*ADS{d10}"), Often(1), between(20, 90), "4610"),
        card(
            ("Restaurant Bümmersteder Krug", "Ratskeller {city}", "L'ORIENT {city}"),
            Often(1.4),
            between(34, 150),
            "4650",
        ),
        card(("DB Vertrieb GmbH", "Deutsche Bahn {d6}"), Often(1), between(19, 120), "4660"),
        card("B&B HOTEL {city}", Often(0.5), between(68, 160), "4660"),
        card(("Deutsche Post AG {d4}", "DHL ONLINE FRANKIERUNG"), Often(1.4), between(3, 28), "4910"),
        debit(
            "Telekom Deutschland GmbH",
            Monthly(14),
            fixed("59.95", ("2025-06-01", "64.95")),
            "4920",
            memos=("Festnetz Vertragskonto {customer} RG {d10}",),
        ),
        debit(
            "Vodafone GmbH", Monthly(21), fixed("74.97"), "4920", memos=("Kd-Nr. {customer} Rg-Nr. {d12}",)
        ),
        debit(m.AMAZON_DE, Often(2.6), between(8, 95), "4930", memos=("{d3}-{d7}-{d7} AMZN Mktp DE {a12}",)),
        debit(
            "PayPal Europe S.a.r.l. et Cie S.C.A",
            Often(2),
            between(9, 110),
            "4980",
            memos=("PP.{d4}.PP . EBAY, Ihr Einkauf bei EBAY", "{d13}/. CONTORION, Ihr Einkauf bei CONTORION"),
        ),
        debit(
            "PayPal Europe S.a.r.l. et Cie S.C.A",
            Monthly(8),
            fixed("12.99"),
            "4930",
            memos=("{d13}/. DROPBOX, Ihr Einkauf bei DROPBOX",),
        ),
        card(
            ("EDEKA {city}", "REWE {store}//{city}/DE"),
            Often(2.2),
            between(5, 34),
            Steps.of("4930", ("2025-10-01", "4650")),
        ),
        debit("Staples Deutschland", Often(0.8), between(18, 90), "4930", memos=("Auftrag {d9}",)),
        payment(
            "Steuerbüro Reil & Partner",
            Monthly(13),
            fixed("285.60", ("2026-01-01", "303.45")),
            "4950",
            memos=("Rg. {d5} Fibu {monat}",),
        ),
        fee(
            "Landessparkasse zu Oldenburg",
            Monthly(30, QUARTERS),
            between(28, 46),
            "4970",
            memos=("Entgeltabschluss per {dd}.{mm}.{yyyy}",),
        ),
        payment(
            "Finanzamt Oldenburg",
            Monthly(10),
            between(1200, 3400),
            "1780",
            memos=("StNr 64/{d3}/{d5} USt {mm}/{yyyy}",),
        ),
        payment(
            "Finanzamt Oldenburg",
            Monthly(10),
            between(520, 720),
            "1741",
            memos=("StNr 64/{d3}/{d5} LSt {mm}/{yyyy}",),
        ),
        order(
            "Renke Voss", Monthly(28), fixed("2600.00", ("2025-07-01", "2800.00")), "1800", memos=("Privat",)
        ),
    ),
    export=Delimited(
        (
            ("Auftragskonto", constant("DE02280501000090123456")),
            ("Buchungstag", day_first(".")),
            ("Auftraggeber/Empfänger", payee),
            ("Verwendungszweck", description),
            ("Betrag", decimal_comma),
            ("Währung", currency),
            ("Sachkonto", label(CATEGORY)),
        ),
        separator=";",
        encoding="latin-1",
    ),
    slips=(("3400", "4980"), ("4930", "4980"), ("8400", "8401")),
)
