"""Memory that training cannot work with is refused before anything is built; the message names the key."""

from pathlib import Path

import pytest
from small_runs import small_run, write_corpus

from glimmer.cli.validate import validate
from glimmer.config.compose import compose_run
from glimmer.errors import ConfigError
from glimmer.training.run import train

STORED = ["experiment=lumen", "memory=stored", "memory.path=store"]


@pytest.mark.parametrize(
    "overrides",
    [
        ["experiment=lumen", "trainer.initialise=null"],
        [*STORED, "trainer.initialise=null"],
        ["memory=frozen", "model.live_layers=4"],
    ],
)
def test_memory_that_does_not_train_must_start_from_weights(overrides: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"memory=(frozen|stored) does not train, and trainer\.initialise = null"):
        compose_run(overrides)


def test_a_store_is_read_in_whole_passages() -> None:
    with pytest.raises(ConfigError, match=r"trainer\.stages\[1\]\.window = 20 cuts passages, and memory=stored"):
        compose_run([*STORED, "trainer.stages=[{steps: 5}, {window: 20}]"])
    compose_run([*STORED, "trainer.stages=[{steps: 5, passages: 2}, {}]"])


@pytest.mark.parametrize("task", ["copying", "denoising", "invented_names", "substitution"])
def test_a_store_holds_no_passage_that_a_task_makes(task: str) -> None:
    chosen = [*STORED, f"task=[open_qa,{task}]", "sampler.mixing=explicit", "+sampler.weights.open_qa=1"]
    with pytest.raises(ConfigError, match=rf"tasks\.{task} makes passages of its own, and memory=stored"):
        compose_run([*chosen, f"+sampler.weights.{task}=1"])
    compose_run([*chosen, f"+sampler.weights.{task}=0"])  # never drawn


@pytest.mark.parametrize("sentinels", [16, 17])
def test_denoising_needs_a_sentinel_for_every_span(tmp_path: Path, sentinels: int) -> None:
    config = small_run(
        write_corpus(tmp_path / "data"),
        tmp_path / "run",
        tokenizer={"name": "bpe", "vocabulary": 300, "sentinels": sentinels},
        tasks={"gaps": {"name": "denoising"}},
        callbacks={},
        trainer={"steps": 1, "questions": 2, "device": "cpu"},
    )
    if sentinels == 17:
        assert "gaps" in validate(config)
        train(config)
        return
    for start in (validate, train):
        with pytest.raises(ConfigError, match=r"tasks\.gaps takes 17 sentinels, and the tokenizer has 16; train one"):
            start(config)
