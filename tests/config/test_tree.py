"""The configuration tree: every built-in has its file, and every file composes to a run that can work."""

from itertools import combinations
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

import glimmer.config
from glimmer.analysis.sweep import swept_key
from glimmer.config.compose import compose_run
from glimmer.config.load import COLLECTIONS
from glimmer.config.schema import RunConfig
from glimmer.config.store import GROUPS, choices
from glimmer.data.kilt_sets import KILT_SETS, KiltSet
from glimmer.tasks import TASKS
from glimmer.tasks.supervised import SupervisedConfig
from glimmer.training.build import plain

TREE = Path(glimmer.config.__file__).parent
KINDS = {registry.kind: registry for registry in GROUPS.values()}
FILES = sorted(
    (file.parent.name, file.stem) for file in TREE.glob("*/*.yaml") if file.parent.name in {*KINDS, "experiment"}
)
NEEDED = {
    ("memory", "frozen"): ["trainer.initialise=weights.safetensors"],
    ("memory", "stored"): ["memory.path=store", "model.live_layers=3", "trainer.initialise=weights.safetensors"],
    ("retriever", "precomputed"): ["data.retrievers.default.path=found.jsonl"],
    ("selector", "top_m"): ["selector.kept=2"],
    ("criterion", "gold_ranking"): ["reranker=mean_pool"],
    ("criterion", "perplexity_distillation"): ["reranker=mean_pool"],
    ("callback", "early_stopping"): ["callback=[evaluation,early_stopping]"],
}
"""What a choice cannot do without."""
HEADLINES = dict.fromkeys(["nq", "hotpotqa", "triviaqa"], "exact_match") | {"eli5": "rouge_l", "wow": "f1"}
HEADLINES |= dict.fromkeys(["fever", "trex", "zsre", "aida", "wned_wiki", "wned_cweb"], "accuracy")
"""KILT's set → the metric of its leaderboard."""


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_built_in_has_its_file(kind: str) -> None:
    built_in = {entry.name for entry in KINDS[kind] if entry.component.__module__.startswith("glimmer.")}
    assert built_in
    assert built_in <= {name for group, name in FILES if group == kind}


@pytest.mark.parametrize(("group", "name"), FILES)
def test_every_file_composes_to_a_run(group: str, name: str) -> None:
    chosen = f"{group}=[{name}]" if group in {r.kind for r in COLLECTIONS.values()} else f"{group}={name}"
    if group == "retriever":
        chosen = f"retriever@data.retrievers.default={name}"
    drill = group == "task" and name in TASKS and not TASKS[name].component.supervised
    compose_run([chosen, *(["callback=[progress]"] if drill else NEEDED.get((group, name), []))])


@pytest.mark.parametrize(("name", "kilt"), KILT_SETS.items())
def test_every_set_of_kilt_is_a_task_of_its_name(name: str, kilt: KiltSet) -> None:
    config = compose_run([f"task=[{name}]"]).tasks[name]
    assert isinstance(config, SupervisedConfig)
    assert (config.name, config.data) == (kilt.task, kilt.stem)
    assert config.metrics
    assert config.metrics[0] == HEADLINES[name]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_file_says_what_it_is_in_a_comment(kind: str) -> None:
    for file in (TREE / kind).glob("*.yaml"):
        lines = [line for line in file.read_text().splitlines() if not line.startswith("# @package")]
        assert lines[0].startswith("# ")


@pytest.mark.parametrize("name", sorted(file.stem for file in (TREE / "experiment").glob("ablation_*.yaml")))
def test_every_run_of_an_ablation_composes(name: str) -> None:
    made = ablation(name)
    assert len(made) >= 2
    assert all(one != other for one, other in combinations(made, 2))


@pytest.mark.parametrize(
    ("name", "key"),
    {
        "ablation_kept": "selector.kept",
        "ablation_memory": "memory.frozen",
        "ablation_rerank_layers": "model.rerank_layers",
        "ablation_reranker": "reranker",
        "ablation_retrieved": "data.retrieved",
        "ablation_tasks": "tasks",
        "ablation_temperature": "criterions.perplexity_distillation.target_temperature",
    }.items(),
)
def test_an_ablation_is_reported_by_the_command_that_it_names(name: str, key: str) -> None:
    made = ablation(name)
    text = (TREE / "experiment" / f"{name}.yaml").read_text()
    assert f"#   glimmer report --sweep {made[0].run_dir}-sweep --output {made[0].run_dir}\n" in text
    assert swept_key([plain(config) for config in made], None) == key, "the command has no --key"


def test_the_ablation_of_kept_passages_drops_some_in_training() -> None:
    for config in ablation("ablation_kept"):
        trained = config.trainer.stages[-1].passages
        assert trained is not None
        assert config.selector.kept < trained  # type: ignore[attr-defined]


def ablation(name: str) -> list[RunConfig]:
    """The configurations of an ablation's runs."""
    params = OmegaConf.load(TREE / "experiment" / f"{name}.yaml").hydra.sweeper.params
    overrides = OverridesParser.create().parse_overrides([f"{key}={values}" for key, values in params.items()])
    runs = [f"{item.key_or_group}={value}" for item in overrides for value in item.sweep_string_iterator()]
    return [compose_run([f"experiment={name}", run]) for run in runs]


def test_the_help_lists_every_choice() -> None:
    listed = choices()
    assert {"fid", "lumen", "glimmer"} <= set(listed["experiment"])
    assert {"first_token", "none", "sum"} <= set(listed["reranker"])
    assert "schema" not in listed


def test_a_second_instance_of_a_task_has_a_key_of_its_own() -> None:
    config = compose_run(
        ["experiment=fid", "task=[open_qa]", "+task@tasks.mine=open_qa", "tasks.mine.data=my_questions"]
    )
    assert {key: task.data for key, task in config.tasks.items()} == {"open_qa": None, "mine": "my_questions"}  # type: ignore[attr-defined]
    assert config.tasks["mine"].name == "open_qa"


def test_another_retriever_leaves_no_option_of_the_first_behind() -> None:
    config = compose_run(
        [
            "retriever@data.retrievers.default=precomputed",
            "data.retrievers.default.path=found.jsonl",
            "data.retrieved=7",
        ]
    )
    assert config.data.retrievers["default"].path == "found.jsonl"
    assert config.data.retrievers["multi_hop"].name == "two_step"
