"""A corpus: a folder of passages and questions, with the candidates that a retriever finds for them."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from glimmer.data.files import content_hash, hash_all
from glimmer.data.kilt import Records, read_records
from glimmer.data.kilt_sets import check_set, kilt_name
from glimmer.data.lazy import Selection
from glimmer.data.mapped import passages_hash
from glimmer.data.passages import Collection, read_passages
from glimmer.data.values import Candidate, Passage, Provenance, Record
from glimmer.errors import DataError, suggest
from glimmer.options import OptionError, Options, option
from glimmer.retrieval import RETRIEVERS, Retriever, RetrieverConfig, query_text
from glimmer.retrieval.candidate_file import KeptCandidates, keep_candidates

TRAIN, HELD_BACK = "train", "held_back"


def _default_retrievers() -> dict[str, Any]:
    return {"default": RETRIEVERS.configure("bm25"), "multi_hop": RETRIEVERS.configure("two_step")}


@dataclass(kw_only=True)
class DataConfig(Options):
    """Where the data lies and what is retrieved for every question."""

    dir: str = option(
        "data/factbook",
        "Folder with passages.jsonl and TASK-SPLIT.jsonl (or KILT's TASK-SPLIT-kilt.jsonl) files, or the same as .gz",
    )
    cache: str | None = option(None, "Folder where candidates and indexes are kept; null = dir")
    held_back: float = option(
        0.0,
        "Share of every task's training records, drawn by id, that is left out of training as the split 'held_back'",
        least=0,
        below=1,
    )
    retrieved: int = option(25, "Passages retrieved for every question (k)", least=1)
    retrievers: dict[str, Any] = option(
        _default_retrievers,
        "The retriever of each task's file stem, and of all others under 'default'",
        components="retriever",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if "default" not in self.retrievers:
            raise OptionError("retrievers", "has no 'default'; expected the retriever of all tasks not named there")
        for task, config in self.retrievers.items():
            if not isinstance(config, RetrieverConfig):
                raise OptionError(f"retrievers.{task}", f"must be a retriever's configuration, found {config!r:.60}")

    def retriever_of(self, stem: str) -> Any:
        """The configuration of the retriever of the task files ``STEM-SPLIT.jsonl``."""
        return self.retrievers.get(stem, self.retrievers["default"])


class Corpus:
    """The data of a folder, read when first asked for (implements ``glimmer.tasks.base.TaskData``).

    Candidates are what the retriever finds, gold or not; they are kept under ``candidates/`` and the index under
    ``index/`` of the cache's folder, each under a hash of everything that decides it.
    """

    def __init__(self, config: DataConfig) -> None:
        self.config = config
        self.directory = Path(config.dir)
        self.cache = Path(config.cache or config.dir)
        self._records: dict[str, Sequence[Record]] = {}
        self._candidates: dict[str, KeptCandidates] = {}
        self._built: dict[str, Retriever] = {}

    @cached_property
    def collection(self) -> Collection:
        """All passages.

        Raises:
            DataError: ``passages.jsonl`` is missing or broken.
        """
        return read_passages(self._file("passages.jsonl"))

    def passages(self, split: str | None = None) -> Sequence[Passage]:
        """All passages, or only those of a split's documents; all, too, where the collection tells no splits.

        Raises:
            DataError: passages are missing or broken, or none belongs to ``split``.
        """
        splits = self.collection.splits
        if split is None or not splits:
            return self.collection.passages
        chosen = tuple(p for p in self.collection.passages if splits.get(p.id) == split)
        if not chosen:
            file = self._file("passages.jsonl")
            raise DataError(f"{file}: no passage of the split {split!r}; {suggest(split, set(splits.values()))}")
        return chosen

    def passage(self, passage_id: str) -> Passage:
        """The passage called ``passage_id``.

        Raises:
            DataError: there is none.
        """
        return self.collection[passage_id]

    def gold_passage(self, provenance: Provenance) -> Passage | None:
        """A passage that a provenance names, the first of several; None where its page has none in the collection.

        Raises:
            DataError: it names a passage by an id that the collection has not.
        """
        return next(iter(self.collection.named_by(provenance)), None)

    def records(self, task: str, split: str) -> Sequence[Record]:
        """The records of ``TASK-SPLIT.jsonl``, or of the file of KILT's name for it.

        What is held back of the file of ``train`` is the split ``held_back``, and not of ``train``.

        Raises:
            DataError: the file is missing or broken, there is one of either name, or KILT's holds another of its sets.
        """
        name = f"{task}-{split}"
        if name not in self._records:
            records: Sequence[Record] = self._read(task, split)
            share = self.config.held_back
            if share and split in (TRAIN, HELD_BACK):
                held = (_is_held_back(record.id, share) == (split == HELD_BACK) for record in records)
                records = Selection(records, array("q", (row for row, wanted in enumerate(held) if wanted)))
            self._records[name] = records
        return self._records[name]

    def file(self, task: str, split: str) -> Path:
        """The file of ``records``, one a line, whether it exists or not: of KILT's name where that one exists."""
        own, kilt = self._names(task, split)
        return kilt if kilt.exists() and not own.exists() else own

    def _read(self, task: str, split: str) -> Records:
        _, kilt = self._names(task, split)
        path = self._file(self.file(task, split).name)
        records = read_records(path, self.collection)
        if path == kilt:
            check_set(path, task, TRAIN if split == HELD_BACK else split, records)
        elif kilt.exists():
            raise DataError(f"{path}: {kilt.name} lies beside it; keep one of the two")
        return records

    def _names(self, task: str, split: str) -> tuple[Path, Path]:
        """A split's file by our name and by KILT's; ``held_back`` is in that of ``train``."""
        stored = TRAIN if split == HELD_BACK and self.config.held_back else split
        return self._there(f"{task}-{stored}.jsonl"), self._there(kilt_name(task, stored))

    def candidates(self, task: str, split: str) -> Sequence[tuple[Candidate, ...]]:
        """What the task's retriever finds for every record, in the records' order, best first.

        A search that was stopped goes on where it was.
        """
        name = f"{task}-{split}"
        if name not in self._candidates:
            self._candidates[name] = self._found(task, name, self.records(task, split))
        return self._candidates[name]

    def retriever(self, task: str = "default") -> Retriever:
        """The retriever of a task, over all passages."""
        key = task if task in self.config.retrievers else "default"
        if key not in self._built:
            self._built[key] = RETRIEVERS.build(
                self.config.retriever_of(key), self.collection.passages, self.cache / "index"
            )
        return self._built[key]

    def search(self, question: str, task: str = "default") -> tuple[Candidate, ...]:
        """The candidates of a question that no file holds; none is known to be gold."""
        hits = self.retriever(task).retrieve([query_text(question)], self.config.retrieved)[0]
        return tuple(Candidate(self.collection.passages[row], score, False) for row, score in hits)

    def _found(self, task: str, name: str, records: Sequence[Record]) -> KeptCandidates:
        retriever, k = self.retriever(task), self.config.retrieved
        asked = hash_all(f"{record.id}\t{record.input}" for record in records)
        key = content_hash(retriever.fingerprint(name), str(k), self._passages_hash, asked)
        path, passages = self.cache / "candidates" / f"{name}-{key}.jsonl", self.collection.passages
        if not path.exists():
            keep_candidates(path, records, passages, lambda rest: retriever.retrieve_records(rest, name, k))
        return KeptCandidates(path, records, passages, self.collection.rows)

    @cached_property
    def _passages_hash(self) -> str:
        return passages_hash(self.collection.passages)

    def _file(self, name: str) -> Path:
        path = self._there(name)
        if not path.exists():
            there: Mapping[str, None] = dict.fromkeys(p.name for p in sorted(self.directory.glob("*.jsonl*")))
            hint = suggest(name, there) if there else "build the built-in corpus with `glimmer corpus build`"
            raise DataError(f"{path}: no such file; {hint}")
        return path

    def _there(self, name: str) -> Path:
        """A file of the folder, compressed where only that is there."""
        path = self.directory / name
        compressed = path.with_name(f"{path.name}.gz")
        return compressed if compressed.exists() and not path.exists() else path


def _is_held_back(record_id: str, share: float) -> bool:
    """The same records whatever else the file holds."""
    return int(content_hash(record_id), 16) < share * 16**16
