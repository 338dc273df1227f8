"""KILT's files fetched by name into a folder, whose ``fetched.json`` holds every later fetch to the first one."""

import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from glimmer.data.download import Fetched, checksum, download
from glimmer.data.files import read_json, read_json_lines, write_json, write_json_lines
from glimmer.data.kilt_sets import KILT_SETS, SPLITS, KiltSet
from glimmer.errors import DataError, suggest

KILT_URL = "http://dl.fbaipublicfiles.com/KILT"
TRIVIAQA_URL = "http://nlp.cs.washington.edu/triviaqa/data/triviaqa-rc.tar.gz"
KNOWLEDGE_SOURCE = "knowledge_source"
"""Fetched under this name: KILT's pages, 35 GB."""
MANIFEST = "fetched.json"
RECORD = 'a KILT record {"id": text, "output": [...]}'
_MEMBERS = ("wikipedia-train.json", "wikipedia-dev.json", "wikipedia-test-without-answers.json")


class Fetcher:
    """Fetches files into a folder; what is there already, and unchanged, is left as it is.

    ``kilt`` is the folder that KILT is published in, ``triviaqa`` the archive of TriviaQA's questions.
    """

    def __init__(self, directory: Path, kilt: str = KILT_URL, triviaqa: str = TRIVIAQA_URL) -> None:
        """Open the folder.

        Raises:
            DataError: its ``fetched.json`` is broken.
        """
        self.directory = directory
        self.kilt, self.triviaqa = kilt.rstrip("/"), triviaqa
        self._manifest = directory / MANIFEST
        self._known = _read_manifest(self._manifest) if self._manifest.exists() else {}

    def fetch(self, names: Sequence[str], splits: Sequence[str] = SPLITS) -> Iterator[tuple[Path, bool]]:
        """Yield every file of the sets called ``names`` with whether it was fetched now, or was there.

        Raises:
            DataError: a set or split is unknown; a file cannot be fetched, or is another than it was.
        """
        for split in splits:
            if split not in SPLITS:
                raise DataError(f"KILT has no split {split!r}; {suggest(split, SPLITS)}")
        for name in names:
            if name == KNOWLEDGE_SOURCE:
                continue
            if name not in KILT_SETS:
                raise DataError(f"KILT has no set {name!r}; {suggest(name, [*KILT_SETS, KNOWLEDGE_SOURCE])}")
            if not set(splits) & set(KILT_SETS[name].rows):
                has = ", ".join(KILT_SETS[name].rows)
                raise DataError(f"{KILT_SETS[name].title} has no split {' or '.join(splits)}; it has {has}")
        for name in dict.fromkeys(names):
            if name == KNOWLEDGE_SOURCE:
                yield self._file("kilt_knowledgesource.json", f"{self.kilt}/kilt_knowledgesource.json")
                continue
            for split in (s for s in SPLITS if s in splits and s in KILT_SETS[name].rows):
                kilt = KILT_SETS[name]
                yield self._joined(kilt, split) if kilt.ids_only else self._plain(kilt, split)

    def _plain(self, kilt: KiltSet, split: str) -> tuple[Path, bool]:
        return self._file(kilt.published(split), f"{self.kilt}/{kilt.published(split)}", _check_record)

    def _joined(self, kilt: KiltSet, split: str) -> tuple[Path, bool]:
        """The file of a set whose questions are joined by id."""
        path = self.directory / kilt.file(split)
        if self._is_there(path):
            return path, False
        ids, _ = self._plain(kilt, split)
        archive, _ = self._file(self.triviaqa.rpartition("/")[2], self.triviaqa)
        join_questions(ids, archive, path)
        self._record(path, Fetched(f"{self.kilt}/{ids.name}", *checksum(path)))
        return path, True

    def _file(self, name: str, url: str, check: Callable[[Path], None] = lambda file: None) -> tuple[Path, bool]:
        path = self.directory / name
        if self._is_there(path):
            return path, False
        self._record(path, download(url, path, self._known.get(name), check))
        return path, True

    def _is_there(self, path: Path) -> bool:
        """Whether the file is there as it was fetched.

        Raises:
            DataError: it was changed, or is none that was fetched.
        """
        if not path.exists():
            return False
        known = self._known.get(path.name)
        if known is None:
            raise DataError(f"{path}: exists already, and {self._manifest} does not know it; move it away to fetch it")
        if path.stat().st_size != known.size or checksum(path) != (known.size, known.sha256):
            raise DataError(f"{path}: was changed since it was fetched; remove it to fetch it anew")
        return True

    def _record(self, path: Path, found: Fetched) -> None:
        self._known[path.name] = found
        write_json(self._manifest, {name: asdict(known) for name, known in sorted(self._known.items())})


def _check_record(path: Path) -> None:
    """Refuse what does not begin with a record, such as a page that a proxy sent in its place."""
    next(read_json_lines(path, RECORD))


def join_questions(ids: Path, archive: Path, output: Path) -> None:
    """Write TriviaQA's records with their questions, which the archive has by id.

    Raises:
        DataError: the archive is broken, or has no question of an id.
    """
    questions = _questions(archive)

    def joined() -> Iterator[dict[str, Any]]:
        for line, item in read_json_lines(ids, RECORD):
            name = str(item.get("id"))
            if name not in questions:
                raise DataError(f"{ids}:{line}: {archive} has no question of the id {name!r}")
            yield {**item, "input": questions[name]}

    write_json_lines(output, joined())


def _questions(archive: Path) -> dict[str, str]:
    """Id → question, of TriviaQA's three files of Wikipedia questions."""
    found: dict[str, str] = {}
    seen = set()
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = member.name.rpartition("/")[2]
                content = tar.extractfile(member) if name in _MEMBERS else None
                if content is not None:
                    seen.add(name)
                    found |= {row["QuestionId"]: row["Question"] for row in json.load(content)["Data"]}
                if len(seen) == len(_MEMBERS):
                    break
    except (OSError, EOFError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{archive}: cannot be read as TriviaQA's archive: {error or type(error).__name__}") from None
    missing = [name for name in _MEMBERS if name not in seen]
    if missing:
        raise DataError(f"{archive}: has no {missing[0]}; expected TriviaQA's reading comprehension archive")
    return found


def _read_manifest(path: Path) -> dict[str, Fetched]:
    expected = '{file name: {"url": text, "size": number, "sha256": text}}'
    try:
        return {name: Fetched(**entry) for name, entry in read_json(path, expected).items()}
    except TypeError:
        raise DataError(f"{path}: is broken; expected {expected}") from None
