"""Learning-rate schedules and the passage schedule, by hand."""

import pytest

from glimmer.errors import ConfigError
from glimmer.training.passages import PassageSchedule, StageConfig
from glimmer.training.schedulers import LR_SCHEDULERS, LRScheduler


def schedule(name: str, **options: float) -> LRScheduler:
    return LR_SCHEDULERS.build(LR_SCHEDULERS.configure(name, **options))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (schedule("constant", warmup_steps=4), [0.25, 0.5, 1.0, 1.0]),
        (schedule("linear"), [1.0, 0.9, 0.5, 0.1]),
        (schedule("linear", final=0.5), [1.0, 0.95, 0.75, 0.55]),
        (schedule("linear", warmup_steps=2), [0.5, 0.9, 0.5, 0.1]),
        (schedule("cosine"), [1.0, 0.9755282581, 0.5, 0.0244717419]),
        (schedule("inverse_sqrt", warmup_steps=1), [1.0, 2**-0.5, 6**-0.5, 10**-0.5]),
    ],
)
def test_values_at_steps_0_1_5_9_of_10(made: LRScheduler, expected: list[float]) -> None:
    assert [made.multiplier(step, step / 10) for step in (0, 1, 5, 9)] == pytest.approx(expected)


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_decay_follows_progress_so_that_a_run_by_time_reaches_its_end(name: str) -> None:
    assert schedule(name).multiplier(step=123, progress=1.0) == pytest.approx(0.0, abs=1e-12)
    assert schedule(name).multiplier(step=123, progress=1.2) == pytest.approx(0.0, abs=1e-12)


def stages(*options: dict[str, float | int]) -> list[StageConfig]:
    return [StageConfig(**made) for made in options]  # type: ignore[arg-type]


def test_a_stage_ends_after_its_steps_and_the_last_one_holds() -> None:
    made = PassageSchedule(stages({"passages": 1, "steps": 2}, {"passages": 4, "steps": 2}), replay_every=None)
    numbers = []
    for step in range(8):
        numbers.append(made.stage(step).passages)
        made.update(step, exact=0.0, questions=48)
    assert numbers == [1, 1, 4, 4, 4, 4, 4, 4]


def test_a_stage_ends_when_exact_match_has_passed_the_bar_over_480_questions() -> None:
    made = PassageSchedule(stages({"until_exact": 0.8}, {}), replay_every=None)
    assert not any(made.update(step, 0.7, 48) for step in range(50))
    made = PassageSchedule(stages({"until_exact": 0.8}, {}), replay_every=None)
    began = [made.update(step, 0.9, questions=96) for step in range(5)]
    assert began == [False] * 4 + [True]
    assert made.exact == 0.0  # the new stage has not been seen yet


def test_every_fourth_step_replays_the_stage_before_and_counts_for_nothing() -> None:
    made = PassageSchedule(stages({"passages": 1, "steps": 1}, {"passages": 2, "until_exact": 0.5}, {}), replay_every=4)
    made.update(0, 0.0, 48)
    assert [made.stage(step).passages for step in range(1, 9)] == [2, 2, 1, 2, 2, 2, 1, 2]
    for step in range(1, 80):
        made.update(step, 1.0 if made.replays(step) else 0.0, 48)
    assert made.number == 1
    assert made.exact == 0.0


def test_a_resumed_schedule_goes_on_as_one_left_alone() -> None:
    made = [PassageSchedule(stages({"until_exact": 0.6}, {"steps": 9}, {}), replay_every=3) for _ in range(2)]
    for step in range(7):
        made[0].update(step, 0.9, 48)
    made[1].load_state_dict(made[0].state_dict())
    for step in range(7, 40):
        assert made[0].update(step, 0.9, 48) == made[1].update(step, 0.9, 48)
        assert made[0].state_dict() == made[1].state_dict()


def test_a_stage_that_never_ends_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"trainer\.stages\[0\] never ends"):
        PassageSchedule(stages({"passages": 1}, {"passages": 2}), replay_every=4)
    with pytest.raises(ConfigError, match="until_exact must be above 0 and below 1"):
        StageConfig(until_exact=80.0)
