"""GTR (arXiv 2112.07899), a T5 encoder that makes one vector of a text, from its folder in Hugging Face's layout."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glimmer.data.values import Tokens
from glimmer.errors import CheckpointError
from glimmer.models.encoders.t5 import T5Encoder, T5EncoderConfig
from glimmer.models.huggingface.modules import DENSE, read_module, require_mean_pooling
from glimmer.models.huggingface.read import open_t5
from glimmer.models.huggingface.tensors import open_tensors
from glimmer.models.pooling import mean_state

WEIGHT = "linear.weight"


class GTR(nn.Module):
    """Mean of the encoder's states, a linear map without bias, length 1; the product of two is their cosine."""

    def __init__(self, encoder: T5Encoder, width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.projection = nn.Linear(encoder.width, width, bias=False)

    def forward(self, tokens: Tokens) -> Tensor:
        """The vectors ``[N, E]`` of ``tokens [N, T]``, which end in end of sequence; zeros where all is padding."""
        return F.normalize(self.projection(mean_state(self.encoder, tokens)), dim=-1)


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
    require_mean_pooling(folder, "GTR")
    dense = read_module(folder / DENSE / "config.json", "GTR's projection")
    if dense.get("bias") or not str(dense.get("activation_function", "Identity")).endswith("Identity"):
        raise CheckpointError(f"{folder / DENSE / 'config.json'}: expected no bias and no activation, as GTR has it")
    found = open_tensors(folder / DENSE)
    shape = (dense.get("out_features"), width)
    if found.keys() != {WEIGHT} or tuple(found[WEIGHT].shape) != shape:
        said = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in found.items())
        raise CheckpointError(f"{folder / DENSE}: expected {WEIGHT} {shape}, found {said or 'nothing'}")
    return found[WEIGHT]
