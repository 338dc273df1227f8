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

    metrics = ("exact_match", "f1")

    def prompt(self, question: str) -> str:
        """``slot: subject relation: relation``.

        Raises:
            DataError: the input is not ``subject [SEP] relation``.
        """
        subject, separator, relation = question.partition(SEPARATOR)
        if not (separator and subject.strip() and relation.strip()):
            raise DataError(
                f"task {self.key}: expected 'subject {SEPARATOR} relation' as input, found {question!r:.80}"
            )
        return f"slot: {subject.strip()} relation: {relation.strip()}"
