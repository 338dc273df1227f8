"""Facts of economy, energy, transport, communications and security."""

from glimmer.data.factbook.extract import any_item, first, first_item, keyed, label_by_number, matched, shares
from glimmer.data.factbook.relations.base import Relation, relation


def _partner(way: str, verb: str) -> tuple[Relation, ...]:
    """The relations of one direction of trade."""
    noun = way.lower().removesuffix("s")
    return (
        relation(
            f"{noun}_partner",
            f"{way} - partners",
            first_item,
            f"""What is the main {noun} partner of {{c}}?
            Which country has the largest share among the {noun} partners of {{c}}?
            Name the top {noun} partner of {{c}}.""",
            f"main {noun} partner\ntop {noun} partner",
            f"""The main {noun} partner of {{c}} is {{a}}.
            {{a}} is the top {noun} partner of {{c}}.""",
            f"""the main {noun} partner of {{c}}
            the top {noun} partner of {{c}}
            the country with the largest share among the {noun} partners of {{c}}""",
        ),
        relation(
            f"{noun}_share",
            f"{way} - partners",
            shares,
            f"""Which {noun} partner of {{c}} has a share of {{k}}?
            With which country does {{c}} have {{k}} of its {way.lower()}?
            Which country {verb} {{k}} of the {way.lower()} of {{c}}?""",
            f"{noun} partner with {{k}}\npartner with a share of {{k}} of {way.lower()}",
            f"""The {noun} partner of {{c}} with a share of {{k}} is {{a}}.
            {{a}} has a share of {{k}} among the {noun} partners of {{c}}.""",
            f"""the {noun} partner that has a share of {{k}} with {{c}}
            the partner country that {verb} {{k}} of the {way.lower()} of {{c}}""",
        ),
        relation(
            f"{noun}_commodity",
            f"{way} - commodities",
            first_item,
            f"""What is the main {noun} commodity of {{c}}?
            Which commodity comes first among the {way.lower()} of {{c}}?
            Name the top {noun} commodity of {{c}}.""",
            f"main {noun} commodity\ntop commodity of its {way.lower()}",
            f"""The main {noun} commodity of {{c}} is {{a}}.
            {{a}} come first among the {noun} commodities of {{c}}.""",
        ),
        relation(
            f"{noun}_commodities",
            f"{way} - commodities",
            any_item,
            f"""What is one of the {noun} commodities of {{c}}?
            Name a commodity among the {way.lower()} of {{c}}.
            Which commodity belongs to the {way.lower()} of {{c}}?""",
            f"{noun} commodities\ncommodities of its {way.lower()}",
            f"""{{a}} are among the {noun} commodities of {{c}}.
            The {noun} commodities of {{c}} include {{a}}.""",
        ),
    )


def _sector(name: str, field: str, noun: str, whole: str) -> Relation:
    return relation(
        name,
        f"{field} > *",
        label_by_number,
        f"""Which {noun} accounts for {{k}} of {whole} in {{c}}?
        In {{c}}, what {noun} has a share of {{k}} of {whole}?
        Name the {noun} that makes up {{k}} of {whole} in {{c}}.""",
        f"{noun} with {{k}} of {whole}\nshare of {{k}} in {whole}",
        f"""In {{c}}, the {noun} with {{k}} of {whole} is {{a}}.
        {{a}} makes up {{k}} of {whole} in {{c}}.""",
    )


RELATIONS = (
    relation(
        "economy",
        "Economic overview",
        first,
        """What kind of economy does {c} have?
        How is the economy of {c} described at first?
        What does the economic overview of {c} say first?""",
        "economic overview\nkind of economy",
        """The economy of {c} is described as {a}.
        The economic overview of {c} begins with {a}.""",
    ),
    relation(
        "agricultural_product",
        "Agricultural products",
        first_item,
        """What is the main agricultural product of {c}?
        Which agricultural product of {c} is named first?
        Name the top agricultural product of {c}.""",
        "main agricultural product\nagricultural products, first named",
        """The main agricultural product of {c} is {a}.
        {a} is named first among the agricultural products of {c}.""",
    ),
    relation(
        "agricultural_products",
        "Agricultural products",
        any_item,
        """What is one of the agricultural products of {c}?
        Name an agricultural product of {c}.
        Which product does the agriculture of {c} yield?""",
        "agricultural products\nagricultural product",
        """{a} is among the agricultural products of {c}.
        The agricultural products of {c} include {a}.""",
    ),
    relation(
        "industry",
        "Industries",
        any_item,
        """What is one of the industries of {c}?
        Name an industry of {c}.
        Which industry is found in {c}?""",
        "industries\nindustry",
        """{a} is among the industries of {c}.
        The industries of {c} include {a}.""",
    ),
    relation(
        "main_industry",
        "Industries",
        first_item,
        """Which industry of {c} is named first?
        What is the first of the industries of {c}?
        With which industry does the list of industries of {c} begin?""",
        "first industry\nindustries, first named",
        """The first of the industries of {c} is {a}.
        The industries of {c} begin with {a}.""",
    ),
    *_partner("Exports", "takes"),
    *_partner("Imports", "supplies"),
    _sector("gdp_sector", "GDP - composition, by sector of origin", "sector", "GDP"),
    _sector("gdp_use", "GDP - composition, by end use", "end use", "GDP"),
    _sector("energy_source", "Electricity generation sources", "source", "electricity generation"),
    relation(
        "currency",
        "Exchange rates > Currency",
        matched(r"^(?P<a>[^()]+?)(?: \((?P<b>[A-Z]{3})\))? per", "a", "b"),
        """What is the currency of {c}?
        Which currency is used in {c}?
        In which currency are the exchange rates of {c} given?""",
        "currency\ncurrency in exchange rates",
        """The currency of {c} is the {a}.
        The exchange rates of {c} are given in {a}.""",
    ),
    relation(
        "currency_code",
        "Exchange rates > Currency",
        matched(r"\((?P<a>[A-Z]{3})\) per"),
        """What is the code of the currency of {c}?
        Which code stands for the currency of {c} in exchange rates?
        Name the three-letter currency code of {c}.""",
        "currency code\ncode of the currency",
        """The code of the currency of {c} is {a}.
        {a} is the currency code of {c}.""",
    ),
    relation(
        "internet_code",
        "Internet country code",
        matched(r"^(?P<a>\.\w+)"),
        """What is the internet country code of {c}?
        Which internet domain belongs to {c}?
        Name the internet country code of {c}.""",
        "internet country code\ninternet domain",
        """The internet country code of {c} is {a}.
        {a} is the internet country code of {c}.""",
    ),
    relation(
        "aircraft_prefix",
        "Civil aircraft registration country code prefix",
        matched(r"^(?P<a>[A-Z0-9]+)"),
        """What is the prefix of civil aircraft registrations of {c}?
        Which country code prefix do civil aircraft of {c} carry?
        Name the civil aircraft registration prefix of {c}.""",
        "civil aircraft registration prefix\ncountry code prefix of civil aircraft",
        """The civil aircraft registration prefix of {c} is {a}.
        Civil aircraft of {c} carry the country code prefix {a}.""",
    ),
    relation(
        "broadcast",
        "Broadcast media",
        first,
        """What is said first of the broadcast media of {c}?
        How are the broadcast media of {c} described at first?
        What kind of broadcast media does {c} have?""",
        "broadcast media\nkind of broadcast media",
        """Of the broadcast media of {c} it is said first: {a}.
        The broadcast media of {c} are described as {a}.""",
    ),
    relation(
        "ship_type",
        "Merchant marine > by type",
        keyed(r"(?:^|, )(?P<a>[a-z][a-z/ -]*?) (?P<k>[\d,]*\d)(?=,|;|$)"),
        """Of which type does the merchant marine of {c} have {k} ships?
        Which type of ship in the merchant marine of {c} numbers {k}?
        What ship type has {k} vessels in {c}?""",
        "merchant marine, ship type with {k}\ntype of its {k} merchant ships",
        """In the merchant marine of {c}, the type with {k} ships is {a}.
        The merchant marine of {c} has {k} ships of the type {a}.""",
    ),
    relation(
        "port",
        "Ports > key ports",
        any_item,
        """What is one of the key ports of {c}?
        Name a key port of {c}.
        Which port is a key port in {c}?""",
        "key ports\nkey port",
        """{a} is among the key ports of {c}.
        The key ports of {c} include {a}.""",
    ),
    relation(
        "military",
        "Military and security forces",
        matched(r"^(?P<a>[A-Z][^;:,()]*?)(?: \([^()]*\))?[:;]"),
        """What are the military forces of {c} called?
        What is the name of the military and security forces of {c}?
        Which forces are named first among the military and security forces of {c}?""",
        "military and security forces\nname of its military forces",
        """The military and security forces of {c} are the {a}.
        The military of {c} is called {a}.""",
    ),
    relation(
        "deployment",
        "Military deployments",
        keyed(r"(?P<k>[\d,]+)(?: \([^()]*\))? (?P<a>[A-Z][^();]*?) \(", r";"),
        """Where has {c} deployed {k} military personnel?
        In which country or region are {k} troops of {c}?
        What is the place of the military deployment of {k} by {c}?""",
        "military deployment of {k}\nplace of its {k} deployed troops",
        """{c} has a military deployment of {k} in {a}.
        In {a}, {c} has deployed {k} troops.""",
    ),
    relation(
        "trafficking_tier",
        "Trafficking in persons > tier rating",
        matched(r"^(?P<a>Tier \d(?: Watch List)?)"),
        """What is the tier rating of {c} for trafficking in persons?
        Which tier does {c} have for trafficking in persons?
        How is {c} rated with regard to trafficking in persons?""",
        "trafficking in persons, tier rating\ntier rating for trafficking",
        """The tier rating of {c} for trafficking in persons is {a}.
        For trafficking in persons, {c} is rated {a}.""",
    ),
)
