"""Questions whose answer takes two passages (KILT: HotpotQA)."""

from glimmer.tasks.base import register_task
from glimmer.tasks.supervised import SupervisedConfig, SupervisedTask


@register_task("multi_hop", SupervisedConfig)
class MultiHop(SupervisedTask):
    """Answer a question that takes a fact of one passage to find the other."""

    template = "multi-hop question: {input}"
    metrics = ("exact_match", "f1")
