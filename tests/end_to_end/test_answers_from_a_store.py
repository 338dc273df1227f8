"""A reader answers from a raw store in fp32 as it does from memory that it encodes for the question."""

from dataclasses import replace
from pathlib import Path

import pytest
from small_runs import small_run, write_corpus

import glimmer
from glimmer.analysis.runs import candidates_of
from glimmer.inference.encode import encode_passages
from glimmer.inference.run import LoadedRun, untrained_run
from glimmer.memory import CODECS


def assert_same_answers(run: LoadedRun, split: str, folder: Path) -> int:
    """Answer all questions of a split both ways; how many they are.

    Answers and ranks are the same. Scores are up to float noise, as a passage is encoded beside others in each way.
    """
    run = replace(run, config=replace(run.config, trainer=replace(run.config.trainer, precision="fp32")))
    raw = CODECS.configure("raw", dtype="float32")
    encode_passages(run, candidates_of(run, run.supervised, split, None), folder / "store", raw)
    stored = run.reading(folder / "store")
    count = 0
    for task in run.supervised:
        now, read = (some.evaluate(task, split).predictions for some in (run, stored))
        for one, other in zip(now, read, strict=True):
            assert (one.id, one.answer) == (other.id, other.answer), task
            assert [p.id for p in one.read] == [p.id for p in other.read], (task, one.id)
            assert one.score == pytest.approx(other.score, abs=1e-4), (task, one.id)
        count += len(now)
    return count


def test_a_random_reader_answers_the_same(tmp_path: Path) -> None:
    run = untrained_run(small_run(write_corpus(tmp_path / "data"), tmp_path / "run", callbacks={}))
    assert assert_same_answers(run, "dev", tmp_path) == 4


@pytest.mark.slow
@pytest.mark.parametrize("system", ["lumen", "glimmer"])
def test_the_whole_factbook_is_answered_the_same(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = glimmer.load(f"package:{system}").run
    assert assert_same_answers(run, "test", tmp_path) == sum(run.task(key).size("test") for key in run.supervised)
