"""The multi-task sampler: proportions, epochs, resumption, errors."""

from collections import Counter

import pytest

from glimmer.errors import CheckpointError, ConfigError, TrainingError
from glimmer.training.sampler import Sampler, SamplerConfig, mixing_rates

SIZES = {"a": 900, "b": 100}


@pytest.mark.parametrize(
    ("config", "share"),
    [
        (SamplerConfig(mixing="proportional"), 0.9),
        (SamplerConfig(mixing="capped_proportional", cap=300), 0.75),
        (SamplerConfig(mixing="temperature", temperature=2.0), 30 / 40),
        (SamplerConfig(mixing="temperature", temperature=1.0), 0.9),
        (SamplerConfig(mixing="uniform"), 0.5),
        (SamplerConfig(mixing="explicit", weights={"a": 1, "b": 4}), 0.2),
    ],
)
def test_rates_by_hand_and_what_is_drawn(config: SamplerConfig, share: float) -> None:
    assert mixing_rates(config, SIZES) == pytest.approx({"a": share, "b": 1 - share})
    drawn = Counter(draw.task for draw in Sampler(config, SIZES, seed=0).draw(4000))
    assert drawn["a"] / 4000 == pytest.approx(share, abs=0.03)


def test_every_epoch_holds_each_example_once_in_another_order() -> None:
    sampler = Sampler(SamplerConfig(), {"a": 10}, seed=1)
    first, second = ([draw.index for draw in sampler.draw(10)] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


@pytest.mark.parametrize("homogeneous", [False, True])
@pytest.mark.parametrize("at", [1, 7])
def test_a_resumed_sampler_draws_what_one_left_alone_draws(homogeneous: bool, at: int) -> None:
    config = SamplerConfig(mixing="uniform", homogeneous=homogeneous)
    left_alone, stopped, resumed = (Sampler(config, {"a": 5, "b": 3}, seed=2) for _ in range(3))
    expected = [left_alone.draw(3) for _ in range(12)]
    for _ in range(at):
        stopped.draw(3)
    resumed.load_state_dict(stopped.state_dict())
    assert [resumed.draw(3) for _ in range(12 - at)] == expected[at:]


def test_homogeneous_updates_hold_one_task_each_and_mix_over_time() -> None:
    sampler = Sampler(SamplerConfig(mixing="uniform", homogeneous=True), SIZES, seed=3)
    tasks = [{draw.task for draw in sampler.draw(8)} for _ in range(30)]
    assert all(len(found) == 1 for found in tasks)
    assert set.union(*tasks) == {"a", "b"}


def test_a_stage_draws_its_own_tasks_in_proportion_and_leaves_the_others_where_they_were() -> None:
    config = SamplerConfig(mixing="explicit", weights={"a": 1, "b": 3, "c": 96})
    sampler = Sampler(config, {"a": 10, "b": 10, "c": 10}, seed=0)
    drawn = Counter(draw.task for draw in sampler.draw(2000, among=["a", "b"]))
    assert drawn["a"] / 2000 == pytest.approx(0.25, abs=0.03)
    assert drawn["c"] == sampler.state_dict()["cursors"]["c"] == 0
    assert "c" in {draw.task for draw in sampler.draw(20)}


def test_examples_have_seeds_of_their_own_which_the_run_seed_decides() -> None:
    draws = [Sampler(SamplerConfig(), {"a": 4}, seed=seed).draw(8) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    assert len({draw.seed for draw in draws[0]}) == 8


def test_a_weight_of_zero_leaves_a_task_out() -> None:
    config = SamplerConfig(mixing="explicit", weights={"a": 0.0, "b": 1.0})
    assert {draw.task for draw in Sampler(config, SIZES, seed=0).draw(50)} == {"b"}


def test_errors_name_the_key_and_the_nearest_choice() -> None:
    with pytest.raises(ConfigError, match="mixing has no choice 'propotional'; did you mean 'proportional'"):
        SamplerConfig(mixing="propotional")
    with pytest.raises(ConfigError, match=r"unknown task 'aa'; .*Known: a, b"):
        mixing_rates(SamplerConfig(mixing="explicit", weights={"aa": 1.0}), SIZES)
    with pytest.raises(ConfigError, match="gives the task 'b' no weight"):
        mixing_rates(SamplerConfig(mixing="explicit", weights={"a": 1.0}), SIZES)
    with pytest.raises(ConfigError, match="weights must be empty where mixing is proportional"):
        SamplerConfig(weights={"a": 1.0})
    with pytest.raises(TrainingError, match="task 'b' has no training examples"):
        Sampler(SamplerConfig(), {"a": 3, "b": 0}, seed=0)
    with pytest.raises(CheckpointError, match="this run has"):
        Sampler(SamplerConfig(), {"a": 3}, seed=0).load_state_dict(Sampler(SamplerConfig(), SIZES, seed=0).state_dict())
