"""Where sentences of English text end: a few rules, the same on every machine.

A sentence ends after ``.``, ``!``, ``?`` or ``…`` (and quotes or brackets that close there) before a space, where the
next word does not begin with a small letter. After a full stop there are exceptions:

- a title or a reference (``Dr.``, ``No.``) never ends one;
- an initial (``J.``), a word with full stops inside (``U.S.``) and an abbreviation that may end a sentence (``Inc.``)
  do so only before a word that often begins one (``The``).

In doubt there is no end: a sentence too many would be torn, while two in one are only kept together.
"""

import re
from collections.abc import Iterator

_END = re.compile(r"([.!?…]+)[\"'”’»)\]]*(?=\s)")
_NEXT = re.compile(r"\s+([\"'“‘«(\[]*(\S))")
_STARTS = re.compile(r"\s+(\w+)[\s,]")
_OPENING = "\"'“‘«(["

_NEVER = """
    adm al approx brig ca capt cdr cf cmdr col dr ed eds est fig figs fr ft gen gov hon lt maj messrs mr mrs ms mt no
    nos nr op pp pres prof rep rev rt sen sgt st ste viz vol vols vs
"""
_SELDOM = "apr assn aug ave bros co corp dec dept dist etc feb inc jan jr jul jun ltd mar nov oct sep sept sr univ"
_STARTERS = """
    A After All Although An Another As At Both But By During Each For From He Her His However I If In It Its Many Most
    No On One Other She Since Some Such That The Their Then There These They This Those Though To Under Until We When
    Where While With You
"""
NEVER = frozenset(_NEVER.split())
"""Abbreviations that something always follows."""
SELDOM = frozenset(_SELDOM.split())
"""Abbreviations that end a sentence only before one of ``STARTERS``."""
STARTERS = frozenset(_STARTERS.split())
"""Words that, with a capital, mostly begin a sentence."""


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence begins and ends; what lies between two, and around all, is white space."""
    start = len(text) - len(text.lstrip())
    for end in _END.finditer(text):
        following = _NEXT.match(text, end.end())
        if following is not None and _ends(text, start, end, following):
            yield start, end.end()
            start = following.start(1)
    if start < len(text):
        yield start, len(text.rstrip())


def _ends(text: str, start: int, end: re.Match[str], following: re.Match[str]) -> bool:
    if following[2].islower():
        return False
    if end[1] != ".":
        return True
    word = text[max(start, text.rfind(" ", start, end.start()) + 1) : end.start()].lstrip(_OPENING)
    name = word.lower()
    if name in NEVER:
        return False
    if name in SELDOM or "." in word or (len(word) == 1 and word.isalpha()):
        starter = _STARTS.match(text, end.end())
        return starter is not None and starter[1] in STARTERS
    return True
