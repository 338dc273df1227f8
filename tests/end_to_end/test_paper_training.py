"""The paper's runs train as they stand, but for their size, their weights and the number of questions."""

import json
from pathlib import Path

import pytest
from small_runs import LANDS

from glimmer.cli.validate import validate
from glimmer.config.compose import compose_run
from glimmer.data.files import write_json_lines
from glimmer.data.kilt import write_records
from glimmer.data.passages import write_passages
from glimmer.data.values import Output, Passage, Provenance, Record
from glimmer.training.run import train

SMALL = [
    *("encoder=t5_tiny", "decoder=t5_tiny", "join=marked", "callback=[metrics_jsonl,evaluation]"),
    *("tokenizer=bpe", "tokenizer.file=package:tokenizer.json", "trainer.initialise=package:weights.safetensors"),
    *("trainer.steps=2", "trainer.questions=6", "trainer.log_every=1", "trainer.device=cpu"),
    *("collator.passage_tokens=24", "generation.max_tokens=2", "callbacks.evaluation.limit=1"),
]
INPUTS = {
    **dict.fromkeys(["nq", "triviaqa", "hotpotqa"], "What is the capital of {}?"),
    **dict.fromkeys(["trex", "structured_zeroshot"], "{} [SEP] capital"),
    "fever": "{} has a capital.",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few lands, questions of all six sets, and candidates that were found beforehand."""
    folder = tmp_path_factory.mktemp("kilt")
    names = {f"p{i}": f"Land{chr(97 + i)}" for i in range(LANDS)}
    write_passages(folder / "passages.jsonl", [Passage(k, land, f"Capital: Town {land}.") for k, land in names.items()])
    (folder / "gtr_base").mkdir()
    for stem, form in INPUTS.items():
        answers = {key: "SUPPORTS" if stem == "fever" else f"Town {land}" for key, land in names.items()}
        records = [
            Record(key, form.format(land), (Output(answers[key], (Provenance(key, land),)),))
            for key, land in names.items()
        ]
        found = [{"passage_id": key, "score": 1 / (1 + rank)} for rank, key in enumerate(names)]
        for split in ("train", "dev"):
            write_records(folder / f"{stem}-{split}.jsonl", records)
            lines = [{"id": key, "candidates": found} for key in names]
            write_json_lines(folder / "gtr_base" / f"{stem}-{split}.jsonl", lines)
    return folder


@pytest.mark.parametrize("run", ["fid_base", "lumen_large", "glimmer_xxl"])
def test_a_run_is_valid_and_trains_all_six_sets(run: str, data: Path, tmp_path: Path) -> None:
    places = [f"data.dir={data}", f"data.retrievers.default.path='{data}/gtr_base/{{name}}.jsonl'"]
    config = compose_run([f"experiment=paper/{run}", *SMALL, *places, f"run_dir={tmp_path}"])
    assert "12 train, 12 dev" in validate(config)
    lines = [json.loads(line) for line in (train(config) / "metrics.jsonl").read_text().splitlines()]
    assert {line["task"] for line in lines if line["kind"] == "evaluation"} == {*config.tasks, None}
    assert [line["learning_rate"] for line in lines if line["kind"] == "train" and line["task"] is None] == [1e-4, 1e-4]
