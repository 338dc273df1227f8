"""Write the memory of a passage collection into a store, by a trained run's encoder."""

import hashlib
import random
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import chain, islice
from pathlib import Path

import torch
from torch import Tensor

from glimmer.data.values import Passage, Tokens
from glimmer.errors import ConfigError
from glimmer.inference.ahead import ahead
from glimmer.inference.codec import chosen_codec
from glimmer.inference.progress import Progress
from glimmer.inference.run import LoadedRun
from glimmer.memory import Codec
from glimmer.memory.codecs import Sample
from glimmer.memory.writer import Encoded, Plan, Share, StoreWriter
from glimmer.models.reader import Reader
from glimmer.registry import ComponentConfig

SHARD_BYTES = 1 << 30
"""A shard's states take at most so much, where every passage is as long as the run admits."""
SHARD_PASSAGES = 1 << 16
"""Passages of a shard at most: their tokens are held while it is written, and are what an interruption costs."""


def encode_passages(
    run: LoadedRun,
    passages: Iterable[Passage],
    output: Path,
    codec: ComponentConfig | None,
    *,
    batch_size: int = 64,
    shard_passages: int | None = None,
    share: Share | None = None,
    progress: bool = False,
) -> bool:
    """Encode ``passages`` in the run's own arithmetic into the store ``output``; whether it is complete then.

    A sequence is read shard by shard, anything else from its beginning to its end; neither is ever held whole. A shard
    is made of ``shard_passages`` passages that follow each other (by default 65,536, or as many as surely fit into a
    gibibyte), longest first, so that passages of a length are encoded together and little is spent on padding. A store
    that was begun before, by the same run, codec, shards and ``batch_size``, is gone on with: finished shards stay
    unless their passages have changed. Several processes can each write their ``share``; the last one completes the
    store.

    ``codec`` None is the one that the memory has learned itself, or else raw. A codec that has still to learn is fitted
    to some of the passages first.

    Raises:
        ConfigError: the run's model makes no memory, or the memory has still to learn its codec.
        StoreError: ``output`` is a complete store, or written by another process, or begun by other options; a passage
            id comes twice; or the disk refuses a write, where finished shards are kept.
    """
    reader = reader_with_memory(run)
    built = chosen_codec(codec, reader)
    size = shard_passages or _shard_passages(run, built)
    plan = Plan(built, reader.memory_fingerprint(), size, batch_size)
    share = share or Share()
    total = _count(len(passages), size, share) if isinstance(passages, Sequence) else None
    with StoreWriter(output, plan, share) as writer, Progress(total, progress) as shown:
        if writer.published:
            return True
        if built.sample or built.arrays():
            taken: list[Passage] = []
            stream = passages if isinstance(passages, Sequence) else iter(passages)
            chosen = _spread(stream, built.sample, taken)
            with shown.learning():
                writer.learn(lambda: built.fit(_sample(run, chosen, batch_size, built)))
            passages = stream if isinstance(stream, Sequence) else chain(taken, stream)
        sources: dict[int, str] = {}
        shards = 0
        for shards, some in enumerate(_ranges(passages, size, share), start=1):
            if some is not None:
                mine = share.has(shards - 1)
                sources[shards - 1] = write_shard(run, writer, shards - 1, some, shown) if mine else _source(some)
        if not writer.has(shards):
            return False
        if isinstance(passages, Sequence):  # others may have written theirs when the passages were other ones
            others = sorted(set(range(shards)) - sources.keys())
            sources |= {number: _source(passages[number * size : (number + 1) * size]) for number in others}
        return writer.publish([sources[number] for number in range(shards)])


def reader_with_memory(run: LoadedRun) -> Reader:
    """The run's reader.

    Raises:
        ConfigError: it makes no memory.
    """
    if not isinstance(run.reader, Reader) or not run.reader.encoder.memory_layers:
        raise ConfigError(
            f"{run.folder} has no memory layers, so there is nothing to store; expected model=reader with "
            "model.live_layers below encoder.layers"
        )
    return run.reader


def write_shard(
    run: LoadedRun, writer: StoreWriter, number: int, passages: Sequence[Passage], progress: Progress
) -> str:
    """Encode one shard, unless it is finished and made of these passages; returns a hash of them.

    Raises:
        StoreError: the disk refuses a write.
    """
    source = _source(passages)
    if writer.finished(number, source):
        progress.skip(len(passages))
        return source
    stream = encoded(run, passages, writer.plan.batch_size)
    # A CPU's cores are all at work on encoding already: two threads would only wait for each other.
    with nullcontext(stream) if run.device.type == "cpu" else ahead(stream) as states:
        writer.write(number, passages[0].id, source, states, progress.done)
    return source


def encoded(run: LoadedRun, passages: Sequence[Passage], batch_size: int) -> Iterator[Encoded]:
    """Every passage's id, token ids and states ``[T, D]``, longest first."""
    for rows, tokens in batches_of(run, passages, batch_size):
        states = encode_batch(run, tokens).float().cpu()
        lengths = tokens.mask.sum(1).tolist()
        for row, ids, length, values in zip(rows, tokens.ids.tolist(), lengths, states, strict=True):
            yield passages[row].id, ids[:length], values[:length]


def batches_of(run: LoadedRun, passages: Sequence[Passage], batch_size: int) -> Iterator[tuple[Sequence[int], Tokens]]:
    """Batches of passages of like length, longest first: their rows in ``passages`` and their tokens."""
    tokens = [array("i", run.collator.encode_passage(passage)) for passage in passages]
    longest_first = sorted(range(len(passages)), key=lambda row: -len(tokens[row]))
    for start in range(0, len(passages), batch_size):
        rows = longest_first[start : start + batch_size]
        yield rows, Tokens.pad([tokens[row] for row in rows], run.tokenizer.pad_id).to(run.device)


def encode_batch(run: LoadedRun, tokens: Tokens) -> Tensor:
    """The memory ``[P, T, D]`` of passages, in the run's own arithmetic."""
    with torch.inference_mode(), run.autocast():
        return reader_with_memory(run).encode_memory(tokens).values


def _ranges(passages: Iterable[Passage], size: int, share: Share) -> Iterator[Sequence[Passage] | None]:
    """The passages of every shard; None where it is another's and need not be read to find the next."""
    if isinstance(passages, Sequence):
        for number, start in enumerate(range(0, len(passages), size)):
            yield passages[start : start + size] if share.has(number) else None
        return
    stream = iter(passages)
    while some := tuple(islice(stream, size)):
        yield some


def _count(passages: int, size: int, share: Share) -> int:
    """How many passages are in the shards of a share."""
    starts = enumerate(range(0, passages, size))
    return sum(min(size, passages - start) for number, start in starts if share.has(number))


def _shard_passages(run: LoadedRun, codec: Codec) -> int:
    stored = codec.bytes_per_token * codec.stored_tokens(run.config.collator.passage_tokens)
    return max(1, min(SHARD_PASSAGES, SHARD_BYTES // stored))


def _spread(passages: Iterable[Passage], most: int, taken: list[Passage]) -> Iterator[Passage]:
    """Passages to learn from: of a sequence any, the same at every call; of a stream the first, which are ``taken``."""
    if isinstance(passages, Sequence):
        rows = random.Random(0).sample(range(len(passages)), min(len(passages), most))
        yield from (passages[row] for row in rows)
        return
    for passage in passages:
        taken.append(passage)
        yield passage


def _sample(run: LoadedRun, passages: Iterator[Passage], batch_size: int, codec: Codec) -> Sample:
    """Passages of which the codec stores as many tokens as it wants to see, where there are as many."""
    found: list[tuple[Tensor, Tensor]] = []
    stored = 0
    while stored < codec.sample and (some := tuple(islice(passages, batch_size))):
        states = [(values, torch.tensor(tokens)) for _, tokens, values in encoded(run, some, batch_size)]
        found.extend(states)
        stored += sum(codec.stored_tokens(len(values)) for values, _ in states)
    return found


def _source(passages: Sequence[Passage]) -> str:
    """A hash of all that a shard is made of."""
    digest = hashlib.blake2b(digest_size=16)
    for passage in passages:
        for text in (passage.id, passage.title, passage.text):
            data = text.encode()
            digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()
