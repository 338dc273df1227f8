"""A BERT that makes one vector of a text (MiniLM, Sentence-BERT), from its folder in sentence-transformers' layout."""

from pathlib import Path

from glimmer.errors import CheckpointError
from glimmer.models.huggingface.bert import load_bert_encoder
from glimmer.models.huggingface.modules import DENSE, require_mean_pooling
from glimmer.models.pooling import SentenceEncoder


def load_sentence_encoder(folder: Path) -> SentenceEncoder:
    """Read a BERT whose normalised mean state is a text's vector, in evaluation mode.

    Raises:
        CheckpointError: a file is missing or damaged, tensors do not fit, or it pools in another way.
    """
    require_mean_pooling(folder, "a sentence encoder")
    if (folder / DENSE).exists():
        raise CheckpointError(f"{folder / DENSE}: a layer behind the mean, which a sentence encoder has not")
    return SentenceEncoder(load_bert_encoder(folder)).eval()
