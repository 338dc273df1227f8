"""Options refuse what lies beyond their limits, and say where."""

import math
from dataclasses import dataclass
from typing import Any

import pytest

from glimmer.options import OptionError, Options, option


@dataclass(kw_only=True)
class OvenConfig(Options):
    degrees: float = option(180.0, "How hot", least=50, most=250)
    minutes: int | None = option(30, "How long; null = until it smells", above=0)
    share: float = option(0.5, "How full", least=0, below=1)
    mode: str = option("fan", "How heat gets there", choices=("fan", "grill"))
    label: str = option("pie", "What is in it")


@pytest.mark.parametrize(
    "options",
    [
        {"degrees": 50},
        {"degrees": 250},
        {"minutes": 1},
        {"minutes": None},
        {"share": 0},
        {"mode": "grill"},
        {"label": ""},
    ],
)
def test_what_keeps_within_the_limits_is_taken(options: dict[str, Any]) -> None:
    assert {key: getattr(OvenConfig(**options), key) for key in options} == options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"degrees": 49.9}, "degrees must be from 50 to 250, found 49.9"),
        ({"degrees": 251}, "degrees must be from 50 to 250, found 251"),
        ({"degrees": math.nan}, "degrees must be from 50 to 250, found nan"),
        ({"minutes": 0}, "minutes must be above 0, or null, found 0"),
        ({"share": 1}, "share must be at least 0 and below 1, found 1"),
        ({"share": math.nan}, "share must be at least 0 and below 1, found nan"),
        ({"mode": "gril"}, "mode has no choice 'gril'; did you mean 'grill'? Known: fan, grill"),
    ],
)
def test_what_lies_beyond_them_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        OvenConfig(**options)
    assert str(caught.value) == message
    assert str(caught.value.under("kitchen.oven")) == f"kitchen.oven.{message}"


def test_a_sub_class_keeps_the_limits_that_it_inherits() -> None:
    @dataclass(kw_only=True)
    class SteamOvenConfig(OvenConfig):
        water: float = option(1.0, "Litres", above=0)

        def __post_init__(self) -> None:
            super().__post_init__()
            self.require(self.mode == "fan", "mode", "fan, which spreads the steam")

    with pytest.raises(OptionError, match=r"^share must"):
        SteamOvenConfig(share=2)
    with pytest.raises(OptionError, match=r"^water must be above 0, found 0"):
        SteamOvenConfig(water=0)
    with pytest.raises(OptionError, match=r"^mode must be fan, which spreads the steam, found 'grill'"):
        SteamOvenConfig(mode="grill")


def test_a_broken_pattern_says_what_is_broken() -> None:
    with pytest.raises(OptionError, match=r"^label is no regular expression: missing \), .*, found '\('"):
        OvenConfig(label="(").require_pattern("label")
    OvenConfig(label="a|b").require_pattern("label")
