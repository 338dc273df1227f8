"""Greedy and beam search over a decoder with a key-value cache, for a batch of questions.

Legend: B questions, R beams, V vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from glimmer.models.decoders.base import Decoder
from glimmer.models.values import Ranking, Source
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
    decoder: Decoder, encoded: Source, config: GenerationConfig, eos: int
) -> tuple[list[list[int]], list[float]]:
    """Decode the best answer for every row of ``encoded [B, S, D]``; it does not depend on which rows share a batch.

    Returns:
        The answers, and their log-likelihoods over ``length^length_penalty``; a length counts the end of sequence.
    """
    tokens, scores = (_greedy if config.beams == 1 else _beams)(decoder, encoded, config, eos)
    return [_until(row, eos) for row in tokens.tolist()], scores.tolist()


def _greedy(decoder: Decoder, encoded: Source, config: GenerationConfig, eos: int) -> tuple[Tensor, Tensor]:
    """The most likely token at every step, until each row has ended."""
    rows, device = encoded.values.shape[0], encoded.values.device
    cache = decoder.start(encoded, 1)
    scores, lengths = torch.zeros(rows, device=device), torch.zeros(rows, device=device)
    done = torch.zeros(rows, dtype=torch.bool, device=device)
    token = torch.full((rows,), decoder.start_id, dtype=torch.long, device=device)
    output = []
    for _ in range(config.max_tokens):
        log_p, token = torch.log_softmax(decoder.step(token, cache).float(), dim=-1).max(-1)
        token = token.masked_fill(done, eos)
        scores, lengths = scores + log_p.masked_fill(done, 0.0), lengths + (~done).float()
        output.append(token)
        done = done | (token == eos)
        if bool(done.all()):
            break
    return torch.stack(output, 1), scores / lengths.clamp(min=1) ** config.length_penalty


def _beams(decoder: Decoder, encoded: Source, config: GenerationConfig, eos: int) -> tuple[Tensor, Tensor]:
    """Beam search as T5's users know it: R open answers and the R best finished ones of every question.

    Of the 2R most likely continuations those that end, if they are among the first R, are finished answers; the first
    R others stay open. A question is done when it has R finished answers and its best open one, were it to end now,
    would not be better than the worst of them. At the last step all end.
    """
    (questions, _, _), beams, device = encoded.values.shape, config.beams, encoded.values.device
    cache = decoder.start(encoded, beams)
    scores = torch.full((questions, beams), float("-inf"), device=device)
    scores[:, 0] = 0.0
    output = torch.empty((questions, beams, 0), dtype=torch.long, device=device)
    finished_scores = torch.full_like(scores, float("-inf"))
    finished = torch.full((questions, beams, config.max_tokens), eos, dtype=torch.long, device=device)
    done = torch.zeros((questions, 1), dtype=torch.bool, device=device)
    tokens = torch.full((questions * beams,), decoder.start_id, dtype=torch.long, device=device)
    for length in range(1, config.max_tokens + 1):
        logits = decoder.step(tokens, cache).float().view(questions, beams, -1)
        vocabulary = logits.shape[-1]
        total = (scores[..., None] + torch.log_softmax(logits, dim=-1)).view(questions, -1)
        best, place = total.topk(min(2 * beams, total.shape[1]), dim=1)
        parent, token = place // vocabulary, place % vocabulary
        longer = torch.cat([output.gather(1, parent[..., None].expand(-1, -1, length - 1)), token[..., None]], dim=2)
        ends = (token == eos) | (length == config.max_tokens)
        first = torch.arange(best.shape[1], device=device) < beams
        ended = (best / length**config.length_penalty).masked_fill(~ends | ~first | done, float("-inf"))
        padded = torch.nn.functional.pad(longer, (0, config.max_tokens - length), value=eos)
        finished_scores, kept = torch.cat([finished_scores, ended], 1).topk(beams, dim=1)
        finished = torch.cat([finished, padded], 1).gather(1, kept[..., None].expand(-1, -1, config.max_tokens))
        scores, kept = best.masked_fill(ends, float("-inf")).topk(beams, dim=1)
        output = longer.gather(1, kept[..., None].expand(-1, -1, length))
        done = done | (scores[:, :1] / length**config.length_penalty <= finished_scores[:, -1:])
        if length == config.max_tokens or bool(done.all()):
            break
        rows = torch.arange(questions, device=device)[:, None] * beams + parent.gather(1, kept)
        cache.reorder(rows.view(-1))
        tokens = token.gather(1, kept).reshape(-1)
    return finished[:, 0], finished_scores[:, 0]


def _until(row: list[int], eos: int) -> list[int]:
    return row[: row.index(eos)] if eos in row else row
