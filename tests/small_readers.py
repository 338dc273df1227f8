"""Small random readers and batches for tests of the composition."""

from typing import Any

import torch

from glimmer.data.values import Batch, Tokens
from glimmer.memory import MEMORIES
from glimmer.models.decoders import DECODERS
from glimmer.models.encoders import ENCODERS
from glimmer.models.joins import JOINS
from glimmer.models.reader import Reader, ReaderConfig
from glimmer.models.rerankers import RERANKERS
from glimmer.models.selectors import SELECTORS

VOCABULARY = 60
WIDTH = 32


def small_reader(
    layers: int = 4,
    live: int = 2,
    rerank: int = 1,
    reranker: str = "first_token",
    reranker_options: dict[str, Any] | None = None,
    selector: str = "all",
    selector_options: dict[str, Any] | None = None,
    memory: str = "online",
    memory_options: dict[str, Any] | None = None,
    encoder_options: dict[str, Any] | None = None,
    decoder_options: dict[str, Any] | None = None,
    seed: int = 0,
    vocabulary: int = VOCABULARY,
    join: str = "prepend",
    width: int = WIDTH,
    head_width: int = 8,
    encoder: str = "t5",
    **model: Any,
) -> Reader:
    """A reader in evaluation mode, float32, with weights that depend on the seed alone."""
    torch.manual_seed(seed)
    sizes: dict[str, Any] = {"heads": 4, "head_width": head_width, "feed_forward": 48}
    own = {name: size for name, size in sizes.items() if encoder == "t5" or name != "head_width"}
    stack = ENCODERS.build(
        ENCODERS.configure(encoder, layers=layers, width=width, **(own | (encoder_options or {}))),
        vocabulary=vocabulary,
        live_layers=live,
    )
    reader = Reader(
        ReaderConfig(name="reader", live_layers=live, rerank_layers=rerank, **model),
        stack,
        MEMORIES.build(MEMORIES.configure(memory, **(memory_options or {})), text_fingerprint="text"),
        JOINS.build(JOINS.configure(join), width=width),
        RERANKERS.build(RERANKERS.configure(reranker, **(reranker_options or {})), width=width),
        SELECTORS.build(SELECTORS.configure(selector, **(selector_options or {}))),
        DECODERS.build(
            DECODERS.configure("t5", **({"layers": 2} | sizes | (decoder_options or {}))), embedding=stack.embedding
        ),
    )
    return reader.eval()


def random_rows(rows: int, longest: int, generator: torch.Generator) -> list[list[int]]:
    """Ragged rows of random token ids."""
    lengths = torch.randint(2, longest + 1, (rows,), generator=generator).tolist()
    return [torch.randint(3, VOCABULARY, (n,), generator=generator).tolist() for n in lengths]


def small_batch(counts: tuple[int, ...] = (4, 2, 3), seed: int = 1) -> Batch:
    """A batch whose questions have ``counts`` passages; questions, passages and targets of ragged lengths."""
    generator = torch.Generator().manual_seed(seed)
    questions, total = len(counts), sum(counts)
    index = torch.full((questions, max(counts)), -1)
    scores = torch.full(index.shape, float("-inf"))
    first = 0
    for row, count in enumerate(counts):
        index[row, :count] = torch.arange(first, first + count)
        scores[row, :count] = torch.arange(count, 0, -1).float()
        first += count
    return Batch(
        ids=tuple(f"q{i}" for i in range(questions)),
        tasks=("open_qa",) * questions,
        questions=Tokens.pad(random_rows(questions, 6, generator)),
        passages=Tokens.pad(random_rows(total, 12, generator)),
        passage_ids=tuple(f"p{i}" for i in range(total)),
        index=index,
        retrieval_scores=scores,
        gold=index == 0,
        targets=Tokens.pad([[*row, 1] for row in random_rows(questions, 5, generator)]),
    )


def random_question(vocabulary: int, candidates: int, question: int, passage: int, seed: int = 0) -> Batch:
    """One question of ``question`` random tokens with ``candidates`` passages of ``passage`` random tokens."""
    generator = torch.Generator().manual_seed(seed)

    def tokens(rows: int, length: int) -> Tokens:
        ids = torch.randint(3, vocabulary, (rows, length), generator=generator)
        return Tokens(ids, torch.ones_like(ids, dtype=torch.bool))

    return Batch(
        ids=(f"random-{seed}",),
        tasks=("random",),
        questions=tokens(1, question),
        passages=tokens(candidates, passage),
        passage_ids=tuple(f"random-{seed}-{i}" for i in range(candidates)),
        index=torch.arange(candidates)[None],
        retrieval_scores=torch.arange(candidates, 0, -1, dtype=torch.float32)[None],
        gold=torch.zeros(1, candidates, dtype=torch.bool),
        targets=tokens(1, 1),
    )
