"""Begin a reader from a checkpoint in Hugging Face's layout, whatever family its ``config.json`` names."""

from pathlib import Path

from glimmer.errors import CheckpointError
from glimmer.models.base import Model
from glimmer.models.huggingface.bert import load_bert
from glimmer.models.huggingface.config_file import T5, family_of
from glimmer.models.huggingface.read import load_t5


def load_checkpoint_folder(
    reader: Model, folder: Path, fresh: str | None = None, reduce: str | None = None
) -> list[str]:
    """Copy the weights of a T5 or a BERT into a reader; see ``load_t5`` and ``load_bert``.

    Returns:
        What is not as it was in the checkpoint, a line each.

    Raises:
        CheckpointError: the folder is of no known family, or does not fit the reader.
    """
    if family_of(folder) == T5:
        return load_t5(reader, folder, fresh, reduce)
    if reduce is not None:
        raise CheckpointError(f"{folder} is a BERT and has no decoder that trainer.reduce={reduce} could make smaller")
    load_bert(reader, folder, fresh)
    return []
