"""Countries, states and the larger towns, as the ends of card strings name them.

Towns: those that statement lines are likeliest to end in: of the United Kingdom and Ireland from some
90,000 people
on, elsewhere in Europe from some 200,000 (100,000 in Germany),
the fifty largest of the United States. Plain facts,
written down by hand. A town not among them is found by where it stands
(:mod:`likewise_engine.wording.lines`).
"""

from typing import Final

from likewise_engine.wording.words import words

_CODES: Final = (
    "ad ae al ar at au ba be bg br ca ch cl cn co cy cz de dk ee eg es fi fr gb ge gi gr hk hr hu id ie"
    " il in is it jp"
    " kr li lt lu lv ma mc me mk mt mx my nl no nz pe ph pl pt qa ro rs ru sa se sg si sk sm th tn tr tw"
    " ua uk us vn za"
)
_LONG_CODES: Final = {
    "are": "AE", "aus": "AU", "aut": "AT", "bel": "BE", "bgr": "BG", "bra": "BR", "can": "CA",
    "che": "CH", "chn": "CN",
    "cyp": "CY", "cze": "CZ", "deu": "DE", "dnk": "DK", "esp": "ES", "est": "EE", "fin": "FI",
    "fra": "FR", "gbr": "GB",
    "grc": "GR", "hkg": "HK", "hrv": "HR", "hun": "HU", "ind": "IN", "irl": "IE", "isl": "IS",
    "isr": "IL", "ita": "IT",
    "jpn": "JP", "ltu": "LT", "lux": "LU", "lva": "LV", "mar": "MA", "mex": "MX", "mlt": "MT",
    "nld": "NL", "nor": "NO",
    "nzl": "NZ", "pol": "PL", "prt": "PT", "rou": "RO", "rus": "RU", "sgp": "SG", "srb": "RS",
    "svk": "SK", "svn": "SI",
    "swe": "SE", "tha": "TH", "tur": "TR", "ukr": "UA", "usa": "US", "zaf": "ZA",
}  # fmt: skip
_NAMES: Final = {
    "united kingdom": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "ireland": "IE",
    "germany": "DE", "deutschland": "DE", "austria": "AT", "österreich": "AT", "switzerland": "CH",
    "schweiz": "CH",
    "france": "FR", "spain": "ES", "españa": "ES", "espana": "ES", "italy": "IT", "italia": "IT",
    "netherlands": "NL",
    "nederland": "NL", "belgium": "BE", "belgie": "BE", "belgië": "BE", "belgique": "BE",
    "luxembourg": "LU",
    "denmark": "DK", "danmark": "DK", "sweden": "SE", "sverige": "SE", "norway": "NO", "norge": "NO",
    "finland": "FI",
    "suomi": "FI", "poland": "PL", "polska": "PL", "portugal": "PT", "usa": "US", "united states": "US",
    "niemcy": "DE",
    "czech republic": "CZ", "hungary": "HU", "greece": "GR", "wielka brytania": "GB", "irlandia": "IE",
}  # fmt: skip
COUNTRIES: Final = {
    **{code: "GB" if code == "uk" else code.upper() for code in _CODES.split()},
    **_LONG_CODES,
    **_NAMES,
}
"""ISO 3166-1 alpha-2 by code or name, folded."""

STATES: Final = words(
    """
    al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny
    nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy dc on qc bc ab
    """
)
"""Of the United States, and PROVINCES: behind a town, in capitals."""
PROVINCES: Final = words("on qc bc ab")
"""Of Canada: the four largest."""

UNSURE_CODES: Final = words("it is no me in co at se sa al ar li mc id us ie de be my")
"""Of countries, and words too: only behind a town, or a mark."""
UNSURE_STATES: Final = words("in or me hi ok oh pa ma la id co al ar de")
"""Likewise of states."""

_IN_THE_US: Final = """
    new york, los angeles, chicago, houston, phoenix, philadelphia, san antonio, san diego, dallas,
    austin,
    jacksonville, san jose, fort worth, columbus, charlotte, indianapolis, san francisco, seattle,
    denver, oklahoma city,
    nashville, washington, el paso, las vegas, boston, detroit, portland, louisville, memphis,
    baltimore, milwaukee,
    albuquerque, tucson, fresno, sacramento, atlanta, kansas city, colorado springs, omaha, raleigh,
    miami,
    virginia beach, long beach, oakland, minneapolis, tampa, tulsa, arlington, new orleans, cleveland,
    honolulu,
    pittsburgh, cincinnati, st louis, saint louis, orlando, brooklyn, cupertino, mountain view,
    palo alto, san mateo,
    santa monica, salt lake city, menlo park
"""
US_TOWNS: Final = frozenset(town.strip() for town in _IN_THE_US.split(","))
TOWNS: Final = US_TOWNS | frozenset(
    town.strip()
    for towns in (
        # United Kingdom and Ireland
        """london, birmingham, leeds, glasgow, sheffield, bradford, manchester, edinburgh, liverpool,
        bristol, cardiff,
        leicester, wakefield, coventry, nottingham, newcastle, newcastle upon tyne, doncaster,
        milton keynes, salford,
        sunderland, brighton, wolverhampton, kingston upon hull, hull, plymouth, derby, stoke-on-trent,
        southampton,
        swansea, rotherham, barnsley, oxford, belfast, aberdeen, dundee, warrington, luton, bolton,
        portsmouth,
        bournemouth, middlesbrough, norwich, peterborough, swindon, croydon, slough, watford,
        huddersfield, york,
        ipswich, blackpool, preston, stockport, telford, gloucester, cambridge, exeter, eastbourne,
        colchester, crawley,
        blackburn, cheltenham, oldham, sutton coldfield, rochdale, solihull, gateshead, worthing,
        basildon, woking,
        chelmsford, rochester, wigan, maidstone, crewe, harrogate, halifax, burnley, lincoln, guildford,
        walsall,
        dudley, west bromwich, northampton, hounslow, wembley, ealing, stratford, wimbledon, greenwich,
        dublin, cork,
        galway, limerick, waterford, newport, inverness, perth, stirling, bedford, hemel hempstead,
        stevenage, st albans,
        grimsby, southend, southend-on-sea, darlington, hartlepool, carlisle, lancaster, chester, worcester,
        shrewsbury, hereford, canterbury, hastings, dover, weston-super-mare, taunton, poole, basingstoke,
        redditch""",
        # Germany, Austria, Switzerland
        """berlin, hamburg, münchen, muenchen, munich, köln, koeln, frankfurt, frankfurt am main,
        stuttgart, düsseldorf,
        duesseldorf, leipzig, dortmund, bremen, dresden, hannover, nürnberg, nuernberg, duisburg, bochum,
        wuppertal, bielefeld, bonn, münster, muenster, mannheim, karlsruhe, augsburg, wiesbaden,
        mönchengladbach,
        gelsenkirchen, aachen, braunschweig, kiel, chemnitz, halle, magdeburg, freiburg, krefeld, mainz,
        lübeck,
        luebeck, erfurt, oberhausen, rostock, kassel, hagen, saarbrücken, potsdam, ludwigshafen,
        oldenburg, leverkusen,
        osnabrück, solingen, heidelberg, darmstadt, regensburg, paderborn, ingolstadt, würzburg,
        wuerzburg, fürth, ulm,
        heilbronn, pforzheim, wolfsburg, göttingen, bottrop, reutlingen, koblenz, bremerhaven, erlangen,
        bergisch gladbach,
        remscheid, trier, recklinghausen, jena, moers, salzgitter, siegen, gütersloh, hildesheim, hanau,
        cottbus,
        kaiserslautern, wien, vienna, graz, linz, salzburg, innsbruck, klagenfurt, wels, zürich, zuerich,
        zurich, genf,
        geneve, genève, basel, bern, lausanne, luzern, winterthur, st. gallen, lugano""",
        # France, Belgium, Luxembourg, the Netherlands
        """paris, marseille, lyon, toulouse, nantes, montpellier, strasbourg, bordeaux, lille, rennes,
        reims, toulon,
        saint-etienne, st etienne, le havre, grenoble, dijon, angers, villeurbanne, nimes, nîmes,
        clermont-ferrand,
        aix-en-provence, brest, amiens, limoges, annecy, perpignan, metz, besancon, orleans, orléans,
        rouen, mulhouse,
        caen, nancy, bruxelles, brussel, brussels, antwerpen, gent, charleroi, liege, liège, brugge,
        namur, leuven,
        mechelen, luxembourg, amsterdam, rotterdam, den haag, 's-gravenhage, utrecht, eindhoven,
        groningen, tilburg,
        almere, breda, nijmegen, apeldoorn, haarlem, arnhem, enschede, amersfoort, zaandam, den bosch,
        's-hertogenbosch,
        zwolle, leiden, maastricht, dordrecht, zoetermeer, delft, alkmaar, hilversum, leeuwarden,
        schiphol, hoofddorp""",
        # Spain, Portugal, Italy
        """madrid, barcelona, valencia, sevilla, zaragoza, málaga, malaga, murcia, palma,
        palma de mallorca, las palmas,
        bilbao, alicante, córdoba, cordoba, valladolid, vigo, gijón, gijon, hospitalet, vitoria, granada,
        elche, oviedo,
        badalona, cartagena, terrassa, jerez, sabadell, móstoles, mostoles, alcalá de henares, pamplona,
        fuenlabrada,
        almería, leganés, san sebastian, donostia, burgos, santander, castellón, albacete, getafe,
        alcorcón, salamanca,
        a coruña, la coruña, a coruna, logroño, lisboa, lisbon, porto, braga, coimbra, setubal, faro,
        aveiro, roma, rome,
        milano, milan, napoli, torino, palermo, genova, bologna, firenze, bari, catania, venezia, verona,
        messina, padova,
        trieste, brescia, parma, prato, taranto, modena, reggio emilia, reggio calabria, perugia, ravenna,
        livorno,
        cagliari, rimini, foggia, ferrara, salerno, sassari, monza, bergamo, siracusa, pescara, trento,
        forlì, vicenza,
        bolzano, piacenza, novara, udine, ancona, lecce, lucca, pisa, pavia""",
        # Northern and eastern Europe
        """københavn, kobenhavn, copenhagen, kbh, aarhus, århus, odense, aalborg, esbjerg, randers,
        kolding, horsens, vejle,
        roskilde, stockholm, göteborg, goteborg, malmö, malmo, uppsala, västerås, örebro, linköping,
        linkoping, helsingborg,
        jönköping, norrköping, lund, umeå, gävle, borås, solna, oslo, bergen, trondheim, stavanger,
        drammen, fredrikstad,
        kristiansand, sandnes, tromsø, tromso, helsinki, espoo, tampere, vantaa, oulu, turku, jyväskylä,
        lahti, kuopio,
        warszawa, warsaw, kraków, krakow, łódź, lodz, wrocław, wroclaw, poznań, poznan, gdańsk, gdansk,
        szczecin,
        bydgoszcz, lublin, białystok, bialystok, katowice, gdynia, częstochowa, radom, sosnowiec, toruń,
        kielce, rzeszów,
        gliwice, olsztyn, praha, prague, brno, ostrava, plzeň, bratislava, košice, budapest, debrecen,
        szeged,
        bucuresti, bucharest, cluj-napoca, timisoara, sofia, athens, athina, thessaloniki, zagreb,
        ljubljana,
        vilnius, riga, tallinn, istanbul, ankara""",
        # Further
        """toronto, montreal, vancouver, calgary, ottawa, sydney,
        melbourne,
        brisbane, auckland, singapore, hong kong, dubai, tokyo""",
    )
    for town in towns.split(",")
)
TOWN_WORDS_MAX: Final = 4
TWO_WORD_TOWNS: Final = words(
    """
    new los las san santa st saint fort el long palo salt mountain menlo north south east west port
    grand la le mount lake great little upper lower den sint bad sankt stoke milton santo são sao
    """
)
"""First words of towns of two words."""
