"""A training step is measured on every kind of memory, and on the same questions."""

from pathlib import Path

import pytest
import torch
from small_runs import small_run, write_corpus

from glimmer.analysis.memory_steps import measure_steps, steps_table
from glimmer.memory import CODECS, MemoryStore
from glimmer.training.trainer import Trainer


def test_every_kind_of_memory_trains_on_the_same_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.are_deterministic_algorithms_enabled()
    drawn: dict[str, list[str]] = {}
    update = Trainer._update

    def told(trainer: Trainer, *given: object) -> None:
        memory = trainer.reader.memory
        kind = f"{memory.config.name} {getattr(memory, 'frozen', '')}{getattr(memory, 'ahead', '')}"
        drawn.setdefault(kind, []).append(str(trainer.sampler.state_dict()))
        update(trainer, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "_update", told)
    config = small_run(
        write_corpus(tmp_path / "data"), tmp_path / "run", tasks={"open_qa": {"name": "open_qa"}}, callbacks={}
    )
    found = measure_steps(config, tmp_path / "store", CODECS.configure("raw"), updates=2, repeats=1)
    assert len(found.seconds) == 5
    assert min(found.seconds.values()) > 0
    assert (found.questions, found.pairs) == (4, 12)
    assert 3 <= found.passages < found.pairs
    one, *others = ({*states} for states in drawn.values())
    assert len(drawn) == 4, "two ways have trained memory"
    assert all(other == one for other in others)
    assert torch.are_deterministic_algorithms_enabled() == before
    assert not (tmp_path / "run").exists()
    assert len(MemoryStore(tmp_path / "store")) <= 12
    first = steps_table(found).splitlines()[2].split("|")
    assert (first[1].strip(), first[3].strip()) == ("every pair encoded, trained", "1.00")
