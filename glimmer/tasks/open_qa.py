"""Open question answering (KILT: Natural Questions, TriviaQA)."""

from glimmer.tasks.base import register_task
from glimmer.tasks.supervised import SupervisedConfig, SupervisedTask


@register_task("open_qa", SupervisedConfig)
class OpenQA(SupervisedTask):
    """Answer a question in a few words."""

    template = "question: {input}"
    metrics = ("exact_match", "f1")
