"""Every codec that is compared is read from a store of its own, beside the layer."""

from pathlib import Path

import pytest

from glimmer.analysis.decoding import COMPARED, decoding_table, measure_decoding
from glimmer.analysis.growth import Sizes
from glimmer.memory import CODECS, MemoryStore


def test_every_codec_is_measured_beside_the_layer(tmp_path: Path) -> None:
    sizes = Sizes(passages=30, tokens=80, width=32)
    found = measure_decoding(tmp_path, sizes, repeats=2)
    assert found.layer_s > 0
    assert found.codecs.keys() == COMPARED.keys()
    for name, cost in found.codecs.items():
        store = MemoryStore(tmp_path / name)
        assert store.codec.config.name == name
        assert store.codec.bytes_per_token == cost.bytes_per_token
        assert store.read(["passage-3", "passage-7"]).values.shape == (2, 80, 32)
        assert cost.read_s > 0
    assert CODECS.build(CODECS.configure("raw"), width=32).bytes_per_token == found.codecs["raw"].bytes_per_token
    lines = decoding_table(found).splitlines()
    assert len(lines) == 2 + 1 + len(COMPARED)
    ratio = float(lines[-1].split("|")[4])
    last = list(found.codecs.values())[-1]
    assert ratio == pytest.approx(last.read_s / found.layer_s, abs=0.006)
