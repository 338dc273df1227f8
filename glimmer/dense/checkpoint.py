"""An encoder of texts read from a folder in Hugging Face's layout, or with weights under our own names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from glimmer.data.files import read_json
from glimmer.data.hub import resolve_folder
from glimmer.data.tokenizers import TOKENIZERS, Tokenizer, TokenizerConfig, load_tokenizer
from glimmer.dense.modules import read_modules
from glimmer.dense.text_encoder import TextEncoder
from glimmer.errors import CheckpointError, DataError, suggest
from glimmer.models.encoders import ENCODERS, Encoder
from glimmer.models.huggingface.read import open_t5
from glimmer.models.huggingface.sizes import CONFIG
from glimmer.models.huggingface.tensors import open_file
from glimmer.models.weights import assign_weights
from glimmer.registry import ComponentConfig

WEIGHTS = "weights.safetensors"
"""What ``glimmer export`` calls its file."""
LONGEST = 512
"""Tokens of a text, where nothing says how long they were in training."""


@dataclass(frozen=True)
class Checkpoint:
    """An encoder of texts in evaluation mode, its tokenizer, and the tokens of a text at most."""

    model: TextEncoder
    tokenizer: Tokenizer
    tokens: int


def read_checkpoint(
    source: str, tokenizer: TokenizerConfig | None = None, pooling: str | None = None, normalise: bool | None = None
) -> Checkpoint:
    """Read a T5 or a BERT with what its folder says of its vectors; what is None is the folder's to say.

    A folder that says nothing means the mean of all tokens' states, made of length 1.

    Raises:
        CheckpointError: there is no such folder, or weights are missing, damaged, or do not fit.
        DataError: the tokenizer is missing or broken, or the hub has no such model.
        ConfigError: an extra is not installed.
    """
    folder = resolve_folder(source)
    if folder is None:
        raise CheckpointError(f"{source}: no such folder; expected a checkpoint's, hf:OWNER/NAME or installed:PACKAGE")
    encoder, tensors, own = _encoder(folder)
    said = read_modules(folder, encoder.width)
    length1 = said.normalise is not False if normalise is None else normalise
    model = TextEncoder(encoder, pooling or said.pooling or "mean", length1, said.projection)
    assign_weights(model, tensors, str(folder))
    return Checkpoint(model.eval(), load_tokenizer(tokenizer or own), said.tokens or LONGEST)


def read_own(
    source: str, config: ComponentConfig, tokenizer: TokenizerConfig, pooling: str | None, normalise: bool | None
) -> Checkpoint:
    """Read a registered encoder, whose weights stand under our names, those of a reader among others.

    Args:
        source: a file of weights, or the folder of ``weights.safetensors``.
        config: the encoder's options.
        tokenizer: its tokenizer's.
        pooling: None = the mean.
        normalise: None = True.

    Raises:
        CheckpointError: there is no such file, or it does not fit.
        DataError: the tokenizer is missing or broken.
    """
    path = Path(source) / WEIGHTS if Path(source).is_dir() else Path(source)
    loaded = load_tokenizer(tokenizer)
    encoder = ENCODERS.build(config, loaded.vocabulary, 0)
    model = TextEncoder(encoder, pooling or "mean", normalise is not False)
    tensors = {name: tensor for name, tensor in open_file(path).items() if name.startswith("encoder.")}
    assign_weights(model, tensors, str(path))
    return Checkpoint(model.eval(), loaded, LONGEST)


def _encoder(folder: Path) -> tuple[Encoder, Mapping[str, Tensor], TokenizerConfig]:
    """An encoder of a folder's sizes, its tensors by our names, and its tokenizer's options."""
    try:
        said = read_json(folder / CONFIG, "the configuration of an encoder in Hugging Face's layout")
    except DataError as error:
        raise CheckpointError(str(error)) from None
    kind = str(said.get("model_type", "t5"))
    if kind not in FAMILIES:
        raise CheckpointError(f"{folder / CONFIG}: cannot read model_type {kind!r}; {suggest(kind, FAMILIES)}")
    return FAMILIES[kind](folder)


def _t5(folder: Path) -> tuple[Encoder, Mapping[str, Tensor], TokenizerConfig]:
    sizes, tensors = open_t5(folder)
    config = ENCODERS.configure("t5", dropout=0.0, **sizes.encoder_options())
    own = {name: tensor for name, tensor in tensors.items() if name.startswith("encoder.")}
    return ENCODERS.build(config, sizes.vocabulary, 0), own, TOKENIZERS.configure("huggingface", file=str(folder))


FAMILIES: dict[str, Callable[[Path], tuple[Encoder, Mapping[str, Tensor], TokenizerConfig]]] = {"t5": _t5}
"""How a folder is read, by its ``model_type``."""
