"""A BERT's sizes: ``config.json`` in Hugging Face's terms, and the options of our encoder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimmer.errors import CheckpointError
from glimmer.models.encoders.bert import ACTIVATIONS
from glimmer.models.huggingface.config_file import BERT, read_config

KEYS = {
    "vocab_size": "vocabulary",
    "hidden_size": "width",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "intermediate_size": "feed_forward",
    "max_position_embeddings": "positions",
    "type_vocab_size": "types",
}
"""Their key → ``BertSizes``."""
EPSILON = 1e-12
"""Of the layer norms, where a file does not say it."""
FIXED: Mapping[str, Any] = {"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False}
"""What our encoder cannot do otherwise, and may be left out."""


@dataclass(frozen=True, kw_only=True)
class BertSizes:
    """All of a BERT that decides the shapes of its tensors and what is computed with them."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    feed_forward: int
    positions: int
    types: int
    activation: str = "gelu"
    epsilon: float = EPSILON

    def encoder_options(self) -> dict[str, Any]:
        """The options of an encoder of these sizes."""
        names = (*(name for name in KEYS.values() if name != "vocabulary"), "activation", "epsilon")
        return {name: getattr(self, name) for name in names}


def read_bert_sizes(folder: Path) -> BertSizes:
    """Read a folder's ``config.json``.

    Raises:
        CheckpointError: it is missing or broken, of another kind of model, or of a BERT that cannot be built here.
    """
    config = read_config(folder)
    config.require({"model_type": BERT, **FIXED})
    found = config.numbers(KEYS, {})
    activation = config.activation("hidden_act", "gelu", ACTIVATIONS)
    epsilon = config.values.get("layer_norm_eps", EPSILON)
    if not isinstance(epsilon, int | float) or isinstance(epsilon, bool) or epsilon <= 0:
        raise CheckpointError(f"{config.path}: layer_norm_eps is {epsilon!r}; expected a number above 0")
    return BertSizes(**found, activation=activation, epsilon=float(epsilon))
