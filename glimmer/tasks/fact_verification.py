"""Fact verification: does the evidence support a claim or refute it (KILT: FEVER)?"""

from glimmer.data.kilt_sets import LABELS
from glimmer.tasks.base import register_task
from glimmer.tasks.supervised import SupervisedConfig, SupervisedTask

SUPPORTS, REFUTES = LABELS


@register_task("fact_verification", SupervisedConfig)
class FactVerification(SupervisedTask):
    """Call a claim SUPPORTS or REFUTES."""

    template = "claim: {input}"
    metrics = ("accuracy",)

    def answer(self, text: str) -> str:
        """The label as KILT writes it, whatever case the tokenizer knows."""
        return text.strip().upper()
