"""Encoding into a store is compared with the encoder alone on the same passages."""

from pathlib import Path

import pytest
from small_runs import small_run, write_corpus

from glimmer.analysis.encoding import measure_throughput, throughput_table
from glimmer.inference.run import untrained_run


def test_both_encode_the_same_tokens(tmp_path: Path) -> None:
    run = untrained_run(small_run(write_corpus(tmp_path / "data"), tmp_path / "run"))
    passages = list(run.corpus.passages())
    (tmp_path / "stores").mkdir()
    found = measure_throughput(run, passages, tmp_path / "stores", None, batch_size=5, repeats=2)
    assert found.passages == len(passages)
    assert found.tokens == sum(len(run.collator.encode_passage(passage)) for passage in passages)
    content = found.content()
    assert content["ratio"] == pytest.approx(content["store_tokens_per_second"] / content["encoder_tokens_per_second"])
    assert len(throughput_table(found).splitlines()) == 4
    assert not list((tmp_path / "stores").iterdir())
