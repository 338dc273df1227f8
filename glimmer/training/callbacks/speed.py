"""How fast training goes."""

from glimmer.training.trainer import Trainer


class Speed:
    """Rates since they were last measured."""

    def __init__(self) -> None:
        self._before = (0.0, 0, 0, 0)

    def start(self, trainer: Trainer) -> None:
        """Measure from here."""
        self._before = (trainer.elapsed, trainer.step, trainer.questions_seen, trainer.tokens_seen)

    def measure(self, trainer: Trainer) -> dict[str, float]:
        """Steps, questions and tokens per second since the last measurement; empty where no time has passed."""
        before = self._before
        self.start(trainer)
        seconds = trainer.elapsed - before[0]
        if seconds <= 0:
            return {}
        names = ("steps_per_second", "questions_per_second", "tokens_per_second")
        return {
            name: (now - then) / seconds for name, now, then in zip(names, self._before[1:], before[1:], strict=True)
        }
