"""Facts of offices, elections, legislatures and parties."""

import calendar

from glimmer.data.factbook.extract import both_forms, first, keyed, matched, person, since
from glimmer.data.factbook.relations.base import Relation, relation

_DATE = r"(?P<a>(?:\d{{1,2}} )?(?:{}) \d{{4}})".format("|".join(calendar.month_name[1:]))
_PARTY = r"(?P<{0}>[A-Z][^();]*?)(?: \([^()]*\))* or (?P<{1}>[A-Z][\w+-]*)\b"


def _chamber(field: str, name: str, phrase: str) -> tuple[Relation, ...]:
    """The relations of one chamber of a legislature."""
    return (
        relation(
            f"{name}_system",
            f"{field} > electoral system",
            first,
            f"""What electoral system is used for the {phrase} of {{c}}?
            By which electoral system is the {phrase} of {{c}} elected?
            How is the {phrase} of {{c}} elected?""",
            f"{phrase}, electoral system\nelectoral system of the {phrase}",
            f"""The electoral system of the {phrase} of {{c}} is {{a}}.
            The {phrase} of {{c}} is elected by {{a}}.""",
        ),
        relation(
            f"{name}_next_election",
            f"{field} > expected date of next election",
            matched(_DATE),
            f"""When is the next election to the {phrase} of {{c}} expected?
            What is the expected date of the next election for the {phrase} of {{c}}?
            In which month is the {phrase} of {{c}} expected to be elected next?""",
            f"{phrase}, expected date of next election\nnext election to the {phrase}",
            f"""The next election to the {phrase} of {{c}} is expected in {{a}}.
            The expected date of the next election for the {phrase} of {{c}} is {{a}}.""",
        ),
        relation(
            f"{name}_party",
            f"{field} > parties elected and seats per party",
            keyed(r"(?P<a>[^\d();][^();]*?)(?: \((?P<b>[^()\d]+)\))?[^();]* \((?P<k>\d+)\)$", r";"),
            f"""Which party holds {{k}} seats in the {phrase} of {{c}}?
            What party was elected with {{k}} seats to the {phrase} of {{c}}?
            Name the party with {{k}} seats in the {phrase} of {{c}}.""",
            f"party with {{k}} seats in the {phrase}\nparty elected to the {phrase} with {{k}} seats",
            f"""In the {phrase} of {{c}}, the party with {{k}} seats is {{a}}.
            {{a}} won {{k}} seats in the {phrase} of {{c}}.""",
        ),
        relation(
            f"{name}_name",
            f"{field} > chamber name",
            both_forms,
            f"""What is the name of the {phrase} of {{c}}?
            What is the {phrase} of {{c}} called?
            Which chamber is the {phrase} of {{c}}?""",
            f"{phrase}, chamber name\nname of the {phrase}",
            f"""The name of the {phrase} of {{c}} is {{a}}.
            The {phrase} of {{c}} is called {{a}}.""",
        ),
    )


RELATIONS = (
    relation(
        "chief_of_state",
        "Executive branch > chief of state",
        person,
        """Who is the chief of state of {c}?
        Who is the head of state in {c}?
        Name the chief of state of {c}.""",
        "chief of state\nhead of state",
        """The chief of state of {c} is {a}.
        {a} is the head of state in {c}.""",
    ),
    relation(
        "chief_of_state_since",
        "Executive branch > chief of state",
        since,
        """Since when has {k} been chief of state of {c}?
        On what date did {k} become the chief of state of {c}?
        From which date has {k} been head of state in {c}?""",
        "date since which {k} is chief of state\nchief of state {k} since",
        """{k} has been chief of state of {c} since {a}.
        Since {a}, {k} has been head of state in {c}.""",
    ),
    relation(
        "head_of_government",
        "Executive branch > head of government",
        person,
        """Who is the head of government of {c}?
        Who heads the government in {c}?
        Name the head of government of {c}.""",
        "head of government\nleader of the government",
        """The head of government of {c} is {a}.
        {a} heads the government in {c}.""",
    ),
    relation(
        "head_of_government_since",
        "Executive branch > head of government",
        since,
        """Since when has {k} been head of government of {c}?
        On what date did {k} become the head of government of {c}?
        From which date has {k} headed the government in {c}?""",
        "date since which {k} is head of government\nhead of government {k} since",
        """{k} has been head of government of {c} since {a}.
        Since {a}, {k} has headed the government in {c}.""",
    ),
    relation(
        "cabinet",
        "Executive branch > cabinet",
        matched(
            r"^(?:the )?(?P<a>[A-Z][^;,(]*?)(?: \((?P<b>[^()]+)\))? "
            r"(?:is |are |were |was )?(?:appointed|elected|nominated|named|selected|chosen|proposed|approved"
            r"|recommended|designated|consists|formed|headed)",
            "a",
            "b",
        ),
        """What is the cabinet of {c} called?
        What is the name of the cabinet of {c}?
        Which body is the cabinet in {c}?""",
        "cabinet\nname of the cabinet",
        """The cabinet of {c} is called {a}.
        {a} is the cabinet in {c}.""",
    ),
    relation(
        "cabinet_appointed_by",
        "Executive branch > cabinet",
        matched(
            r"\b(?:appointed|nominated|named|selected|chosen|elected) by (?:the )?"
            r"(?P<a>[^;,()]*?)(?: on the| upon| in | from | with | and |$|[;,(])"
        ),
        """By whom is the cabinet of {c} appointed?
        Who appoints the cabinet of {c}?
        Who names the members of the cabinet in {c}?""",
        "cabinet appointed by\nwho appoints the cabinet",
        """The cabinet of {c} is appointed by the {a}.
        The {a} appoints the cabinet of {c}.""",
    ),
    relation(
        "last_election",
        "Executive branch > most recent election date",
        matched(_DATE),
        """When was the most recent election of the executive branch in {c}?
        What is the most recent election date of the executive branch of {c}?
        On what date was the executive branch of {c} last elected?""",
        "executive branch, most recent election date\ndate of the last executive election",
        """The most recent election date of the executive branch of {c} is {a}.
        The executive branch of {c} was last elected on {a}.""",
    ),
    relation(
        "next_election",
        "Executive branch > expected date of next election",
        matched(_DATE),
        """When is the next election of the executive branch in {c} expected?
        What is the expected date of the next election of the executive branch of {c}?
        For which date is the next executive election of {c} expected?""",
        "executive branch, expected date of next election\ndate of the next executive election",
        """The next election of the executive branch of {c} is expected in {a}.
        The expected date of the next executive election of {c} is {a}.""",
    ),
    relation(
        "candidate",
        "Executive branch > election results",
        keyed(r"(?:- |^|, |; )(?P<a>[A-ZÀ-Ý][\w'.-]+(?: [\w'.-]+){0,3}) \([^()%\d]+\) (?P<k>\d+(?:\.\d+)?%)"),
        """Which candidate won {k} of the vote in {c}?
        Who received {k} of the votes in the election results of {c}?
        Name the candidate who got {k} in an election in {c}.""",
        "candidate with {k} of the vote\nelection results, candidate with {k}",
        """In the election results of {c}, the candidate with {k} is {a}.
        {a} won {k} of the vote in {c}.""",
    ),
    relation(
        "candidate_party",
        "Executive branch > election results",
        keyed(r"(?:- |^|, |; )(?P<k>[A-ZÀ-Ý][\w'.-]+(?: [\w'.-]+){0,3}) \((?P<a>[^()%\d]+)\) \d+(?:\.\d+)?%"),
        """For which party did {k} stand in the election results of {c}?
        What party does {k} belong to in {c}?
        Which party stands beside {k} in the election results of {c}?""",
        "party of {k}\nelection results, party of {k}",
        """In the election results of {c}, {k} stands for {a}.
        The party of {k} in {c} is {a}.""",
    ),
    relation(
        "legislature",
        "Legislative branch > legislature name",
        both_forms,
        """What is the name of the legislature of {c}?
        What is the parliament of {c} called?
        Which body is the legislature of {c}?""",
        "legislature name\nname of the parliament",
        """The name of the legislature of {c} is {a}.
        The parliament of {c} is called {a}.""",
    ),
    relation(
        "legislature_structure",
        "Legislative branch > legislative structure",
        first,
        """What is the legislative structure of {c}?
        Which kind of legislature, by its structure, does {c} have?
        Which structure does the legislative branch of {c} have?""",
        "legislative structure\nstructure of the legislature",
        """The legislative structure of {c} is {a}.
        {c} has a {a} legislature.""",
    ),
    *_chamber("Legislative branch", "legislature", "legislature"),
    *_chamber("Legislative branch - lower chamber", "lower_chamber", "lower chamber"),
    *_chamber("Legislative branch - upper chamber", "upper_chamber", "upper chamber"),
    relation(
        "party_name",
        "Political parties",
        keyed(_PARTY.format("a", "k"), r";"),
        """Which political party of {c} is known as {k}?
        What is the full name of the party {k} in {c}?
        For which party does {k} stand in {c}?""",
        "political party known as {k}\nfull name of the party {k}",
        """In {c}, {k} is the political party {a}.
        {k} stands for {a} in {c}.""",
    ),
    relation(
        "party_abbreviation",
        "Political parties",
        keyed(_PARTY.format("k", "a"), r";"),
        """What is the abbreviation of the political party {k} in {c}?
        How is the {k} abbreviated in {c}?
        By which short name is the party {k} of {c} known?""",
        "abbreviation of the political party {k}\nshort name of the {k}",
        """In {c}, the political party {k} is abbreviated {a}.
        {a} is the short name of the {k} in {c}.""",
    ),
)
