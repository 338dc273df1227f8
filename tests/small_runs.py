"""A whole small run on disk: a corpus of a few lands, and a configuration that trains on it in seconds."""

from pathlib import Path
from typing import Any

import torch

from glimmer.config.load import load_run_config
from glimmer.config.schema import RunConfig
from glimmer.data.kilt import write_records
from glimmer.data.passages import write_passages
from glimmer.data.values import Output, Passage, Provenance, Record
from glimmer.training.checkpoint import load_checkpoint
from glimmer.training.run import train

LANDS = 12
STACK: dict[str, Any] = {"layers": 2, "heads": 2, "head_width": 8, "feed_forward": 32}


def write_corpus(folder: Path) -> Path:
    """Write passages and open questions about lands; the last third of the lands is dev."""
    names = [f"Land{chr(97 + i)}" for i in range(LANDS)]
    passages = [
        Passage(f"p{i}", name, f"The capital of {name} is Town{chr(97 + i)}. The river is long.")
        for i, name in enumerate(names)
    ]
    records = [
        Record(
            f"q{i}", f"What is the capital of {name}?", (Output(f"Town{chr(97 + i)}", (Provenance(f"p{i}", name),)),)
        )
        for i, name in enumerate(names)
    ]
    split = LANDS * 2 // 3
    write_passages(
        folder / "passages.jsonl", passages, {p.id: "train" if i < split else "dev" for i, p in enumerate(passages)}
    )
    write_records(folder / "open_qa-train.jsonl", records[:split])
    write_records(folder / "open_qa-dev.jsonl", records[split:])
    return folder


def small_run(data: Path, run_dir: Path, **changes: Any) -> RunConfig:
    """The configuration of a GLIMMER of two layers; ``changes`` are whole parts of it."""
    parts: dict[str, Any] = {
        "run_dir": str(run_dir),
        "seed": 5,
        "user_dir": None,
        "data": {"dir": str(data), "retrieved": 3},
        "collator": {"passage_tokens": 48},
        "tokenizer": {"name": "bpe", "vocabulary": 300},
        "encoder": {"name": "t5", "width": 16, **STACK},
        "memory": {"name": "online"},
        "join": {"name": "prepend"},
        "reranker": {"name": "first_token"},
        "selector": {"name": "top_m", "kept": 1},
        "decoder": {"name": "t5", **STACK},
        "model": {"name": "reader", "live_layers": 1, "rerank_layers": 1},
        "tasks": {"open_qa": {"name": "open_qa"}, "copying": {"name": "copying"}},
        "criterions": {
            "cross_entropy": {"name": "cross_entropy"},
            "perplexity_distillation": {"name": "perplexity_distillation", "weight": 0.5},
        },
        "sampler": {"mixing": "uniform"},
        "optimizer": {"name": "adamw", "lr": 3e-3},
        "lr_scheduler": {"name": "linear", "warmup_steps": 2},
        "callbacks": {
            "metrics_jsonl": {"name": "metrics_jsonl"},
            "ema": {"name": "ema", "decay": 0.9},
            "evaluation": {"name": "evaluation", "every": 4, "limit": 2},
            "early_stopping": {"name": "early_stopping", "patience": 100},
            "checkpoint": {"name": "checkpoint", "every": 3, "minutes": None},
        },
        "trainer": {
            "steps": 10,
            "questions": 4,
            "micro_questions": 3,
            "log_every": 2,
            "device": "cpu",
            "stages": [{"passages": 1, "steps": 4, "window": 12}, {"passages": 3}],
            "replay_every": 3,
        },
        "generation": {"max_tokens": 3},
    }
    return load_run_config({**parts, **changes})


def train_pair(folder: Path, fid: str, glimmer: str) -> tuple[Path, Path]:
    """Train a FiD and a GLIMMER on the same corpus; their names are given."""
    data = write_corpus(folder / "data")
    plain = {
        "model": {"name": "reader", "live_layers": 2, "rerank_layers": 0},
        "reranker": {"name": "none"},
        "selector": {"name": "all"},
        "criterions": {"cross_entropy": {"name": "cross_entropy"}},
    }
    return train(small_run(data, folder / fid, **plain)), train(small_run(data, folder / glimmer))


def assert_same_run(run: Path, other: Path) -> None:
    """Whether two runs' folders hold the same checkpoints and the same log, to the bit."""
    for name in ("last.pt", "best.pt"):
        state, expected = (load_checkpoint(folder / "checkpoints" / name) for folder in (run, other))
        assert list(differences_of_tensors(state, expected)) == []
    assert (run / "metrics.jsonl").read_bytes() == (other / "metrics.jsonl").read_bytes()


def differences_of_tensors(first: object, second: object, key: str = "") -> list[str]:
    if isinstance(first, dict) and isinstance(second, dict):
        ignored = {"elapsed", "run_dir"}
        names = (first.keys() | second.keys()) - ignored
        return [found for n in names for found in differences_of_tensors(first.get(n), second.get(n), f"{key}.{n}")]
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        pairs = enumerate(zip(first, second, strict=True))
        return [found for i, (a, b) in pairs for found in differences_of_tensors(a, b, f"{key}[{i}]")]
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        return [] if torch.equal(first, second) else [key]
    return [] if first == second else [key]
