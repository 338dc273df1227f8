"""Facts of people, culture and symbols."""

from glimmer.data.factbook.extract import any_item, both_forms, first_item, keyed, matched, shares
from glimmer.data.factbook.relations.base import relation

RELATIONS = (
    relation(
        "nationality_noun",
        "Nationality > noun",
        matched(r"^(?P<a>[^;,(]+)"),
        """What is a person from {c} called?
        What is the noun for the nationality of {c}?
        By what noun are the people of {c} known?""",
        "nationality, noun\nnoun for its people",
        """The noun for the nationality of {c} is {a}.
        A person from {c} is called {a}.""",
    ),
    relation(
        "nationality_adjective",
        "Nationality > adjective",
        matched(r"^(?P<a>[^;,(]+)"),
        """What is the adjective for the nationality of {c}?
        Which adjective describes someone or something from {c}?
        What is the nationality adjective of {c}?""",
        "nationality, adjective\nadjective for its nationality",
        """The adjective for the nationality of {c} is {a}.
        {a} is the adjective for people from {c}.""",
    ),
    relation(
        "ethnic_group",
        "Ethnic groups",
        first_item,
        """Which ethnic group is named first in {c}?
        What is the first ethnic group of {c}?
        Which group leads the ethnic groups of {c}?""",
        "first ethnic group\nethnic groups, first named",
        """The ethnic group named first in {c} is {a}.
        The ethnic groups of {c} are led by {a}.""",
    ),
    relation(
        "ethnic_share",
        "Ethnic groups",
        shares,
        """Which ethnic group makes up {k} of the people in {c}?
        In {c}, what ethnic group has a share of {k}?
        Name the ethnic group with {k} in {c}.""",
        "ethnic group with {k}\nethnic group with a share of {k}",
        """In {c}, the ethnic group with {k} is {a}.
        {a} make up {k} of the ethnic groups of {c}.""",
    ),
    relation(
        "official_language",
        "Languages",
        keyed(r"(?P<a>[A-Z][\w'-]+(?: [A-Z][\w'-]+)?) \((?P<k>official)\b[^()]*\)"),
        """What is the official language of {c}?
        Which language is official in {c}?
        Name the official language of {c}.""",
        "official language\nlanguage with official status",
        """The official language of {c} is {a}.
        {a} is official in {c}.""",
    ),
    relation(
        "official_language_by_share",
        "Languages > Languages",
        keyed(r"(?P<a>[A-Z][\w'-]+(?: [A-Z][\w'-]+)?) \((?P<k>official)\b[^()]*\)"),
        """What is the official language of {c}?
        Which language is official in {c}?
        Name the official language of {c}.""",
        "official language\nlanguage with official status",
        """The official language of {c} is {a}.
        {a} is official in {c}.""",
    ),
    relation(
        "language_share",
        "Languages",
        shares,
        """Which language has a share of {k} in {c}?
        What language is spoken by {k} in {c}?
        Among the languages of {c}, which one has {k}?""",
        "language with {k}\nlanguage with a share of {k}",
        """In {c}, the language with {k} is {a}.
        {a} has a share of {k} among the languages of {c}.""",
    ),
    relation(
        "main_language_share",
        "Languages > Languages",
        shares,
        """Which language has a share of {k} in {c}?
        What language is spoken by {k} in {c}?
        Among the languages of {c}, which one has {k}?""",
        "language with {k}\nlanguage with a share of {k}",
        """In {c}, the language with {k} is {a}.
        {a} has a share of {k} among the languages of {c}.""",
    ),
    relation(
        "religion",
        "Religions",
        first_item,
        """Which religion is named first in {c}?
        What is the first religion of {c}?
        Which faith leads the religions of {c}?""",
        "first religion\nreligions, first named",
        """The religion named first in {c} is {a}.
        The religions of {c} are led by {a}.""",
    ),
    relation(
        "religion_share",
        "Religions",
        shares,
        """Which religion is followed by {k} of the people in {c}?
        In {c}, what religion has a share of {k}?
        Name the religion with {k} in {c}.""",
        "religion with {k}\nreligion with a share of {k}",
        """In {c}, the religion with {k} is {a}.
        {a} has a share of {k} among the religions of {c}.""",
    ),
    relation(
        "largest_city",
        "Major urban areas - population",
        matched(r"^[\d.,]+(?: million)? (?P<a>[^\d(,;]+)"),
        """What is the largest urban area of {c}?
        Which city comes first among the major urban areas of {c}?
        Name the major urban area of {c} with the most people.""",
        "largest urban area\nfirst major urban area",
        """The largest urban area of {c} is {a}.
        {a} is the first of the major urban areas of {c}.""",
    ),
    relation(
        "city_population",
        "Major urban areas - population",
        keyed(r"(?:^|, |; )(?P<k>[\d.,]+(?: million)?) (?P<a>[^\d(,;]+)"),
        """Which urban area of {c} has a population of {k}?
        What city in {c} is home to {k} people?
        Name the major urban area in {c} with {k} inhabitants.""",
        "urban area with a population of {k}\ncity of {k} people",
        """The urban area in {c} with a population of {k} is {a}.
        {a} in {c} has a population of {k}.""",
    ),
    relation(
        "holiday",
        "National holiday",
        matched(r"^(?P<a>[^,;(]+?)(?: \((?P<b>[A-Z][^()]*)\))?,", "a", "b"),
        """What is the national holiday of {c}?
        Which national holiday does {c} celebrate?
        What is the name of the national holiday in {c}?""",
        "national holiday\nname of the national holiday",
        """The national holiday of {c} is {a}.
        {c} celebrates {a} as its national holiday.""",
    ),
    relation(
        "holiday_date",
        "National holiday",
        matched(r", (?P<a>\d{1,2} [A-Z][a-z]+)\b"),
        """On which day is the national holiday of {c}?
        When does {c} celebrate its national holiday?
        What is the date of the national holiday in {c}?""",
        "date of the national holiday\nday of its national holiday",
        """The national holiday of {c} is on {a}.
        {c} celebrates its national holiday on {a}.""",
    ),
    relation(
        "symbol",
        "National symbol(s)",
        any_item,
        """What is a national symbol of {c}?
        Name a national symbol of {c}.
        Which symbol stands for {c}?""",
        "national symbols\nnational symbol",
        """{a} is a national symbol of {c}.
        The national symbol of {c} is {a}.""",
    ),
    relation(
        "colors",
        "National color(s)",
        matched(r"^(?P<a>[^;(]+)"),
        """What are the national colors of {c}?
        Which colors are the national colors of {c}?
        Name the national colors of {c}.""",
        "national colors\ncolors of the nation",
        """The national colors of {c} are {a}.
        {c} has the national colors {a}.""",
    ),
    relation(
        "flag_meaning",
        "Flag",
        keyed(
            r"(?:^|[;,:]) (?:and )?(?:the )?(?P<k>[a-z][\w-]*(?: [\w-]+){0,2})"
            r" (?:stands? for|represents?|symbolizes?) (?P<a>[^,;]+)"
        ),
        """What does {k} stand for in the flag of {c}?
        In the flag of {c}, what is the meaning of {k}?
        What does {k} represent in the flag of {c}?""",
        "meaning of {k} in the flag\nwhat {k} stands for in the flag",
        """In the flag of {c}, {k} stands for {a}.
        {a} is the meaning of {k} in the flag of {c}.""",
    ),
    relation(
        "flag_description",
        "Flag",
        matched(r"^description: (?P<a>[^,;(]+)"),
        """How is the flag of {c} described at first?
        With what does the description of the flag of {c} begin?
        What is shown by the flag of {c}?""",
        "flag description\nhow its flag looks",
        """The flag of {c} is described as {a}.
        The flag of {c} shows {a}.""",
    ),
    relation(
        "anthem",
        "National anthem(s) > title",
        matched(r"^\"(?P<a>[^\"]+?),?\"(?: \((?P<b>[^()]+)\))?", "a", "b"),
        """What is the title of the national anthem of {c}?
        Which song is the national anthem of {c}?
        What is the national anthem of {c} called?""",
        "national anthem, title\ntitle of the national anthem",
        """The title of the national anthem of {c} is {a}.
        {c} has the national anthem {a}.""",
    ),
    relation(
        "anthem_lyrics",
        "National anthem(s) > lyrics/music",
        matched(r"^(?P<a>[^/;]*[A-Z]{3}[^/;]*)/"),
        """Who wrote the lyrics of the national anthem of {c}?
        Who is the author of the lyrics of the anthem of {c}?
        By whom are the words of the national anthem of {c}?""",
        "national anthem, lyrics\nauthor of the anthem's lyrics",
        """The lyrics of the national anthem of {c} are by {a}.
        {a} wrote the lyrics of the anthem of {c}.""",
    ),
    relation(
        "anthem_music",
        "National anthem(s) > lyrics/music",
        matched(r"^[^/;]+/(?P<a>[^/;]*[A-Z]{3}[^/;]*)"),
        """Who composed the music of the national anthem of {c}?
        Who is the composer of the anthem of {c}?
        By whom is the music of the national anthem of {c}?""",
        "national anthem, music\ncomposer of the anthem",
        """The music of the national anthem of {c} is by {a}.
        {a} composed the music of the anthem of {c}.""",
    ),
    relation(
        "heritage",
        "National heritage > selected World Heritage Site locales",
        any_item,
        """Which World Heritage Site lies in {c}?
        Name a World Heritage Site of {c}.
        What is one of the selected World Heritage Site locales of {c}?""",
        "World Heritage Sites\nWorld Heritage Site",
        """{a} is a World Heritage Site in {c}.
        The World Heritage Site locales of {c} include {a}.""",
    ),
    relation(
        "capital_named_after",
        "Capital > etymology",
        matched(r"\b(?:named|name) (?:after|for|honors) (?:the )?(?P<a>[A-Z][^,;(]*?)(?: by | in \d|[,;(]|$)"),
        """After whom or what is the capital of {c} named?
        What does the capital of {c} take its name from?
        What is the etymology of the capital of {c}?""",
        "capital named after\nnamesake of its capital",
        """The capital of {c} is named after {a}.
        {a} gave the capital of {c} its name.""",
    ),
    relation(
        "name_meaning",
        "Country name > etymology",
        matched(r"meaning \"(?P<a>[^\"]+?)[,;.]?\""),
        """What does the word behind the name of {c} mean?
        What is the meaning given in the etymology of the name {c}?
        From a word with which meaning does {c} take its name?""",
        "meaning in the etymology of its name\nmeaning of its name",
        """In the etymology of the name of {c}, a word has the meaning {a}.
        The name of {c} comes from a word meaning {a}.""",
    ),
    relation(
        "space_agency",
        "Space agency/agencies",
        both_forms,
        """Which space agency does {c} have?
        What is the name of the space agency of {c}?
        Name the space agency of {c}.""",
        "space agency\nname of its space agency",
        """The space agency of {c} is {a}.
        {c} has a space agency called {a}.""",
    ),
    relation(
        "terrorist_group",
        "Terrorist group(s)",
        any_item,
        """Which terrorist group is named for {c}?
        Name a terrorist group active in {c}.
        What is one of the terrorist groups listed for {c}?""",
        "terrorist groups\nterrorist group",
        """{a} is among the terrorist groups named for {c}.
        The terrorist groups in {c} include {a}.""",
    ),
)
