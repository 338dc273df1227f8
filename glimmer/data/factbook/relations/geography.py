"""Facts of land, water, nature and settlement."""

from glimmer.data.factbook.extract import any_item, first, first_item, keyed, label_by_number, matched
from glimmer.data.factbook.relations.base import relation

RELATIONS = (
    relation(
        "location",
        "Location",
        matched(r"^(?P<a>[^,;(]+)"),
        """Where is {c} located?
        In which part of the world does {c} lie?
        What is the location of {c}?""",
        "location\nregion of the world",
        """{c} is located in {a}.
        The location of {c} is {a}.""",
    ),
    relation(
        "bordering_water",
        "Location",
        matched(r"bordering (?:the )?(?P<a>[A-Z][^,;(]*?(?:Sea|Ocean|Gulf|Bay|Gulf of [A-Z]\w+|Bay of [A-Z]\w+))\b"),
        """Which body of water does {c} border?
        On which sea or ocean does {c} lie?
        Which water is named as bordering {c} in its location?""",
        "bordering water\nsea or ocean it borders",
        """{c} borders the {a}.
        The {a} borders {c}.""",
    ),
    relation(
        "map_reference",
        "Map references",
        first,
        """In which map reference is {c} listed?
        Under which map reference does {c} appear?
        What is the map reference of {c}?""",
        "map references\nmap reference",
        """The map reference of {c} is {a}.
        {c} appears in the map reference {a}.""",
    ),
    relation(
        "area_comparison",
        "Area - comparative",
        first,
        """How does the area of {c} compare with others?
        What is the comparative area of {c}?
        To what is the size of {c} compared?""",
        "comparative area\narea compared with others",
        """The area of {c} is {a}.
        In area, {c} is {a}.""",
    ),
    relation(
        "border_country",
        "Land boundaries > border countries",
        keyed(r"(?P<a>[A-Z][^\d;(]*?)(?: \([^()]*\))? (?P<k>[\d.,]+ km)", r";"),
        """Which country shares a land border of {k} with {c}?
        With which neighbor does {c} have a boundary of {k}?
        What border country has a {k} land boundary with {c}?""",
        "border country with {k}\nneighbor along {k} of land boundary",
        """{a} shares a land border of {k} with {c}.
        {c} has a land boundary of {k} with {a}.""",
        """the country that shares a land border of {k} with {c}
        the neighbor that has a boundary of {k} with {c}""",
    ),
    relation(
        "climate",
        "Climate",
        first,
        """What kind of climate does {c} have?
        How is the climate of {c} described?
        What is the climate of {c}?""",
        "climate\nkind of climate",
        """The climate of {c} is {a}.
        {c} has a climate described as {a}.""",
    ),
    relation(
        "terrain",
        "Terrain",
        first,
        """What is the terrain of {c}?
        How is the terrain of {c} described?
        What kind of landscape or terrain does {c} have?""",
        "terrain\nlandscape",
        """The terrain of {c} is {a}.
        {c} has a terrain described as {a}.""",
    ),
    relation(
        "highest_point",
        "Elevation > highest point",
        matched(r"^(?P<a>(?!unnamed)[^;(]*?)(?: \([^()]*\))? -?[\d.,]+ m\b"),
        """What is the highest point of {c}?
        Which is the highest elevation in {c}?
        Name the highest point in {c}.""",
        "highest point\nhighest elevation",
        """The highest point of {c} is {a}.
        {a} is the highest elevation in {c}.""",
    ),
    relation(
        "lowest_point",
        "Elevation > lowest point",
        matched(r"^(?P<a>(?!unnamed)[^;(]*?)(?: \([^()]*\))? -?[\d.,]+ m\b"),
        """What is the lowest point of {c}?
        Which is the lowest elevation in {c}?
        Name the lowest point in {c}.""",
        "lowest point\nlowest elevation",
        """The lowest point of {c} is {a}.
        {a} is the lowest elevation in {c}.""",
    ),
    relation(
        "natural_resource",
        "Natural resources",
        any_item,
        """What is one of the natural resources of {c}?
        Name a natural resource of {c}.
        Which natural resource is found in {c}?""",
        "natural resources\nnatural resource",
        """{a} is among the natural resources of {c}.
        The natural resources of {c} include {a}.""",
    ),
    relation(
        "land_use",
        "Land use > *",
        label_by_number,
        """Which land use makes up {k} of {c}?
        In {c}, what kind of land use accounts for {k}?
        For what is {k} of the land in {c} used?""",
        "land use of {k}\nkind of land use with {k}",
        """Land use of {k} in {c} is {a}.
        In {c}, {k} of the land is used as {a}.""",
    ),
    relation(
        "lake",
        "Major lakes (area sq km) > *",
        keyed(r"(?P<a>[A-Z][^\d;(]*?)(?: \([^()]*\))? - (?P<k>[\d.,]+)", r";"),
        """Which major lake in {c} has an area of {k} sq km?
        What is the lake of {k} sq km in {c}?
        Name the lake in {c} that covers {k} sq km.""",
        "major lake of {k} sq km\nlake with an area of {k} sq km",
        """The major lake of {k} sq km in {c} is {a}.
        {a} covers {k} sq km in {c}.""",
    ),
    relation(
        "river",
        "Major rivers (by length in km)",
        keyed(
            r"(?P<a>[A-Z][^\d;(]*?)(?: \([^()]*\))*(?: river)?(?: source| mouth| and)*(?: \([^()]*\))*"
            r" - (?P<k>[\d.,]+ km)",
            r";",
        ),
        """Which major river of {c} is {k} long?
        What is the river in {c} with a length of {k}?
        Name the river of {c} that has a length of {k}.""",
        "major river of {k}\nriver with a length of {k}",
        """The river in {c} with a length of {k} is the {a}.
        The {a} is a river of {c} with a length of {k}.""",
    ),
    relation(
        "watershed",
        "Major watersheds (area sq km) > *",
        keyed(r"(?:^|, |\) )(?P<a>[A-Z][^,;()\d]*?)(?: \([^()\d]*\))? \((?P<k>[\d,]+ sq km)\)"),
        """Which major watershed in {c} covers {k}?
        What watershed of {k} does {c} have?
        Name the watershed in {c} with an area of {k}.""",
        "major watershed of {k}\nwatershed with an area of {k}",
        """The watershed of {k} in {c} is the {a}.
        {a} is a watershed in {c} that covers {k}.""",
    ),
    relation(
        "aquifer",
        "Major aquifers",
        any_item,
        """Which major aquifer lies in {c}?
        Name a major aquifer of {c}.
        What is one of the major aquifers in {c}?""",
        "major aquifers\nmajor aquifer",
        """{a} is among the major aquifers of {c}.
        {c} has the major aquifer {a}.""",
    ),
    relation(
        "natural_hazard",
        "Natural hazards",
        first_item,
        """Which natural hazard is named first for {c}?
        What is the first natural hazard of {c}?
        Which hazard stands first among the natural hazards of {c}?""",
        "first natural hazard\nnatural hazards, first named",
        """The first natural hazard named for {c} is {a}.
        Natural hazards of {c} begin with {a}.""",
    ),
    relation(
        "volcano",
        "Natural hazards",
        keyed(r"(?P<a>[A-Z][\w'.-]+(?: [A-Z][\w'.-]+){0,3}) \((?P<k>[\d,]+ m)\)"),
        """Which volcano in {c} is {k} high?
        What is the volcano of {k} in {c}?
        Name the volcano in {c} that rises to {k}.""",
        "volcano of {k}\nvolcano with a height of {k}",
        """The volcano of {k} in {c} is {a}.
        {a} is a volcano of {k} in {c}.""",
    ),
    relation(
        "environmental_issue",
        "Environmental issues",
        any_item,
        """What is one of the environmental issues of {c}?
        Name an environmental issue in {c}.
        Which environmental problem does {c} face?""",
        "environmental issues\nenvironmental issue",
        """{a} is among the environmental issues of {c}.
        {c} faces the environmental issue of {a}.""",
    ),
    relation(
        "environmental_agreement",
        "International environmental agreements > party to",
        any_item,
        """Which international environmental agreement is {c} a party to?
        Name an environmental agreement that {c} is party to.
        To which environmental agreement is {c} a party?""",
        "party to environmental agreements\ninternational environmental agreement, party to",
        """{c} is party to the environmental agreement {a}.
        {a} is among the environmental agreements that {c} is party to.""",
    ),
    relation(
        "unratified_agreement",
        "International environmental agreements > signed, but not ratified",
        any_item,
        """Which environmental agreement has {c} signed but not ratified?
        Name an agreement that {c} signed, but did not ratify.
        What environmental agreement was signed by {c} but not ratified?""",
        "environmental agreement signed, but not ratified\nagreement not ratified",
        """{c} has signed, but not ratified {a}.
        {a} is an environmental agreement signed, but not ratified by {c}.""",
    ),
    relation(
        "emission_source",
        "Carbon dioxide emissions > *",
        label_by_number,
        """What causes {k} metric tonnes of carbon dioxide emissions in {c}?
        From which source do {k} tonnes of CO2 emissions come in {c}?
        In {c}, which fuel accounts for {k} metric tonnes of CO2?""",
        "source of {k} tonnes of carbon dioxide emissions\nfuel behind {k} tonnes of CO2",
        """In {c}, carbon dioxide emissions of {k} metric tonnes come from {a}.
        The source of {k} tonnes of CO2 in {c} is {a}.""",
    ),
    relation(
        "water_use",
        "Total water withdrawal > *",
        label_by_number,
        """Which use takes {k} cubic meters of the water withdrawal in {c}?
        For which use are {k} cubic meters of water withdrawn in {c}?
        What kind of water withdrawal amounts to {k} cubic meters in {c}?""",
        "water withdrawal of {k} cubic meters\nuse of {k} cubic meters of water",
        """In {c}, the {a} water withdrawal is {k} cubic meters.
        {k} cubic meters of water withdrawal in {c} are {a}.""",
    ),
    relation(
        "geopark",
        "Geoparks > global geoparks and regional networks",
        any_item,
        """Which global geopark is in {c}?
        Name a global geopark of {c}.
        What is one of the geoparks of {c}?""",
        "global geoparks\ngeopark",
        """{a} is a global geopark in {c}.
        The geoparks of {c} include {a}.""",
    ),
)
