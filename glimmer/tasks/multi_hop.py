"""Questions whose answer takes two passages (KILT: HotpotQA)."""

from glimmer.tasks.base import register_task
from glimmer.tasks.supervised import SupervisedConfig, SupervisedTask


@register_task("multi_hop", SupervisedConfig)
class MultiHop(SupervisedTask):
    """Answer a question that takes a fact of one passage to find the other."""

    metrics = ("exact_match", "f1")

    def prompt(self, question: str) -> str:
        """``multi-hop question: …``."""
        return f"multi-hop question: {question}"
