"""The experiments over real questions, on a few lands in place of them and with MiniLM's real weights."""

import json
from pathlib import Path

import pytest
from bert_folders import needs_minilm
from small_runs import LANDS

from glimmer.config.compose import compose_run
from glimmer.data.kilt import write_records
from glimmer.data.passages import write_passages
from glimmer.data.values import Output, Passage, Provenance, Record
from glimmer.training.run import train

pytestmark = needs_minilm
SMALL = [
    "callback=[metrics_jsonl,checkpoint,evaluation]",
    "collator.passage_tokens=24",
    "data.retrieved=12",
    "data.held_back=0.4",
    "trainer.steps=2",
    "trainer.questions=3",
    "trainer.processes=1",
    "trainer.log_every=1",
    "trainer.device=cpu",
    "callbacks.evaluation.limit=1",
]
INPUTS = {
    "nq": "what is the capital of {}",
    "hotpotqa": "What is the capital of the land that is called {}?",
    "popqa": "{} [SEP] capital",
    "squad": "What is the capital of {}?",
    "fm2": "{} has a capital.",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    names = {f"p{i}": (f"Land{chr(97 + i)}", f"Town{chr(97 + i)}") for i in range(LANDS)}
    write_passages(
        folder / "passages.jsonl",
        [
            Passage(key, land, f"The capital of the land is {town}. The river is long.")
            for key, (land, town) in names.items()
        ],
    )
    for task, form in INPUTS.items():
        records = [
            Record(key, form.format(land), (Output("SUPPORTS" if task == "fm2" else town, (Provenance(key, land),)),))
            for key, (land, town) in names.items()
        ]
        write_records(folder / f"{task}-train.jsonl", records)
    return folder


@pytest.fixture(scope="module")
def glimmer_run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("glimmer")
    return train(compose_run(["experiment=minikilt_glimmer", f"data.dir={data}", f"run_dir={folder}", *SMALL]))


@pytest.mark.parametrize("experiment", ["minikilt_glimmer", "minikilt_lumen", "minikilt_fid"])
def test_an_experiment_trains_and_is_judged_on_what_is_held_back(
    experiment: str, data: Path, glimmer_run: Path, tmp_path: Path
) -> None:
    folder = glimmer_run
    if experiment != "minikilt_glimmer":
        begin = f"trainer.initialise={glimmer_run / 'checkpoints' / 'last.pt'}"
        folder = train(
            compose_run([f"experiment={experiment}", f"data.dir={data}", f"run_dir={tmp_path}", begin, *SMALL])
        )
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["task"] is None and line["kind"] == "train"] == [1, 2]
    judged = {line["task"]: line for line in lines if line["kind"] == "evaluation" and line["task"]}
    assert set(judged) == set(INPUTS)
    assert all("reranked_gold@1" in line for line in judged.values())
