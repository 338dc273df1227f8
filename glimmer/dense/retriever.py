"""Dense retrieval (Karpukhin et al. 2020): the passages whose vectors have the largest products with the question's."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from glimmer.data.files import content_hash
from glimmer.data.mapped import passages_hash
from glimmer.data.prompt import fields_of
from glimmer.data.values import Passage, Record
from glimmer.dense.checkpoint import Checkpoint, read_checkpoint, read_own
from glimmer.dense.embedder import Embedder
from glimmer.dense.faiss_index import FaissIndex, import_faiss
from glimmer.dense.text_encoder import POOLINGS
from glimmer.errors import ConfigError
from glimmer.options import option
from glimmer.precision import PRECISIONS, uses_bf16
from glimmer.retrieval.base import Hits, Retriever, RetrieverConfig, code_of, register_retriever
from glimmer.retrieval.vectors import Advance, Vectors, write_vectors

SEARCHES = ("exact", "faiss")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(kw_only=True)
class DenseConfig(RetrieverConfig):
    """Options of dense retrieval; what is null is as the checkpoint was trained."""

    weights: str = option(
        "", "A checkpoint's folder, hf:OWNER/NAME or installed:PACKAGE; with 'encoder', a file of a reader's weights"
    )
    encoder: Any = option(
        None, "An encoder whose weights stand under glimmer's names; null = what the checkpoint is", component="encoder"
    )
    tokenizer: Any = option(None, "Its tokenizer; null = the checkpoint's own", component="tokenizer")
    pooling: str | None = option(None, "How states become one vector: their mean, or the first", choices=POOLINGS)
    normalise: bool | None = option(None, "Make vectors of length 1, so that products are cosines")
    question_format: str = option("{question}", "What a question is encoded as")
    passage_format: str = option("{title} {text}", "What a passage is encoded as")
    question_tokens: int | None = option(
        None, "Tokens of a question at most, framing included; its end is cut", least=2
    )
    passage_tokens: int | None = option(None, "Tokens of a passage at most, framing included; its end is cut", least=2)
    tokens_at_once: int | None = option(
        None, "Tokens that are encoded at once, padding included; null = what suits the device", least=1
    )
    search: str = option("exact", "exact (by blocks), or faiss (the extra 'faiss')", choices=SEARCHES)
    faiss_index: str = option("Flat", "For faiss, the index as its index_factory describes one: Flat, IVF4096,SQ8, …")
    faiss_settings: str | None = option(None, "For faiss, how its index is searched, such as nprobe=32")
    precision: str = option("fp32", "Arithmetic of the encoder: fp32, bf16 (autocast), or auto", choices=PRECISIONS)
    device: str = option("auto", "auto (cuda where there is one), cpu or cuda", choices=DEVICES)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.weights != "", "weights", "a checkpoint's folder, hf:OWNER/NAME or installed:PACKAGE")
        self.require(self.encoder is None or self.tokenizer is not None, "tokenizer", "given where encoder is")
        self._require_fields("question_format", "question")
        self._require_fields("passage_format", "text", "title")

    def _require_fields(self, key: str, needed: str, *others: str) -> None:
        template: str = getattr(self, key)
        try:
            found = set(fields_of(template, key))
            template.format(**dict.fromkeys((needed, *others), ""))
        except (ConfigError, ValueError, LookupError):  # LookupError is of a field that is not known
            found = set()
        known = " and ".join(f"{{{name}}}" for name in (needed, *others))
        self.require(needed in found <= {needed, *others}, key, f"a text with {{{needed}}}, and no field but {known}")


@register_retriever("dense", DenseConfig)
class Dense(Retriever):
    """Passages by the product of an encoder's vectors; those of the passages are kept in the cache folder."""

    config: DenseConfig
    at_once = 2048  # every look at the bar is a pass over all vectors

    def retrieve(self, queries: Sequence[str], k: int) -> list[Hits]:
        """The best ``k`` passages of every query, all those of the collection where they are fewer."""
        texts = [self.config.question_format.format(question=query) for query in queries]
        scores, rows = self._index.search(self._embedder(texts, self._limit("question_tokens")), k)
        pairs = (zip(*found, strict=True) for found in zip(rows.tolist(), scores.tolist(), strict=True))
        return [[(row, score) for row, score in hits if row >= 0] for hits in pairs]

    def retrieve_records(self, records: Sequence[Record], name: str, k: int) -> Iterator[Hits]:
        """The best ``k`` passages of every record; what took memory for it is let go of."""
        yield from super().retrieve_records(records, name, k)
        self._release()

    def check(self) -> None:
        """Refuse a checkpoint or a device that is not there or does not fit, and FAISS where it is not installed.

        Raises:
            CheckpointError: there is no such checkpoint, or it does not fit.
            ConfigError: the device or FAISS is missing, or texts may be longer than the encoder's positions.
        """
        _device(self.config.device)
        self.fingerprint("")

    def fingerprint(self, name: str) -> str:
        """The options, the code, and the weights and tokenizer that the checkpoint holds.

        Raises:
            CheckpointError: there is no such checkpoint, or it does not fit.
            ConfigError: FAISS is missing, or texts may be longer than the encoder's positions.
        """
        searcher = import_faiss().__version__ if self.config.search == "faiss" else ""
        found = content_hash(super().fingerprint(name), self._key, searcher)
        self._release()  # where candidates are kept, nothing is encoded
        return found

    @classmethod
    def code(cls) -> str:
        """A hash of the code that decides what is found.

        Raises:
            ConfigError: a module of it has no file.
        """
        return content_hash(super().code(), *(code_of(part, part) for part in (Vectors, FaissIndex)))

    @cached_property
    def _checkpoint(self) -> Checkpoint:
        c = self.config
        if c.encoder is not None:
            return read_own(c.weights, c.encoder, c.tokenizer, c.pooling, c.normalise)
        return read_checkpoint(c.weights, c.tokenizer, c.pooling, c.normalise)

    @cached_property
    def _embedder(self) -> Embedder:
        made, c = self._checkpoint, self.config
        device = _device(c.device)
        return Embedder(made.model.to(device), made.tokenizer, uses_bf16(c.precision, device), c.tokens_at_once)

    @cached_property
    def _key(self) -> str:
        """All that decides a passage's vector beside the passage: two folders that hold the same are the same."""
        made, c = self._checkpoint, self.config
        self._limit("question_tokens")
        precision = "bf16" if uses_bf16(c.precision, _device(c.device)) else "fp32"
        settings = (c.passage_format, self._limit("passage_tokens"), precision)
        parts = (made.model.fingerprint(), made.tokenizer.fingerprint(), code_of(Embedder, Embedder))
        return content_hash(*parts, repr(settings))

    @cached_property
    def _index(self) -> Vectors | FaissIndex:
        """What is searched."""
        c, vectors = self.config, self._vectors()
        return vectors if c.search == "exact" else FaissIndex(vectors, c.faiss_index, c.faiss_settings)

    @cached_property
    def _temporary(self) -> "tempfile.TemporaryDirectory[str]":
        """Where vectors are that are not to be kept: it goes with this retriever."""
        return tempfile.TemporaryDirectory(prefix="glimmer-vectors-")

    def _vectors(self) -> Vectors:
        """The passages' vectors: opened in the cache folder, or made and kept there."""
        key = content_hash(self._key, passages_hash(self.passages))
        folder = (Path(self._temporary.name) if self.cache is None else self.cache) / f"dense-{key}"
        if not folder.exists():
            write_vectors(folder, key, len(self.passages), self._checkpoint.model.width, self._embed)
        return Vectors(folder)

    def _embed(self, start: int, stop: int, advance: Advance) -> Tensor:
        texts = [self._text(self.passages[row]) for row in range(start, stop)]
        return self._embedder(texts, self._limit("passage_tokens"), advance)

    def _text(self, passage: Passage) -> str:
        return self.config.passage_format.format(title=passage.title, text=passage.text).strip()

    def _limit(self, key: str) -> int:
        """The tokens of a text at most, as the option ``key`` or else the checkpoint says.

        Raises:
            ConfigError: they are more than the encoder has positions.
        """
        asked, most = getattr(self.config, key), self._checkpoint.model.positions
        if most is not None and asked is not None and asked > most:
            raise ConfigError(f"the dense retriever's {key} = {asked} is more than the {most} positions of its encoder")
        tokens: int = asked or self._checkpoint.tokens
        return tokens if most is None else min(tokens, most)

    def _release(self) -> None:
        """Let go of weights and index; they are read again when they are needed."""
        for name in ("_checkpoint", "_embedder", "_index"):
            self.__dict__.pop(name, None)


def _device(name: str) -> torch.device:
    """The device that an option names.

    Raises:
        ConfigError: it is cuda, and there is none.
    """
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ConfigError("the dense retriever's device is cuda, but torch finds no CUDA device here; use auto or cpu")
    return torch.device("cuda" if name != "cpu" and there else "cpu")
