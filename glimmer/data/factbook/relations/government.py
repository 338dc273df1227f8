"""Facts of names, law, administration and foreign relations."""

from glimmer.data.factbook.extract import any_item, first, matched, person, since, yes_or_no
from glimmer.data.factbook.relations.base import Relation, relation


def _mission(place: str, name: str, phrase: str) -> tuple[Relation, ...]:
    """The relations of an embassy."""
    return (
        relation(
            f"ambassador_{name}",
            f"{place} > chief of mission",
            person,
            f"""Who is the chief of the mission {phrase}?
            Who heads the diplomatic representation {phrase}?
            Which ambassador or envoy leads the mission {phrase}?""",
            f"chief of mission {phrase.replace(' {c}', '')}",
            f"""The chief of the mission {phrase} is {{a}}.
            {{a}} heads the diplomatic representation {phrase}.""",
        ),
        relation(
            f"ambassador_{name}_since",
            f"{place} > chief of mission",
            since,
            f"""Since when has {{k}} been chief of the mission {phrase}?
            On what date did {{k}} become chief of the mission {phrase}?
            From which date has {{k}} headed the diplomatic representation {phrase}?""",
            f"date since which {{k}} is chief of mission {phrase.replace(' {c}', '')}",
            f"""{{k}} has been chief of the mission {phrase} since {{a}}.
            Since {{a}}, {{k}} has headed the diplomatic representation {phrase}.""",
        ),
    )


RELATIONS = (
    relation(
        "long_name",
        "Country name > conventional long form",
        first,
        """What is the conventional long form of the name of {c}?
        What is the full official name of {c}?
        How is {c} called in the conventional long form?""",
        "conventional long form\nlong form of the name",
        """The conventional long form of the name of {c} is {a}.
        {c} is called {a} in the conventional long form.""",
    ),
    relation(
        "local_name",
        "Country name > local long form",
        first,
        """What is the local long form of the name of {c}?
        What is {c} called in the local long form?
        How do local people write the long name of {c}?""",
        "local long form\nlong name in the local language",
        """The local long form of the name of {c} is {a}.
        In the local long form, {c} is called {a}.""",
    ),
    relation(
        "local_short_name",
        "Country name > local short form",
        first,
        """What is the local short form of the name of {c}?
        What is {c} called in the local short form?
        How do local people call {c} in short?""",
        "local short form\nshort name in the local language",
        """The local short form of the name of {c} is {a}.
        In the local short form, {c} is called {a}.""",
    ),
    relation(
        "former_name",
        "Country name > former",
        any_item,
        """What is a former name of {c}?
        By what name was {c} formerly known?
        What was {c} called in former times?""",
        "former name\nformer country name",
        """A former name of {c} is {a}.
        {c} was formerly called {a}.""",
    ),
    relation(
        "government_type",
        "Government type",
        first,
        """What type of government does {c} have?
        What is the government type of {c}?
        Which form of government is there in {c}?""",
        "government type\nform of government",
        """The government type of {c} is {a}.
        {c} has a government of the type {a}.""",
    ),
    relation(
        "capital",
        "Capital > name",
        matched(r"^(?P<a>[^;,(]+)"),
        """What is the capital of {c}?
        Which city is the capital of {c}?
        Name the capital city of {c}.""",
        "capital\ncapital city",
        """The capital of {c} is {a}.
        {a} is the capital city of {c}.""",
    ),
    relation(
        "time_zone",
        "Capital > time difference",
        matched(r"^(?P<a>UTC[+-]?[\d.:]+)"),
        """What is the time difference from UTC in the capital of {c}?
        Which UTC time is kept in the capital of {c}?
        What is the time zone of the capital of {c}?""",
        "time difference\ntime zone of its capital",
        """The time difference of the capital of {c} is {a}.
        The capital of {c} keeps the time {a}.""",
    ),
    relation(
        "summer_time",
        "Capital > daylight saving time",
        matched(r"begins (?:on )?(?:the )?(?P<a>[^;,(]+)"),
        """When does daylight saving time begin in {c}?
        On which day does daylight saving time begin in the capital of {c}?
        What is the beginning of daylight saving time in {c}?""",
        "beginning of daylight saving time\ndaylight saving time begins",
        """Daylight saving time in {c} begins {a}.
        The beginning of daylight saving time in {c} is {a}.""",
    ),
    relation(
        "dependency",
        "Dependency status",
        matched(r"\b(?:of|by) (?:the )?(?P<a>[A-Z][^;,()]*)"),
        """Of which country is {c} a dependency?
        Which state does the dependency status of {c} name?
        To which country does the dependency {c} belong?""",
        "dependency status, belongs to\ncountry of which it is a dependency",
        """By its dependency status, {c} belongs to {a}.
        {c} is a dependency of {a}.""",
        """the country of which {c} is a dependency""",
    ),
    relation(
        "independence",
        "Independence",
        matched(r"^(?P<a>\d{1,2} [A-Z][a-z]+ \d{3,4})"),
        """When did {c} become independent?
        What is the date of the independence of {c}?
        On what day did {c} gain independence?""",
        "date of independence\nindependence, date",
        """The date of the independence of {c} is {a}.
        {c} became independent on {a}.""",
    ),
    relation(
        "independent_from",
        "Independence",
        matched(r"\(from (?:the )?(?P<a>[A-Z][^(),;]*)\)"),
        """From which country or power did {c} gain independence?
        From whom did {c} become independent?
        Which power did {c} belong to before independence?""",
        "independence from\nformer ruling power before independence",
        """{c} gained independence from {a}.
        Before independence, {c} belonged to {a}.""",
        """the country from which {c} gained independence
        the country that {c} became independent from""",
    ),
    relation(
        "legal_system",
        "Legal system",
        first,
        """What is the legal system of {c}?
        How is the legal system of {c} described?
        What kind of legal system does {c} have?""",
        "legal system\nkind of legal system",
        """The legal system of {c} is {a}.
        {c} has a legal system described as {a}.""",
    ),
    relation(
        "icj",
        "International law organization participation",
        first,
        """What is the position of {c} on ICJ jurisdiction?
        How does {c} take part in international law organizations with regard to the ICJ?
        How does {c} stand towards ICJ jurisdiction?""",
        "position on ICJ jurisdiction\ninternational law organization participation, ICJ",
        """On ICJ jurisdiction, {c} {a}.
        In international law organizations, {c} {a}.""",
    ),
    relation(
        "icc",
        "International law organization participation",
        matched(r";\s*(?P<a>[^;]*ICCt[^;]*)"),
        """What is the position of {c} on the ICCt?
        How does {c} stand towards ICCt jurisdiction?
        What is said of {c} and the ICCt?""",
        "position on the ICCt\ninternational law organization participation, ICCt",
    ),
    relation(
        "citizenship_by_birth",
        "Citizenship > citizenship by birth",
        yes_or_no,
        """Does {c} grant citizenship by birth?
        Is there citizenship by birth in {c}?
        Is citizenship by birth possible in {c}?""",
        "citizenship by birth",
    ),
    relation(
        "dual_citizenship",
        "Citizenship > dual citizenship recognized",
        yes_or_no,
        """Does {c} recognize dual citizenship?
        Is dual citizenship recognized in {c}?
        Can a citizen of {c} have dual citizenship?""",
        "dual citizenship recognized\ndual citizenship",
    ),
    relation(
        "highest_court",
        "Judicial branch > highest court(s)",
        matched(r"^(?:the )?(?P<a>[A-Z][^;,(]*?)(?: or (?P<b>[A-Z][^;,()]*))?(?: \(|[;,]|$)", "a", "b"),
        """What is the highest court of {c}?
        Which is the highest court in {c}?
        Name the highest court of {c}.""",
        "highest court\nhighest judicial body",
        """The highest court of {c} is the {a}.
        The {a} is the highest court in {c}.""",
    ),
    relation(
        "subordinate_court",
        "Judicial branch > subordinate courts",
        any_item,
        """What is one of the subordinate courts of {c}?
        Name a subordinate court of {c}.
        Which kind of subordinate court is there in {c}?""",
        "subordinate courts\nsubordinate court",
        """{a} is among the subordinate courts of {c}.
        The subordinate courts of {c} include {a}.""",
    ),
    *_mission("Diplomatic representation in the US", "to_us", "from {c} in the US"),
    *_mission("Diplomatic representation from the US", "from_us", "from the US in {c}"),
    relation(
        "consulate",
        "Diplomatic representation in the US > consulate(s) general",
        any_item,
        """In which US city does {c} have a consulate general?
        Name a city in the US with a consulate general of {c}.
        Where in the US is a consulate general of {c}?""",
        "consulates general in the US\nUS city with its consulate general",
        """{c} has a consulate general in {a}.
        A consulate general of {c} is in {a}.""",
    ),
    relation(
        "organization",
        "International organization participation",
        any_item,
        """In which international organization does {c} participate?
        Name an international organization that {c} takes part in.
        What is one of the international organizations with participation of {c}?""",
        "international organization participation\nmember of the international organization",
        """{c} participates in the international organization {a}.
        {a} is an international organization with participation of {c}.""",
    ),
    relation(
        "division",
        "Administrative divisions",
        matched(r"^(?:\d[\d,]* )?(?P<a>[a-z][^;,(\d]*?)(?: \((?P<b>[^(),;]+)[^()]*\))?(?:,| and |;)", "a", "b"),
        """What are the administrative divisions of {c} called?
        Into what kind of administrative divisions is {c} divided?
        Which kind of division is {c} made of?""",
        "administrative divisions, kind\nkind of administrative divisions",
        """The administrative divisions of {c} are called {a}.
        {c} is divided into {a}.""",
    ),
    relation(
        "division_name",
        "Administrative divisions",
        matched(r";\s+(?P<a>[A-Z][^,;(*]*)[,(*]"),
        """Which administrative division of {c} is named first?
        What is the first administrative division of {c}?
        Name the first of the administrative divisions of {c}.""",
        "first administrative division\nadministrative division named first",
        """The first administrative division named for {c} is {a}.
        {a} is named first among the administrative divisions of {c}.""",
    ),
)
