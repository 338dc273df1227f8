"""Every experiment of the tree trains as it stands, but for its size."""

import json
from pathlib import Path

import pytest
import torch
from small_runs import LANDS

import glimmer.config
from glimmer.config.compose import compose_run
from glimmer.data.kilt import write_records
from glimmer.data.passages import write_passages
from glimmer.data.values import Output, Passage, Provenance, Record
from glimmer.models.build import build_reader
from glimmer.training.build import initialise
from glimmer.training.distributed import Group
from glimmer.training.run import prepare_tokenizer, train

EXPERIMENTS = sorted(
    file.stem
    for file in (Path(glimmer.config.__file__).parent / "experiment").glob("*.yaml")
    if not file.stem.startswith("minikilt")  # these have tests of their own
)
SMALL = [
    "callback=[metrics_jsonl]",
    "collator.passage_tokens=24",
    "trainer.steps=2",
    "trainer.minutes=null",
    "trainer.questions=3",
    "trainer.processes=1",
    "trainer.log_every=1",
    "trainer.device=cpu",
]
NEEDED = {
    "pretrain": ["trainer.stages=[{passages: 2}]"],
    "pretrain_deep": [
        "trainer.stages=[{passages: 2}]",
        "trainer.initialise=package:weights.safetensors",
        "tokenizer.file=package:tokenizer.json",
    ],
}
"""Stages of fewer questions, and weights that are there already."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few lands, with questions of every task."""
    folder = tmp_path_factory.mktemp("data")
    names = {f"p{i}": (f"Land{chr(97 + i)}", f"Town{chr(97 + i)}") for i in range(LANDS)}
    passages = [
        Passage(key, f"{land}: Government", f"Capital: {town}. River: long in {town}.")
        for key, (land, town) in names.items()
    ]
    write_passages(folder / "passages.jsonl", passages, dict.fromkeys(names, "train"))
    inputs = {
        "open_qa": "What is the capital of {}?",
        "slot_filling": "{} [SEP] capital",
        "fact_verification": "{} has a capital.",
        "multi_hop": "What is the capital of the land that is called {}?",
    }
    for task, form in inputs.items():
        records = [
            Record(key, form.format(land), (Output("SUPPORTS" if "fact" in task else town, (Provenance(key, land),)),))
            for key, (land, town) in names.items()
        ]
        write_records(folder / f"{task}-train.jsonl", records)
    return folder


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_trains(experiment: str, data: Path, tmp_path: Path) -> None:
    needed = [f"data.dir={data}", f"run_dir={tmp_path}", *SMALL, *NEEDED.get(experiment, [])]
    folder = train(compose_run([f"experiment={experiment}", *needed]))
    losses = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in losses if line["task"] is None] == [1, 2]


def test_memory_only_starts_from_the_shipped_encoder_and_fido_from_all_but_the_decoder(tmp_path: Path) -> None:
    for experiment, anew in (("memory_only", ()), ("fido", ("decoder.",))):
        config = compose_run([f"experiment={experiment}", f"run_dir={tmp_path}"])
        reader = build_reader(config, prepare_tokenizer(config, Group()))
        before = {name: p.detach().clone() for name, p in reader.named_parameters()}
        assert config.trainer.initialise is not None
        initialise(reader, config.trainer.initialise, config.trainer.fresh)
        for name, parameter in reader.named_parameters():
            assert torch.equal(parameter, before[name]) == name.startswith(anew)
