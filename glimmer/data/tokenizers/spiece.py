"""SentencePiece's ``spiece.model`` (T5's own file) as a ``tokenizer.json``, so that a run needs SentencePiece once."""

from importlib import import_module
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Library
from tokenizers.decoders import Metaspace

from glimmer.data.tokenizers.base import sentinel_text
from glimmer.errors import ConfigError, DataError

SENTINELS = 100
"""T5 adds so many ids behind the pieces of its file, the first sentinel last."""
UNIGRAM = 1
"""SentencePiece's number for the model that T5 uses."""


def convert(path: Path) -> str:
    """The text of the ``tokenizer.json`` that gives the ids of ``path``, with T5's sentinels.

    Raises:
        ConfigError: the package sentencepiece is not installed.
        DataError: the file is missing, damaged, or no unigram model.
    """
    try:
        format_ = import_module("sentencepiece.sentencepiece_model_pb2")
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise ConfigError(
            f"{path}: needs the extra 'sentencepiece' (pip install 'glimmer[sentencepiece]'): {error}"
        ) from None
    model: Any = format_.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}; expected SentencePiece's spiece.model") from None
    except DecodeError as error:
        raise DataError(f"{path}: not a SentencePiece model, or a damaged one: {error}") from error
    if not model.pieces or model.trainer_spec.model_type != UNIGRAM:
        raise DataError(f"{path}: no unigram model of SentencePiece; expected T5's spiece.model")
    pieces = [(piece.piece, piece.score) for piece in model.pieces]
    sentinels = [sentinel_text(i) for i in reversed(range(SENTINELS))]
    library: Any = Library(
        models.Unigram(
            [*pieces, *((text, 0.0) for text in sentinels)],
            unk_id=model.trainer_spec.unk_id,
            byte_fallback=model.trainer_spec.byte_fallback,
        )
    )
    steps: list[Any] = []
    if model.normalizer_spec.precompiled_charsmap:
        steps.append(normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap))
    steps += [normalizers.Replace(Regex(" {2,}"), " "), normalizers.Strip()]
    library.normalizer = normalizers.Sequence(steps)
    library.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    library.decoder = Metaspace(prepend_scheme="always")
    special = [piece for piece, _ in pieces[:3]]
    library.add_special_tokens([AddedToken(text, normalized=False) for text in (*special, *sentinels)])
    text: str = library.to_str()
    return text
