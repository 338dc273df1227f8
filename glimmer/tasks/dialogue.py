"""Dialogue: the next turn of a conversation (KILT: Wizard of Wikipedia)."""

from dataclasses import dataclass

from glimmer.options import option
from glimmer.tasks.base import register_task
from glimmer.tasks.supervised import SupervisedConfig, SupervisedTask

TURN = " | "


@dataclass(kw_only=True)
class DialogueConfig(SupervisedConfig):
    """Options of dialogue."""

    words: int | None = option(64, "Words of the conversation kept, its last ones; all when null", least=1)


@register_task("dialogue", DialogueConfig)
class Dialogue(SupervisedTask):
    """Go on with a conversation, whose turns are the lines of the input; of a long one its end is kept."""

    template = "dialogue: {input}"
    metrics = ("f1", "rouge_l")
    config: DialogueConfig

    def parts(self, question: str) -> dict[str, str]:
        """``turn | turn | …``."""
        turns = TURN.join(" ".join(turn.split()) for turn in question.splitlines() if turn.strip())
        words = turns.split()
        kept = words if self.config.words is None else words[-self.config.words :]
        return {"input": " ".join(kept)}
