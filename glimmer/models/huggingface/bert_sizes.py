"""A BERT's sizes: ``config.json`` in Hugging Face's terms, and the options of our encoder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimmer.data.files import read_json
from glimmer.data.hub import CONFIG
from glimmer.errors import CheckpointError, DataError, suggest
from glimmer.models.encoders.bert import ACTIVATIONS

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
    path = folder / CONFIG
    try:
        theirs = read_json(path, "the configuration of a BERT in Hugging Face's layout")
    except DataError as error:
        raise CheckpointError(str(error)) from None
    if theirs.get("model_type", "bert") != "bert":
        raise CheckpointError(f"{path}: model_type is {theirs['model_type']!r}; expected 'bert'")
    for key, expected in FIXED.items():
        if theirs.get(key, expected) not in (expected, None):
            raise CheckpointError(f"{path}: {key} is {theirs[key]!r}; expected {expected!r}")
    found: dict[str, Any] = {}
    for key, name in KEYS.items():
        value = theirs.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            problem = "is missing" if value is None else f"is {value!r}"
            raise CheckpointError(f"{path}: {key} {problem}; expected a whole number of at least 1")
        found[name] = value
    activation = theirs.get("hidden_act", "gelu")
    if activation not in ACTIVATIONS:
        raise CheckpointError(
            f"{path}: hidden_act names an unknown activation {activation!r}; {suggest(str(activation), ACTIVATIONS)}"
        )
    epsilon = theirs.get("layer_norm_eps", EPSILON)
    if not isinstance(epsilon, int | float) or isinstance(epsilon, bool) or epsilon <= 0:
        raise CheckpointError(f"{path}: layer_norm_eps is {epsilon!r}; expected a number above 0")
    return BertSizes(**found, activation=activation, epsilon=float(epsilon))
