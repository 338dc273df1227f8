"""Slot filling: the object of a subject and a relation (KILT: T-REx, zero-shot RE)."""

from glimmer.data.kilt_sets import SEPARATOR
from glimmer.errors import DataError
from glimmer.tasks.base import register_task
from glimmer.tasks.supervised import SupervisedConfig, SupervisedTask


@register_task("slot_filling", SupervisedConfig)
class SlotFilling(SupervisedTask):
    """Fill the slot that ``subject [SEP] relation`` names.

    KILT's headline is ``accuracy``, the raw text compared; a tokenizer that drops case can never win it, so ours is
    ``exact_match``, which compares without case, articles and punctuation. Set ``metrics`` for KILT's.
    """

    template = "slot: {subject} relation: {relation}"
    fields = ("subject", "relation")
    metrics = ("exact_match", "f1")

    def parts(self, question: str) -> dict[str, str]:
        """Subject and relation.

        Raises:
            DataError: the input is not ``subject [SEP] relation``.
        """
        subject, separator, relation = question.partition(SEPARATOR)
        if not (separator and subject.strip() and relation.strip()):
            raise DataError(
                f"task {self.key}: expected 'subject {SEPARATOR} relation' as input, found {question!r:.80}"
            )
        return {"subject": subject.strip(), "relation": relation.strip()}
