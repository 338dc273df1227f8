"""How a field's text becomes short answers: every extractor yields values, each with all its valid forms."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from glimmer.data.factbook.source import Field

LONGEST_ANSWER = 8
"""Words of the longest answer that is asked for."""


@dataclass(frozen=True)
class Value:
    """The valid forms of an answer, and what singles it out in the field (a share, a length, a name)."""

    answers: tuple[str, ...]
    key: str = ""


Extractor = Callable[[Field], Iterable[Value]]

_VAGUE = re.compile(
    r"^(others?|unspecified|none|no answer|unknown|na|n/a|nothing|mixed|various|more than|not|some|several"
    r"|approximately|predominantly|mostly|mainly|and|or|see|same as|including|includes|as|etc|all|any|there) "
    r"|^(na|no|none|unknown|varies|yes|other|others)$",
    re.IGNORECASE,
)
_UNITS = re.compile(
    r"\b(est|km|sq|m|cm|mm|nm|bbl|day|kwh|kw|btu|years?|months?|days?|percent|of|gdp|million|billion|trillion"
    r"|less|than|ca|c)\b|\W|\d|_",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\s*\([^()]*(?:\([^()]*\)[^()]*)*\)|\s*\[[^\]]*\]")


_ADDRESS = re.compile(r"telephone|\bNY\b|\bSuite\b|\bNEGL\b")


def tidy(text: str) -> str:
    """An answer without asides in brackets, dates of estimate and marks at its ends; empty if it says nothing."""
    text = _ASIDE.sub("", text)
    text = re.split(r" -- |; | - | \(", text)[0].strip(" ,;:-*\"'")
    text = text if re.search(r"\b[A-Z]\.$", text) else text.removesuffix(".")
    empty = len(text) < 2 or _VAGUE.match(text) or not _UNITS.sub("", text) or len(text.split()) > LONGEST_ANSWER
    broken = text.count("(") != text.count(")") or text.count('"') % 2
    return "" if empty or broken else text


def first(field: Field) -> Iterator[Value]:
    """The text up to its first clause border."""
    if answer := tidy(re.split(r"[;:]", field.text)[0]):
        yield Value((answer,))


def first_item(field: Field) -> Iterator[Value]:
    """The first item of a ranked list."""
    for answer in items(field.text)[:1]:
        yield Value((answer,))


def any_item(field: Field) -> Iterator[Value]:
    """All items of a list whose order means nothing: each of them is a valid answer."""
    if not _ADDRESS.search(field.text) and (answers := items(field.text)):
        yield Value(tuple(dict.fromkeys(answers)))


def items(text: str) -> list[str]:
    """The items of a list, without shares and asides; items that say nothing are left out."""
    parts = re.split(r"[,;]\s+(?:and )?", _ASIDE.sub("", re.split(r"; note|: ", text)[0]))
    return [item for part in parts if (item := tidy(re.sub(r"\s+[<~]?[\d.,]+%?$", "", part)))]


def both_forms(field: Field) -> Iterator[Value]:
    """A name with another form in brackets or after ``or``: ``Senate (Sénat)``."""
    match = re.match(r"^([^();]+?)(?: \(([^()]+)\)| or ([^();,]+))?(?:[;,(]|$)", field.text)
    answers = [tidy(form) for form in match.groups() if form] if match else []
    if answers := [a for a in answers if a and not re.search(r"\d", a)]:
        yield Value(tuple(dict.fromkeys(answers)))


_TITLES = (
    "President, Prime Minister, King, Queen, Emir, Amir, Sultan, Chancellor, Premier, Governor General, Governor, "
    "Ambassador, Administrator, Lieutenant, Commissioner, Captain Regent, Charge d'Affaires, Chief Minister, "
    "Chief Executive, Minister, Acting, Interim, Transitional, Federal, High, Crown, Supreme, State Counselor, "
    "Counselor, Chairman, Chairperson, Leader, General, Gen., Lt., Maj., Col., Dr., Sir, Dame, Cardinal, Pope, "
    "Prince, Taoiseach, Grand Duke, Co-prince"
)
_TITLE = re.compile(rf"^(?:(?:{'|'.join(map(re.escape, _TITLES.split(', ')))}) )+(?=\S)")


def person(field: Field) -> Iterator[Value]:
    """An office holder, with and without the title."""
    match = re.match(r"^([^;(]*?[A-Z]{3,}[^;(]*?)(?: \(|;|,|$)", field.text)
    name = tidy(match[1]) if match else ""
    if name and not re.search(r"\d|vacant", name):
        yield Value(tuple(dict.fromkeys(form for form in (name, _TITLE.sub("", name)) if form)))


def since(field: Field) -> Iterator[Value]:
    """``(person) since date``: the date, keyed by the person."""
    for holder in person(field):
        if match := re.search(r"\(since (\d{1,2} [A-Z][a-z]+ \d{4})\b", field.text):
            yield Value((match[1],), holder.answers[-1])


def matched(pattern: str, *groups: str, flags: int = 0) -> Extractor:
    """The forms that ``groups`` of the first match capture (one form for group ``a`` when none are named)."""
    compiled = re.compile(pattern, flags)

    def extract(field: Field) -> Iterator[Value]:
        if match := compiled.search(field.text):
            forms = [tidy(match[group]) for group in groups or ("a",) if match[group]]
            if forms := [form for form in forms if form]:
                yield Value(tuple(dict.fromkeys(forms)))

    return extract


def keyed(pattern: str, split: str | None = None) -> Extractor:
    """Every match of a pattern with groups ``k`` (the key) and ``a`` (the answer, ``b`` another form of it).

    Keys and answers that occur twice in the field are ambiguous and left out. With ``split`` the pattern must
    match a part of the field from its beginning.
    """
    compiled = re.compile(pattern)

    def extract(field: Field) -> Iterator[Value]:
        if split is None:
            matches = list(compiled.finditer(field.text))
        else:
            matches = [match for part in re.split(split, field.text) if (match := compiled.match(part.strip()))]
        rows = [(" ".join(m["k"].split()), [tidy(m[g]) for g in ("a", "b") if m.groupdict().get(g)]) for m in matches]
        keys = Counter(key for key, _ in rows)
        answers = Counter(forms[0] for _, forms in rows if forms)
        for key, forms in rows:
            if forms and forms[0] and keys[key] == answers[forms[0]] == 1 and len(key.split()) <= LONGEST_ANSWER:
                yield Value(tuple(dict.fromkeys(form for form in forms if form)), key)

    return extract


shares = keyed(r"(?:^|[,;:(] ?)(?:and )?(?P<a>[^\W\d][^,;:()%]*?)(?: \([^()%]*\))? (?P<k>\d+(?:\.\d+)?%)")
"""``Hutu 85%``: the members of a whole, keyed by their shares."""


def label_by_number(field: Field) -> Iterator[Value]:
    """The name of the sub-field that holds a number: ``industry: 23.1%``."""
    match = re.match(
        r"^(?:[a-z ]+: )?(?P<k>-?\$?[\d.,]*[1-9][\d.,]*(?:%| (?:million|billion|trillion|thousand))?)", field.text
    )
    if match and not re.search(r"note|total", field.sub):
        label = re.sub(r"^(from|on) |^agricultural land: ", "", field.sub)
        yield Value((label,), match["k"].rstrip(".,"))


def yes_or_no(field: Field) -> Iterator[Value]:
    """A field that begins with yes or no."""
    if match := re.match(r"^(yes|no)\b", field.text):
        yield Value((match[1],))
