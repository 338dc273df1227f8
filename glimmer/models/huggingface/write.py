"""Write a reader as a T5 checkpoint in Hugging Face's layout, what no T5 has in a second file."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from glimmer.data.files import write_json
from glimmer.data.folders import new_folder
from glimmer.data.hub import CONFIG
from glimmer.data.tokenizers import Tokenizer
from glimmer.errors import CheckpointError
from glimmer.models.base import Model
from glimmer.models.decoders.t5 import T5Decoder, T5DecoderConfig
from glimmer.models.encoders.t5 import T5Encoder, T5EncoderConfig
from glimmer.models.huggingface.names import POSITIONS, decoder_rows, encoder_rows
from glimmer.models.huggingface.read import EXTRA
from glimmer.models.huggingface.sizes import ENCODER_DECODER, ENCODER_ONLY, config_json, sizes_of
from glimmer.models.huggingface.tensors import FILES
from glimmer.models.weights import HEAD, LIVE_TABLE, head_of, learned_of

TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
}


def write_t5(
    reader: Model, tokenizer: Tokenizer, folder: Path, dtype: torch.dtype = torch.float32
) -> dict[str, list[str]]:
    """Write the new folder ``folder``: it appears complete or not at all.

    ``model.safetensors`` holds the T5: transformers computes with it what the reader does where all layers are live
    (FiD). With memory layers its one position table is theirs. ``glimmer.safetensors`` holds the rest (the live
    layers' own table, marks, reranker head, codebooks), and the whole decoder where that is no T5's (FiDO);
    ``load_t5`` reads both back.

    Returns:
        The names of the reader's tensors in each of the two files.

    Raises:
        CheckpointError: encoder or decoder are not T5's.
        DataError: the folder cannot be written, or holds something.
    """
    encoder, decoder = getattr(reader, "encoder", None), getattr(reader, "decoder", None)
    if type(encoder) is not T5Encoder or type(decoder) is not T5Decoder:
        kinds = f"{type(encoder).__name__} and {type(decoder).__name__}"
        raise CheckpointError(f"only a reader of T5's encoder and decoder is a T5, and this one has {kinds}")
    assert isinstance(encoder.config, T5EncoderConfig)
    assert isinstance(decoder.config, T5DecoderConfig)
    sizes = sizes_of(encoder.config, decoder.config, encoder.vocabulary)
    whole = _is_plain(decoder.config, sizes.decoder_options(), sizes.width)
    parameters = dict(reader.named_parameters())
    rows = [*encoder_rows(sizes), *(decoder_rows(sizes) if whole else ())]
    own = {ours: LIVE_TABLE if ours == POSITIONS and POSITIONS not in parameters else ours for ours, _, _ in rows}
    learned = learned_of(reader)
    extra = [*(name for name in parameters if name not in own.values()), *learned]

    def stored(name: str) -> Tensor:
        tensor = learned[name] if name in learned else parameters[name].detach().to(dtype)
        return tensor.cpu().contiguous()

    with new_folder(folder) as made:
        save_file({theirs: stored(own[ours]) for ours, theirs, _ in rows}, made / FILES[0], {"format": "pt"})
        if extra:
            head = head_of(reader)
            save_file({name: stored(name) for name in extra}, made / EXTRA, None if head is None else {HEAD: head})
        architecture = ENCODER_DECODER if whole else ENCODER_ONLY
        write_json(made / CONFIG, config_json(sizes, encoder.config.dropout, architecture))
        tokenizer.save(made / "tokenizer.json")
        write_json(made / "tokenizer_config.json", TOKENIZER)
    return {FILES[0]: list(own.values()), EXTRA: extra}


def _is_plain(config: T5DecoderConfig, expected: dict[str, object], width: int) -> bool:
    """Whether a decoder is T5's: of the encoder's sizes, with all its heads and cross-attention in every layer."""
    same = all(getattr(config, key) == value for key, value in expected.items())
    heads = config.key_value_heads in (None, config.heads)
    return same and heads and config.cross_attention_period == 1 and config.width in (None, width)
