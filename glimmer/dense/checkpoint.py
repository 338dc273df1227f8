"""An encoder of texts read from a folder in Hugging Face's layout, or with weights under our own names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from glimmer.data.files import resolve_file
from glimmer.data.hub import resolve_folder
from glimmer.data.tokenizers import TOKENIZERS, Tokenizer, TokenizerConfig, load_tokenizer
from glimmer.dense.modules import read_modules
from glimmer.dense.text_encoder import TextEncoder
from glimmer.errors import CheckpointError
from glimmer.models.encoders import ENCODERS, Encoder
from glimmer.models.huggingface.bert import open_bert
from glimmer.models.huggingface.config_file import BERT, T5, family_of
from glimmer.models.huggingface.read import open_t5
from glimmer.models.huggingface.tensors import open_file
from glimmer.models.weights import assign_weights
from glimmer.registry import ComponentConfig

WEIGHTS = "weights.safetensors"
"""What ``glimmer export`` calls its file."""
LONGEST = 512
"""Tokens of a text, where nothing says how long they were in training."""

Parts = tuple[Encoder, Mapping[str, Tensor], TokenizerConfig]
"""An encoder without its weights, these by our names, and the options of its tokenizer."""


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
        raise CheckpointError(
            f"{source}: no such folder; expected as weights of a dense retriever that of a checkpoint, hf:OWNER/NAME "
            "or installed:PACKAGE"
        )
    encoder, tensors, own = READERS[family_of(folder)](folder)
    said = read_modules(folder, encoder.width)
    length1 = said.normalise is not False if normalise is None else normalise
    model = TextEncoder(encoder, pooling or said.pooling or "mean", length1, said.projection)
    assign_weights(model, tensors, str(folder))
    return _checkpoint(model, load_tokenizer(tokenizer or own), said.tokens, str(folder))


def read_own(
    source: str, config: ComponentConfig, tokenizer: TokenizerConfig, pooling: str | None, normalise: bool | None
) -> Checkpoint:
    """Read a registered encoder, whose weights stand under our names, those of a reader among others.

    Args:
        source: a file of weights, ``package:FILE`` or the folder of ``weights.safetensors``.
        config: the encoder's options.
        tokenizer: its tokenizer's.
        pooling: None = the mean.
        normalise: None = True.

    Raises:
        CheckpointError: there is no such file, or it does not fit.
        DataError: the tokenizer is missing or broken.
    """
    path = resolve_file(source)
    path = path / WEIGHTS if path.is_dir() else path
    loaded = load_tokenizer(tokenizer)
    encoder = ENCODERS.build(config, loaded.vocabulary, 0)
    model = TextEncoder(encoder, pooling or "mean", normalise is not False)
    tensors = {name: tensor for name, tensor in open_file(path).items() if name.startswith("encoder.")}
    assign_weights(model, tensors, str(path))
    return _checkpoint(model, loaded, None, str(path))


def _checkpoint(model: TextEncoder, tokenizer: Tokenizer, tokens: int | None, source: str) -> Checkpoint:
    rows = model.encoder.vocabulary
    if tokenizer.vocabulary > rows:
        raise CheckpointError(f"{source} has vectors for {rows} ids, and its tokenizer has {tokenizer.vocabulary}")
    return Checkpoint(model.eval(), tokenizer, tokens or LONGEST)


def _t5(folder: Path) -> Parts:
    sizes, tensors = open_t5(folder)
    config = ENCODERS.configure("t5", dropout=0.0, **sizes.encoder_options())
    own = {name: tensor for name, tensor in tensors.items() if name.startswith("encoder.")}
    return ENCODERS.build(config, sizes.vocabulary, 0), own, TOKENIZERS.configure("huggingface", file=str(folder))


def _bert(folder: Path) -> Parts:
    sizes, tensors = open_bert(folder)
    config = ENCODERS.configure("bert", dropout=0.0, **sizes.encoder_options())
    own = {f"encoder.{name}": tensor for name, tensor in tensors.items()}
    return ENCODERS.build(config, sizes.vocabulary, 0), own, TOKENIZERS.configure("wordpiece", file=str(folder))


READERS: dict[str, Callable[[Path], Parts]] = {BERT: _bert, T5: _t5}
"""How a folder is read, by its family."""
