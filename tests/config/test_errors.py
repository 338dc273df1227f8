"""A configuration that cannot work fails at once: the message names the key and the nearest valid one."""

from dataclasses import asdict
from typing import Any

import pytest

from glimmer.config.compose import compose_mapping, compose_run
from glimmer.config.load import load_run_config
from glimmer.errors import ConfigError, GlimmerError, RegistryError

OVERRIDES = {
    "encoder.layerz=3": (ConfigError, "unknown key 'encoder.layerz'; did you mean 'encoder.layers'?"),
    "selektor.kept=3": (ConfigError, "unknown key 'selektor.kept'; did you mean 'selector.kept'?"),
    "kept=3": (ConfigError, "unknown key 'kept'; did you mean 'selector.kept'?"),
    "task.open_qa.target=any": (ConfigError, "unknown key 'task.open_qa.target'; did you mean 'tasks.open_qa.target'?"),
    "rerankerr=none": (ConfigError, "unknown key 'rerankerr'; did you mean 'reranker'?"),
    "reranker=max_simm": (RegistryError, "unknown reranker 'max_simm'; did you mean 'max_sim'? Known: first_token,"),
    "task=[open_qb]": (RegistryError, "unknown task 'open_qb'; did you mean 'open_qa'?"),
    "+model.live_layer=1": (ConfigError, "unknown key model.live_layer; did you mean 'live_layers'?"),
    "trainer.stages=[{passagess: 3}]": (ConfigError, "did you mean 'passages'?"),
    "trainer.steps=many": (ConfigError, "trainer.steps: Value 'many' of type 'str' could not be converted to Integer"),
    "data.retrieved=some": (ConfigError, "data.retrieved: Value 'some'"),
    "seed=one": (ConfigError, "seed: Value 'one'"),
    "seed=${missing}": (ConfigError, "Interpolation key 'missing' not found"),
    "selector.kept={": (ConfigError, "no viable alternative at input '{'"),
    "model.live_layers=13": (ConfigError, "model.live_layers = 13 is more than encoder.layers = 12"),
    "model.rerank_layers=5": (ConfigError, "model.rerank_layers must be at most live_layers = 4, found 5"),
    "data.retrieved=4": (ConfigError, "selector.kept = 5 is more than data.retrieved = 4"),
    "selector.kept=9": (ConfigError, "selector.kept = 9 is more than trainer.stages[0].passages = 8"),
    "trainer.stages=[{passages: 8, steps: 9}, {passages: 4}]": (
        ConfigError,
        "selector.kept = 5 is more than trainer.stages[1].passages = 4",
    ),
    "collator.passages=4": (ConfigError, "selector.kept = 5 is more than collator.passages = 4"),
    "collator.passages=30": (ConfigError, "collator.passages = 30 is more than data.retrieved = 25"),
    "encoder.buckets=3": (ConfigError, "encoder.buckets must be at least 4, found 3"),
    "encoder.max_distance=8": (ConfigError, "encoder.max_distance must be at least 9 where buckets is 32, found 8"),
    "decoder.buckets=1": (ConfigError, "decoder.buckets must be at least 2, found 1"),
    "decoder.max_distance=16": (ConfigError, "decoder.max_distance must be at least 17 where buckets is 32, found 16"),
    "decoder.dropout=1.5": (ConfigError, "decoder.dropout must be at least 0 and below 1, found 1.5"),
    "decoder.width=-1": (ConfigError, "decoder.width must be at least 1, or null, found -1"),
    "decoder.width=0": (ConfigError, "decoder.width must be at least 1, or null, found 0"),
    "selector=gumbel_top_m and selector.noise=-1": (ConfigError, "selector.noise must be at least 0, found -1.0"),
    "optimizer.epsilon=-1": (ConfigError, "optimizer.epsilon must be at least 0, found -1.0"),
    "optimizer=adafactor and optimizer.decay=0.8": (ConfigError, "optimizer.decay must be at most 0, found 0.8"),
    "optimizer=adafactor and optimizer.clip_threshold=0.5": (
        ConfigError,
        "optimizer.clip_threshold must be at least 1",
    ),
    "optimizer=adafactor and optimizer.epsilon_gradient=-1": (
        ConfigError,
        "optimizer.epsilon_gradient must be at least 0",
    ),
    "reranker=none": (ConfigError, "reranker.retrieval_score must be false: there is no head"),
    "memory=stored": (ConfigError, "memory.path must be the folder of a store made by `glimmer encode`"),
    "trainer.stages=[{passages: 8, steps: 9}, {passages: 0}]": (
        ConfigError,
        "trainer.stages[1].passages must be at least 1, or null, found 0",
    ),
    "optimizer.groups.positions.lr_scale=-2": (
        ConfigError,
        "optimizer.groups.positions.lr_scale must be at least 0, found -2.0",
    ),
    "optimizer.groups.positions.pattern='('": (ConfigError, "optimizer.groups.positions.pattern is no regular expre"),
    "data.retrievers.multi_hop.k1=-1": (ConfigError, "data.retrievers.multi_hop.k1 must be at least 0, found -1.0"),
    "data.retrieved=0": (ConfigError, "data.retrieved must be at least 1, found 0"),
    "tasks.open_qa.limit=0": (ConfigError, "tasks.open_qa.limit must be at least 1, or null, found 0"),
    "criterions.gold_ranking.weight=nan": (ConfigError, "criterions.gold_ranking.weight must be at least 0, found na"),
    "callbacks.checkpoint.keep=-1": (ConfigError, "callbacks.checkpoint.keep must be at least 0, found -1"),
    "tokenizer.vocabulary=100": (ConfigError, "tokenizer.vocabulary must be at least 291"),
    "collator.passage_tokens=1": (ConfigError, "collator.passage_tokens must be at least 2, found 1"),
    "sampler.mixing=propotional": (ConfigError, "sampler.mixing has no choice 'propotional'; did you mean 'proporti"),
    "criterions.cross_entropy.label_smoothing=1": (
        ConfigError,
        "criterions.cross_entropy.label_smoothing must be at least 0 and below 1, found 1.0",
    ),
    "trainer.precision=fp31": (ConfigError, "trainer.precision has no choice 'fp31'; did you mean 'fp32'?"),
    "model.initialiser=copy_pth": (ConfigError, "model.initialiser is 'copy_pth'; did you mean 'copy_path'?"),
    "encoder=bert and encoder.positions=100": (
        ConfigError,
        "collator.passage_tokens = 160 is more than encoder.positions = 100",
    ),
    "encoder=bert and encoder.positions=200 and model.live_layers=12": (
        ConfigError,
        "collator.question_tokens + collator.passage_tokens = 208 is more than encoder.positions = 200",
    ),
    "task=[]": (ConfigError, "tasks is empty"),
    "callback=[early_stopping]": (ConfigError, "callbacks.early_stopping needs an evaluation"),
    "callbacks.evaluation.tasks=[slot_fillin]": (ConfigError, "did you mean 'slot_filling'?"),
    "callbacks.evaluation.metric=averge": (ConfigError, "expected average or TASK/METRIC: did you mean 'average'?"),
    "callbacks.evaluation.metric=open_qa": (
        ConfigError,
        "did you mean 'open_qa/f1'? Known: average, fact_verification/accuracy,",
    ),
    "callbacks.evaluation.metric=open_qb/f1": (ConfigError, "did you mean 'open_qa/f1'?"),
    "callbacks.evaluation.metric=open_qa/exact_mach": (
        ConfigError,
        "callbacks.evaluation.metric: the task 'open_qa' has no 'exact_mach'; did you mean 'exact_match'?",
    ),
    "tasks.open_qa.metrics=[exact_mach]": (
        ConfigError,
        "tasks.open_qa.metrics names an unknown metric 'exact_mach'; did you mean 'exact_match'?",
    ),
    "task=[copying]": (ConfigError, "callbacks.evaluation: no task of this run has evaluation data; remove the callb"),
    "trainer.stages=[{tasks: [open_q]}]": (ConfigError, "did you mean 'open_qa'?"),
    "trainer.stages=[{passages: 1},{passages: 8}]": (ConfigError, "trainer.stages[0] never ends"),
    "sampler.weights.open_qa=2": (ConfigError, "sampler.weights is empty: add to it with +sampler.weights.open_qa="),
    "sampler={mixing: explicit, weights: {open_qa: 1}}": (ConfigError, "unknown key 'sampler.weights.open_qa'"),
}


@pytest.mark.parametrize(("override", "expected"), OVERRIDES.items())
def test_an_override_that_cannot_work(override: str, expected: tuple[type[GlimmerError], str]) -> None:
    kind, message = expected
    with pytest.raises(kind) as caught:
        compose_run(["experiment=glimmer", *override.split(" and ")])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_task_made_from_passages_alone_cannot_be_evaluated() -> None:
    message = r"callbacks\.evaluation\.tasks names 'copying', which has no evaluation data; Known: open_qa"
    with pytest.raises(ConfigError, match=message):
        compose_run(["task=[open_qa,copying]", "callbacks.evaluation.tasks=[copying]"])


@pytest.mark.parametrize("figure", ["f1", "kilt_f1", "gold_recall_read", "reranked_recall@5"])
def test_every_figure_of_an_evaluation_can_choose_the_best(figure: str) -> None:
    overrides = ["tasks.open_qa.metrics=[f1]", f"callbacks.evaluation.metric=open_qa/{figure}"]
    assert compose_run(overrides).callbacks["evaluation"].metric == f"open_qa/{figure}"  # type: ignore[attr-defined]


def test_an_unknown_experiment_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"unknown experiment 'glimer'; did you mean 'glimmer'\? Known: .*fid"):
        compose_run(["experiment=glimer"])


def test_mixing_weights_of_an_unknown_task() -> None:
    with pytest.raises(ConfigError, match=r"sampler\.weights names an unknown task 'open_qaa'; did you mean 'open_qa'"):
        compose_run(["sampler.mixing=explicit", "+sampler.weights.open_qaa=1"])


def test_a_criterion_that_trains_scores_which_nothing_makes() -> None:
    with pytest.raises(
        ConfigError, match=r"criterions\.perplexity_distillation trains a reranker, and reranker=none; use"
    ):
        compose_run(["experiment=glimmer", "reranker=none", "reranker.retrieval_score=false"])


def test_live_layers_for_a_score_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match=r"model\.rerank_layers = 1 .*reranker=none"):
        compose_run(["model.live_layers=3", "model.rerank_layers=1", "selector=top_m"])


def test_stored_memory_needs_memory_layers() -> None:
    with pytest.raises(ConfigError, match=r"memory=stored needs memory layers, and model\.live_layers = 12"):
        compose_run(["experiment=fid", "memory=stored", "memory.path=store"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra": 1}, "unknown key 'extra'"),
        ({"tasks": {"open_qa": {"limit": 3}}}, "tasks.open_qa.name is missing; expected the name of a registered task"),
        ({"tasks": ["open_qa"]}, "tasks must hold options by name"),
        ({"reranker": {"name": "mean_pol"}}, "reranker: unknown reranker 'mean_pol'; did you mean 'mean_pool'?"),
        (
            {"reranker": {"name": "max_sim", "dimensions": -1}},
            "reranker.dimensions must be at least 1, or null, found -1",
        ),
        (
            {"reranker": {"name": "max_sim", "dimensions": 0}},
            "reranker.dimensions must be at least 1, or null, found 0",
        ),
        ({"reranker": "mean_pool"}, "reranker must hold options by name, found 'mean_pool'"),
    ],
)
def test_a_mapping_from_a_file_is_checked_the_same_way(change: dict[str, Any], message: str) -> None:
    mapping = compose_mapping(["experiment=glimmer"])
    with pytest.raises(GlimmerError) as caught:
        load_run_config(mapping | change)
    assert message in str(caught.value)


def test_a_mapping_that_lacks_a_part() -> None:
    mapping = compose_mapping([])
    del mapping["decoder"], mapping["seed"]
    with pytest.raises(ConfigError, match="the configuration lacks seed, decoder"):
        load_run_config(mapping)


@pytest.mark.parametrize("experiment", ["fid", "lumen", "glimmer"])
def test_a_configuration_survives_being_saved_and_read_back(experiment: str) -> None:
    config = compose_run([f"experiment={experiment}", "optimizer.lr=3e-4", "trainer.stages=[{passages:1,steps:9},{}]"])
    assert load_run_config(asdict(config)) == config
