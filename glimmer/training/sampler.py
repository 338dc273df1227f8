"""Which examples make up every update: a stateful sampler over any mixture of tasks.

Everything that it draws is a function of the seed and of how much was drawn before, so its state is a few counters.
"""

import random
from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimmer.errors import CheckpointError, ConfigError, TrainingError, suggest
from glimmer.options import Options, option
from glimmer.training.randomness import derive_seed

MIXINGS = ("proportional", "capped_proportional", "temperature", "uniform", "explicit")


@dataclass(kw_only=True)
class SamplerConfig(Options):
    """Options of the multi-task sampler."""

    mixing: str = option(
        "proportional",
        "proportional (to the tasks' sizes), capped_proportional (to sizes cut at cap), "
        "temperature (to sizes to the power 1/temperature), uniform, or explicit (weights)",
        choices=MIXINGS,
    )
    cap: int = option(100_000, "Size at which capped_proportional cuts", least=1)
    temperature: float = option(2.0, "1 = proportional; the higher, the nearer to uniform", above=0)
    weights: dict[str, float] = option({}, "Task to its weight, for explicit mixing; they need not sum to 1")
    homogeneous: bool = option(False, "Every update holds examples of one task; otherwise each example is drawn")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(
            all(weight >= 0 for weight in self.weights.values()), "weights", "at least 0 each (0 leaves a task out)"
        )
        explicit = self.mixing == "explicit"
        self.require(any(self.weights.values()) or not explicit, "weights", "given where mixing is explicit")
        self.require(explicit or not self.weights, "weights", f"empty where mixing is {self.mixing}")


@dataclass(frozen=True, slots=True)
class Draw:
    """One drawn example: which task, which example of its training split, and the seed of its random choices."""

    task: str
    index: int
    seed: int


def mixing_rates(config: SamplerConfig, sizes: Mapping[str, int]) -> dict[str, float]:
    """The share of every task, summing to 1, in the order of ``sizes``.

    Raises:
        ConfigError: explicit weights name a task that is not trained, or leave out one that is.
    """
    match config.mixing:
        case "proportional":
            masses = {task: float(size) for task, size in sizes.items()}
        case "capped_proportional":
            masses = {task: float(min(size, config.cap)) for task, size in sizes.items()}
        case "temperature":
            masses = {task: size ** (1 / config.temperature) for task, size in sizes.items()}
        case "uniform":
            masses = dict.fromkeys(sizes, 1.0)
        case _:
            for task in config.weights.keys() - sizes.keys():
                raise ConfigError(f"sampler.weights names an unknown task {task!r}; {suggest(task, sizes)}")
            for task in sizes.keys() - config.weights.keys():
                raise ConfigError(f"sampler.weights gives the task {task!r} no weight; 0 leaves it out")
            masses = {task: config.weights[task] for task in sizes}
    total = sum(masses.values())
    return {task: mass / total for task, mass in masses.items()}


class Sampler:
    """Draws examples: the task by its mixing rate, its examples shuffled anew each epoch, without replacement.

    ``sizes`` is the number of training examples of every task.

    Raises:
        TrainingError: a task has no training examples.
        ConfigError: see ``mixing_rates``.
    """

    def __init__(self, config: SamplerConfig, sizes: Mapping[str, int], seed: int) -> None:
        if not sizes:
            raise ConfigError("tasks is empty; training needs at least one task")
        for task, size in sizes.items():
            if size < 1:
                raise TrainingError(f"task {task!r} has no training examples")
        self.config = config
        self.sizes = dict(sizes)
        self.seed = seed
        self.rates = mixing_rates(config, sizes)
        self._drawn = 0
        self._updates = 0
        self._cursors = dict.fromkeys(sizes, 0)
        self._orders: dict[str, tuple[int, NDArray[np.int64]]] = {}

    def draw(self, count: int, among: Collection[str] = ()) -> list[Draw]:
        """The examples of the next update, of the tasks ``among`` in proportion to their rates; of all when empty."""
        rates = {task: rate for task, rate in self.rates.items() if not among or task in among}
        tasks, shares = list(rates), list(rates.values())
        if self.config.homogeneous:
            rng = random.Random(derive_seed(self.seed, "update", self._updates))
            chosen = rng.choices(tasks, shares) * count
        else:
            chosen = [
                random.Random(derive_seed(self.seed, "task", self._drawn + i)).choices(tasks, shares)[0]
                for i in range(count)
            ]
        self._updates += 1
        return [self._next(task) for task in chosen]

    def _next(self, task: str) -> Draw:
        epoch, position = divmod(self._cursors[task], self.sizes[task])
        if self._orders.get(task, (-1,))[0] != epoch:
            generator = np.random.Generator(np.random.PCG64(derive_seed(self.seed, "order", task, epoch)))
            self._orders[task] = (epoch, generator.permutation(self.sizes[task]))
        draw = Draw(task, int(self._orders[task][1][position]), derive_seed(self.seed, "example", self._drawn))
        self._cursors[task] += 1
        self._drawn += 1
        return draw

    def fork(self) -> "Sampler":
        """A sampler of its own that draws what this one will."""
        other = copy(self)
        other._cursors, other._orders = dict(self._cursors), dict(self._orders)
        return other

    def state_dict(self) -> dict[str, Any]:
        """The state as plain types."""
        return {
            "drawn": self._drawn,
            "updates": self._updates,
            "cursors": dict(self._cursors),
            "sizes": dict(self.sizes),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state_dict``.

        Raises:
            CheckpointError: the tasks, or their number of examples, are not those of the checkpoint.
        """
        if state["sizes"] != self.sizes:
            raise CheckpointError(
                f"the checkpoint was trained on the tasks {state['sizes']} (number of examples); "
                f"this run has {self.sizes}; train in another run_dir, or restore the data"
            )
        self._drawn, self._updates = state["drawn"], state["updates"]
        self._cursors = dict(state["cursors"])
