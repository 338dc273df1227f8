"""Whole runs are composed from the tree, every experiment among them, and a mistake names the key."""

import pickle
from pathlib import Path

import pytest

import glimmer.config
from glimmer.config.compose import compose_run
from glimmer.errors import ConfigError, RegistryError

EXPERIMENTS = sorted(p.stem for p in (Path(glimmer.config.__file__).parent / "experiment").glob("*.yaml"))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes(experiment: str) -> None:
    config = compose_run([f"experiment={experiment}"])
    assert config.run_dir == f"runs/{experiment}"
    assert config.encoder.layers >= config.model.live_layers


def test_the_three_systems_differ_where_the_papers_say() -> None:
    fid, lumen, glimmer_ = (compose_run([f"experiment={name}"]) for name in ("fid", "lumen", "glimmer"))
    assert fid.encoder.layers == fid.model.live_layers
    assert lumen.memory.frozen  # type: ignore[attr-defined]
    assert (glimmer_.selector.name, glimmer_.reranker.name) == ("top_m", "max_pool")
    assert list(glimmer_.criterions) == [
        "cross_entropy",
        "evidence_attention",
        "perplexity_distillation",
        "gold_ranking",
    ]
    assert fid.encoder.width == lumen.encoder.width == glimmer_.encoder.width


def test_overrides_reach_components_and_options() -> None:
    config = compose_run(["experiment=glimmer", "reranker=max_sim", "selector.kept=3", "trainer.steps=7"])
    assert (config.reranker.name, config.selector.kept, config.trainer.steps) == ("max_sim", 3, 7)  # type: ignore[attr-defined]


def test_a_configuration_travels_to_other_processes() -> None:
    config = compose_run(["experiment=glimmer", "selector.kept=3"])
    sent = pickle.loads(pickle.dumps(config))
    assert sent == config
    assert type(sent.selector) is type(config.selector)


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("selector.kep=3", "kep"),
        ("reranker=max_simm", "max_simm"),
        ("model.rerank_layers=9", "model.rerank_layers"),
        ("trainer.steps=many", "trainer.steps"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(override: str, named: str) -> None:
    with pytest.raises((ConfigError, RegistryError), match=named) as caught:
        compose_run(["experiment=glimmer", override])
    assert "\n" not in str(caught.value)
