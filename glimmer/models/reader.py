"""The one reader: FiD, LUMEN, GLIMMER and their variants are configurations of it.

    question ─► memory encoder ─► join ─► live A ─► score ─► select ─► live B ─► fuse ─► decoder
    passages ─► memory ───────────┘

Legend: B questions, P distinct passages, K candidates, M kept, N pairs, T tokens, D width, V vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glimmer.data.values import Batch, States, Tokens
from glimmer.memory.base import Memory
from glimmer.memory.fingerprint import Fingerprint, fingerprint
from glimmer.models.base import Model, register_model
from glimmer.models.decoders.base import Decoder
from glimmer.models.encoders.base import Encoder
from glimmer.models.generation import Generation, GenerationConfig, search
from glimmer.models.grouping import run_in_groups
from glimmer.models.initialisers import INITIALISERS
from glimmer.models.joins.base import Join
from glimmer.models.rerankers.base import Reranker
from glimmer.models.selectors.base import Selector
from glimmer.models.values import Pairs, Ranking, ReaderOutput, Source
from glimmer.options import option
from glimmer.registry import ComponentConfig


@dataclass(kw_only=True)
class ReaderConfig(ComponentConfig):
    """Where the encoder is split, and how the weights begin."""

    live_layers: int = option(
        4, "Encoder layers that see question and passage together, αL; the rest make the memory", least=0
    )
    rerank_layers: int = option(1, "Live layers that run before the score, βαL (live A)", least=0)
    question_block: bool = option(False, "Let the decoder also read the question's states alone, Dec[Q; …]")
    joint_probability: float = option(
        0.0,
        "Share of training batches whose memory layers see the pair, as FiD's do: one checkpoint then fits every split",
        least=0,
        most=1,
    )
    initialiser: str = option("t5", "How weights begin: t5, or copy_path for small readers trained from nothing")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(
            self.rerank_layers <= self.live_layers, "rerank_layers", f"at most live_layers = {self.live_layers}"
        )


@register_model("reader", ReaderConfig)
class Reader(Model):
    """Encode, join, score, select, encode on, fuse, decode."""

    def __init__(
        self,
        config: ReaderConfig,
        encoder: Encoder,
        memory: Memory,
        join: Join,
        reranker: Reranker,
        selector: Selector,
        decoder: Decoder,
        eos_id: int = 1,
    ) -> None:
        super().__init__()
        self.config = config
        self.encoder, self.memory, self.join = encoder, memory, join
        self.reranker, self.selector, self.decoder = reranker, selector, decoder
        self.eos_id = eos_id
        self.split = encoder.memory_layers
        self.score_after = encoder.memory_layers + config.rerank_layers
        initialise = INITIALISERS.build(INITIALISERS.configure(config.initialiser))
        if not encoder.embedding.weight.is_meta:  # a sketch has no values to set
            initialise(self)
            encoder.initialise()
        memory.allocate(encoder.width)
        memory.prepare(encoder.memory_modules(), self.memory_fingerprint)

    def forward(self, batch: Batch, every_passage: bool = False) -> ReaderOutput:
        """Teacher-forced pass over B questions."""
        pairs, ranking, fused = self._read(batch, every_passage)
        logits = self.decoder(batch.targets.ids, fused, batch.targets.mask)
        return ReaderOutput(logits, ranking, pairs, self.reranker.learned)

    def passage_log_likelihood(self, output: ReaderOutput, batch: Batch, pairs: Tensor | None = None) -> Tensor:
        """Log-likelihood ``[N]`` of each pair's target given that passage alone (perplexity distillation's target)."""
        chosen = output.pairs if pairs is None else output.pairs.rows(pairs)
        targets = Tokens(batch.targets.ids[chosen.question], batch.targets.mask[chosen.question])
        logits = self.decoder(targets.ids, chosen.source(batch), targets.mask)
        log_p = torch.log_softmax(logits.float(), dim=-1).gather(-1, targets.ids[targets.mask][:, None])[:, 0]
        return targets.placed(log_p).sum(1)

    def source_attention(self, pairs: Pairs, targets: Tensor) -> Tensor:
        """Logits ``[N, T, S]`` with which each step of ``targets [B, T]`` looks at the tokens of finished pairs.

        Raises:
            ConfigError: the decoder has no cross-attention that can be taught.
        """
        return self.decoder.source_attention(targets[pairs.question], pairs.states.values)

    @torch.no_grad()
    def read(self, batch: Batch) -> tuple[Ranking, Source]:
        """The source side alone: the ranking, and the fused states ``[B, S, D]`` that the decoder reads."""
        _, ranking, fused = self._read(batch, every_passage=False)
        return ranking, fused

    @torch.no_grad()
    def generate(self, batch: Batch, config: GenerationConfig) -> Generation:
        """Decode an answer for every question, greedily or by beams."""
        ranking, fused = self.read(batch)
        tokens, scores = search(self.decoder, fused, config, self.eos_id)
        return Generation(tokens, scores, ranking)

    def _read(self, batch: Batch, every_passage: bool) -> tuple[Pairs, Ranking, Source]:
        pairs = self._join(batch)
        pairs = self._run(pairs, self.split, self.score_after)
        scores = self.reranker(pairs, batch.retrieval_scores)
        ranking = Ranking(scores, self.selector(scores))
        row = torch.full(scores.shape, -1, dtype=torch.long, device=scores.device)
        row[pairs.question, pairs.slot] = torch.arange(len(pairs.question), device=scores.device)
        kept = row.gather(1, ranking.kept.clamp(min=0)).masked_fill(ranking.kept < 0, -1)
        if not every_passage:
            rows = kept[kept >= 0]
            pairs = pairs.rows(rows)
            kept = kept.masked_scatter(kept >= 0, torch.arange(len(rows), device=kept.device))
        pairs = self._run(pairs, self.score_after, self.encoder.layers)
        states = self.encoder.finish(pairs.states)
        pairs = Pairs(states, pairs.question, pairs.slot, pairs.question_lengths)
        fused = fuse(pairs.source(batch), kept)
        if self.config.question_block:
            fused = _concatenate(self._question_block(batch), fused)
        return pairs, ranking, fused

    def _join(self, batch: Batch) -> Pairs:
        """The pairs as they enter the live layers."""
        questions = self.encoder.embed(batch.questions)
        joint = (
            self.training and self.config.joint_probability > 0 and bool(torch.rand(()) < self.config.joint_probability)
        )
        if joint:
            passages = self.encoder.embed(batch.passages)
            return self._run(self.join(questions, passages, batch.index), 0, self.split)
        questions = self.encoder.run(questions, 0, self.split, None)
        passages = self.memory(self.encode_memory, batch.passages, batch.passage_ids)
        pairs: Pairs = self.join(questions, passages, batch.index)
        return pairs

    def encode_memory(self, passages: Tokens) -> States:
        """Run the memory layers over ``[P, T]`` tokens: the raw residual stream ``[P, T, D]``."""
        return self._layers(self.encoder.embed(passages), 0, self.split, None)

    def memory_fingerprint(self) -> Fingerprint:
        """What ``encode_memory`` depends on: a store of its states is this reader's as long as this is equal."""
        encoder = self.encoder
        text = self.memory.text_fingerprint
        return fingerprint(encoder.config, encoder.memory_modules(), encoder.memory_layers, text)

    def _run(self, pairs: Pairs, start: int, stop: int) -> Pairs:
        states = self._layers(pairs.states, start, stop, pairs.question_lengths)
        return Pairs(states, pairs.question, pairs.slot, pairs.question_lengths)

    def _layers(self, states: States, start: int, stop: int, question_lengths: Tensor | None) -> States:
        if start == stop:
            return states
        return run_in_groups(
            lambda some, lengths: self.encoder.run(some, start, stop, lengths), states, question_lengths
        )

    def _question_block(self, batch: Batch) -> Source:
        states = self.encoder.run(self.encoder.embed(batch.questions), 0, self.split, None)
        lengths = states.mask.sum(1)
        states = self.encoder.finish(self.encoder.run(states, self.split, self.encoder.layers, lengths))
        return Source(states.values, states.mask, batch.questions.ids)


def fuse(source: Source, kept: Tensor) -> Source:
    """Lay the kept pairs of each question side by side: ``[N, T, D]`` and rows ``kept [B, M]`` to ``[B, M·T, D]``.

    A question without passages gets a masked source of zeros: it attends to nothing, whatever shares its batch.
    """
    questions, count = kept.shape
    _, length, width = source.values.shape
    if not count or not source.values.shape[0]:
        nothing = torch.zeros(questions, 1, dtype=torch.long, device=kept.device)
        return Source(source.values.new_zeros(questions, 1, width), nothing.bool(), nothing)
    rows = kept.clamp(min=0)
    values = source.values[rows].view(questions, count * length, width)
    mask = (source.mask[rows] & (kept >= 0)[..., None]).view(questions, count * length)
    empty_rows = ~mask.any(1)
    if bool(empty_rows.any()):
        values = values.masked_fill(empty_rows[:, None, None], 0.0)
    return Source(values, mask, source.ids[rows].view(questions, count * length))


def _concatenate(first: Source, second: Source) -> Source:
    return Source(
        torch.cat([first.values, second.values], 1),
        torch.cat([first.mask, second.mask], 1),
        torch.cat([first.ids, second.ids], 1),
    )


def count_parameters(module: nn.Module) -> int:
    """The number of distinct parameters."""
    return sum(p.numel() for p in module.parameters())


def parameters_by_part(model: Model) -> dict[str, int]:
    """The number of distinct parameters of each part that has some; nothing of a model that is no ``Reader``.

    A parameter counts where it stands first: an embedding that serves encoder and decoder is neither's.
    """
    if not isinstance(model, Reader):
        return {}
    encoder = model.encoder
    parts: dict[str, list[nn.Module]] = {
        "embedding": [encoder.embedding],
        "memory layers": encoder.memory_modules(),
        "live layers": [encoder],
        "join": [model.join],
        "reranker": [model.reranker],
        "decoder": [model.decoder],
        "other": [model],
    }
    seen: set[nn.Parameter] = set()
    counts = {}
    for name, modules in parts.items():
        own = {parameter for module in modules for parameter in module.parameters()} - seen
        seen |= own
        counts[name] = sum(parameter.numel() for parameter in own)
    return {name: count for name, count in counts.items() if count}
