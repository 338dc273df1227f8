"""One vector of a text: the mean of what an encoder makes of its tokens."""

from torch import Tensor, nn
from torch.nn import functional as F

from glimmer.data.values import Tokens
from glimmer.models.encoders.base import Encoder


def mean_state(encoder: Encoder, tokens: Tokens) -> Tensor:
    """The mean ``[N, D]`` of the last layer's states of ``tokens [N, T]``; zeros where all is padding.

    It counts every token that is real, so also what a tokenizer puts round a text.
    """
    states = encoder.finish(encoder.run(encoder.embed(tokens), 0, encoder.layers, None))
    mask = states.mask[..., None]
    return (states.values * mask).sum(1) / mask.sum(1).clamp(min=1)


class SentenceEncoder(nn.Module):
    """The mean of an encoder's states, of length 1; the product of two is their cosine (MiniLM, Sentence-BERT)."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.width = encoder.width

    def forward(self, tokens: Tokens) -> Tensor:
        """The vectors ``[N, D]`` of framed ``tokens [N, T]``; zeros where all is padding."""
        return F.normalize(mean_state(self.encoder, tokens), dim=-1)
