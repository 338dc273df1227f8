"""GTR (arXiv 2112.07899), a T5 encoder that makes one vector of a text, from its folder in Hugging Face's layout."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glimmer.data.files import read_json
from glimmer.data.values import Tokens
from glimmer.errors import CheckpointError, DataError
from glimmer.models.encoders.t5 import T5Encoder, T5EncoderConfig
from glimmer.models.huggingface.read import open_t5
from glimmer.models.huggingface.tensors import open_tensors

POOLING, PROJECTION = "1_Pooling", "2_Dense"
"""The folders of the modules behind the encoder."""
WEIGHT = "linear.weight"


class GTR(nn.Module):
    """Mean of the encoder's states, a linear map without bias, length 1; the product of two is their cosine."""

    def __init__(self, encoder: T5Encoder, width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.projection = nn.Linear(encoder.width, width, bias=False)

    def forward(self, tokens: Tokens) -> Tensor:
        """The vectors ``[N, E]`` of ``tokens [N, T]``, which end in end of sequence; zeros where all is padding."""
        encoder = self.encoder
        states = encoder.finish(encoder.run(encoder.embed(tokens), 0, encoder.layers, None))
        mask = states.mask[..., None]
        mean = (states.values * mask).sum(1) / mask.sum(1).clamp(min=1)
        return F.normalize(self.projection(mean), dim=-1)


def load_gtr(folder: Path) -> GTR:
    """Read encoder and projection, in evaluation mode.

    Raises:
        CheckpointError: a file is missing or damaged, tensors do not fit, or its modules are not GTR's.
    """
    sizes, tensors = open_t5(folder)
    weight = _projection(folder, sizes.width)
    config = T5EncoderConfig(name="t5", dropout=0.0, **sizes.encoder_options())
    with torch.device("meta"):  # no memory until the weights come
        model = GTR(T5Encoder(config, sizes.vocabulary, live_layers=0), weight.shape[0])
    model.to_empty(device="cpu")
    given = {**tensors, "projection.weight": weight}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(given[name])
    return model.eval()


def _projection(folder: Path, width: int) -> Tensor:
    pooling = _json(folder / POOLING / "config.json", "how GTR pools")
    if not pooling.get("pooling_mode_mean_tokens", pooling.get("pooling_mode") == "mean"):
        raise CheckpointError(f"{folder / POOLING / 'config.json'}: expected the mean of all tokens, as GTR pools")
    dense = _json(folder / PROJECTION / "config.json", "GTR's projection")
    if dense.get("bias") or not str(dense.get("activation_function", "Identity")).endswith("Identity"):
        raise CheckpointError(
            f"{folder / PROJECTION / 'config.json'}: expected no bias and no activation, as GTR has it"
        )
    found = open_tensors(folder / PROJECTION)
    shape = (dense.get("out_features"), width)
    if found.keys() != {WEIGHT} or tuple(found[WEIGHT].shape) != shape:
        said = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in found.items())
        raise CheckpointError(f"{folder / PROJECTION}: expected {WEIGHT} {shape}, found {said or 'nothing'}")
    return found[WEIGHT]


def _json(path: Path, expected: str) -> dict[str, Any]:
    try:
        return read_json(path, expected)
    except DataError as error:
        raise CheckpointError(str(error)) from None
