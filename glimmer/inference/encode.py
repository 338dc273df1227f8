"""Write the memory of a passage collection into a store, by a trained run's encoder."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from glimmer.data.values import Passage, Tokens
from glimmer.errors import ConfigError
from glimmer.inference.codec import chosen_codec, fit_codec
from glimmer.inference.run import LoadedRun
from glimmer.memory.store import write_store
from glimmer.models.reader import Reader
from glimmer.registry import ComponentConfig


def encode_passages(
    run: LoadedRun,
    passages: Sequence[Passage],
    output: Path,
    codec: ComponentConfig | None,
    *,
    batch_size: int = 64,
    progress: bool = False,
) -> None:
    """Encode ``passages`` in the run's own arithmetic into the store ``output``, which appears complete or not at all.

    ``codec`` is the configuration of the codec that they are stored by; None: the one that the memory
    has learned itself, or else raw.
    Passages are encoded longest first, with others of their length, so that little is spent on padding and what does
    not fit into memory fails at once. They are found in the store by id, not by place.

    Raises:
        ConfigError: the run's model makes no memory.
        StoreError: ``output`` exists, a passage id comes twice, or the disk refuses a write.
    """
    reader = run.reader
    if not isinstance(reader, Reader) or not reader.encoder.memory_layers:
        raise ConfigError(
            f"{run.folder} has no memory layers, so there is nothing to store; expected model=reader with "
            "model.live_layers below encoder.layers"
        )
    made = chosen_codec(codec, reader)
    fit_codec(made, passages, lambda some: (s for _, s in _encoded(run, reader, some, batch_size, False)), progress)
    rows = _encoded(run, reader, passages, batch_size, progress)
    write_store(output, rows, made, reader.memory_fingerprint())


def _encoded(
    run: LoadedRun, reader: Reader, passages: Sequence[Passage], batch_size: int, progress: bool
) -> Iterator[tuple[str, Tensor]]:
    """Every passage's id and its states ``[T, D]``, longest first."""
    tokens = [run.collator.encode_passage(passage) for passage in passages]
    longest_first = sorted(range(len(passages)), key=lambda row: -len(tokens[row]))
    with tqdm(total=len(passages), unit="passage", desc="encode", disable=not progress) as bar:
        for start in range(0, len(passages), batch_size):
            batch = longest_first[start : start + batch_size]
            padded = Tokens.pad([tokens[row] for row in batch], run.tokenizer.pad_id).to(run.device)
            with torch.inference_mode(), run.autocast():
                states = reader.encode_memory(padded).values.float().cpu()
            for row, values in zip(batch, states, strict=True):
                yield passages[row].id, values[: len(tokens[row])]
            bar.update(len(batch))
