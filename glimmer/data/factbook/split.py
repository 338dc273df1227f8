"""Which countries train, tune and test: a fixed share of them by the hash of their codes."""

import hashlib
from collections.abc import Iterable

from glimmer.data.factbook.source import Place

SPLITS = ("train", "dev", "test")
DEV_SHARE, TEST_SHARE = 0.1, 0.2
WORLD = "xx"
"""The entry for the whole world names many countries: it is retrieved from, never asked about, never trained on."""


def split_places(places: Iterable[Place]) -> dict[str, str]:
    """The split of every place, by code."""
    codes = sorted((p.code for p in places if p.code != WORLD), key=lambda code: hashlib.sha256(code.encode()).digest())
    dev = round(DEV_SHARE * len(codes))
    test = dev + round(TEST_SHARE * len(codes))
    split = {code: "dev" if i < dev else "test" if i < test else "train" for i, code in enumerate(codes)}
    return {**split, WORLD: "test"}
