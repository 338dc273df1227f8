"""Greedy and beam search over a decoder with a key-value cache, for a batch of questions.

Legend: B questions, R beams, V vocabulary.
"""

from dataclasses import dataclass

import torch

from glimmer.data.values import States
from glimmer.models.decoders.base import Decoder
from glimmer.models.values import Ranking
from glimmer.options import Options, option


@dataclass(kw_only=True)
class GenerationConfig(Options):
    """How answers are decoded."""

    max_tokens: int = option(32, "Longest answer in tokens, end-of-sequence token included", least=1)
    beams: int = option(1, "Number of beams; 1 is greedy search, as in the papers", least=1)
    length_penalty: float = option(1.0, "A beam's score is its log-likelihood over its length to this power")


@dataclass(frozen=True)
class Generation:
    """The decoded answers of B questions."""

    tokens: list[list[int]]
    """Without padding and end-of-sequence token."""
    scores: list[float]
    """Length-normalised log-likelihoods."""
    ranking: Ranking


@torch.no_grad()
def search(
    decoder: Decoder, encoded: States, config: GenerationConfig, eos: int
) -> tuple[list[list[int]], list[float]]:
    """Decode the best answer for every row of ``encoded [B, S, D]``.

    A finished beam stays in the race with its score frozen; the search ends when every beam has finished, so the
    result does not depend on which questions share a batch.
    """
    questions, beams, device = encoded.values.shape[0], config.beams, encoded.values.device
    cache = decoder.start(encoded, beams)
    scores = torch.full((questions, beams), float("-inf"), device=device)
    scores[:, 0] = 0.0
    done = torch.zeros((questions, beams), dtype=torch.bool, device=device)
    lengths = torch.zeros((questions, beams), dtype=torch.long, device=device)
    output = torch.empty((questions, beams, 0), dtype=torch.long, device=device)
    tokens = torch.full((questions * beams,), decoder.start_id, dtype=torch.long, device=device)
    for step in range(config.max_tokens):
        logits = decoder.step(tokens, cache).float().view(questions, beams, -1)
        vocabulary = logits.shape[-1]
        log_p = torch.log_softmax(logits, dim=-1)
        stay = torch.full_like(log_p, float("-inf"))
        stay[..., eos] = 0.0
        total = scores[..., None] + torch.where(done[..., None], stay, log_p)
        new_lengths = lengths + (~done).long()
        ranked = total / new_lengths.clamp(min=1)[..., None].float() ** config.length_penalty
        best = ranked.view(questions, -1).topk(beams, dim=1).indices
        parent, token = best // vocabulary, best % vocabulary
        scores = total.view(questions, -1).gather(1, best)
        lengths = new_lengths.gather(1, parent)
        done = done.gather(1, parent) | (token == eos)
        output = torch.cat([output.gather(1, parent[..., None].expand(-1, -1, step)), token[..., None]], dim=2)
        if bool(done.all()):
            break
        if beams > 1:
            rows = torch.arange(questions, device=device)[:, None] * beams + parent
            cache.reorder(rows.view(-1))
        tokens = token.reshape(-1)
    normalised = scores / lengths.clamp(min=1).float() ** config.length_penalty
    winner = normalised.argmax(dim=1)
    rows = torch.arange(questions, device=device)
    answers = [_until(row, eos) for row in output[rows, winner].tolist()]
    return answers, normalised[rows, winner].tolist()


def _until(row: list[int], eos: int) -> list[int]:
    return row[: row.index(eos)] if eos in row else row
