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
    "model.rerank_layers=5": (ConfigError, "model.rerank_layers must be between 0 and model.live_layers = 4, got 5"),
    "selector.kept=26": (ConfigError, "selector.kept = 26 is more than data.retrieved = 25"),
    "collator.passages=4": (ConfigError, "selector.kept = 5 is more than collator.passages = 4"),
    "collator.passages=30": (ConfigError, "collator.passages = 30 is more than data.retrieved = 25"),
    "reranker=none": (ConfigError, "criterions.perplexity_distillation trains a reranker, and reranker=none; use"),
    "memory=stored": (ConfigError, "memory.path is needed"),
    "task=[]": (ConfigError, "tasks is empty"),
    "callback=[early_stopping]": (ConfigError, "callbacks.early_stopping needs an evaluation"),
    "callbacks.evaluation.tasks=[slot_fillin]": (ConfigError, "did you mean 'slot_filling'?"),
    "trainer.stages=[{tasks: [open_q]}]": (ConfigError, "did you mean 'open_qa'?"),
    "trainer.stages=[{passages: 1},{passages: 2}]": (ConfigError, "trainer.stages[0] never ends"),
    "sampler.weights.open_qa=2": (ConfigError, "sampler.weights is empty: add to it with +sampler.weights.open_qa="),
    "sampler={mixing: explicit, weights: {open_qa: 1}}": (ConfigError, "unknown key 'sampler.weights.open_qa'"),
}


@pytest.mark.parametrize(("override", "expected"), OVERRIDES.items())
def test_an_override_that_cannot_work(override: str, expected: tuple[type[GlimmerError], str]) -> None:
    kind, message = expected
    with pytest.raises(kind) as caught:
        compose_run(["experiment=glimmer", override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_experiment_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"unknown experiment 'glimer'; did you mean 'glimmer'\? Known: .*fid"):
        compose_run(["experiment=glimer"])


def test_mixing_weights_of_an_unknown_task() -> None:
    with pytest.raises(ConfigError, match=r"sampler\.weights names an unknown task 'open_qaa'; did you mean 'open_qa'"):
        compose_run(["sampler.mixing=explicit", "+sampler.weights.open_qaa=1"])


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
