"""Texts to vectors: tokenised, cut, and encoded beside others of like length."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from glimmer.data.tokenizers import Tokenizer
from glimmer.data.values import Tokens
from glimmer.dense.text_encoder import TextEncoder

AT_ONCE = {"cpu": 2048, "cuda": 65536}
"""Tokens of a batch by device, padding included: more would leave a CPU's cache, fewer would leave a GPU idle."""


@dataclass(frozen=True)
class Embedder:
    """An encoder of texts with its tokenizer, in evaluation mode on its device."""

    model: TextEncoder
    tokenizer: Tokenizer
    bf16: bool = False
    tokens_at_once: int | None = None

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str], limit: int, done: Callable[[int], object] | None = None) -> Tensor:
        """The vectors ``[N, E]`` of texts, float32 on the model's device; what they are does not hang on one another.

        Args:
            texts: N of them.
            limit: tokens of a text at most, framing included; its end is cut.
            done: is told how many more texts are encoded.
        """
        device = self.device
        ids = [self.ids(text, limit) for text in texts]
        order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))  # the longest first: what fits, fits to the end
        vectors = torch.empty(len(texts), self.model.width, device=device)
        most = self.tokens_at_once or AT_ONCE.get(device.type, AT_ONCE["cuda"])
        start = 0
        while start < len(order):
            rows = order[start : start + max(1, most // max(1, len(ids[order[start]])))]
            tokens = Tokens.pad([ids[row] for row in rows], self.tokenizer.pad_id).to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=self.bf16):
                vectors[torch.tensor(rows, device=device)] = self.model(tokens)
            start += len(rows)
            if done is not None:
                done(len(rows))
        return vectors

    def ids(self, text: str, limit: int) -> list[int]:
        """The ids of a text, cut, in the frame of a passage: so were all texts framed in the encoder's training."""
        return self.tokenizer.passage_frame.put_round(self.tokenizer.encode(text), limit)
