"""Making a generation the one that readers find: its index, what its codec has learned, at last the manifest."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from glimmer.data.files import write_json
from glimmer.data.folders import new_folder, remove_folder
from glimmer.memory.index import Live, write_index
from glimmer.memory.layout import CODEC, MANIFEST, SHARDS, ShardInfo, file_info, index_name


def publish_generation(
    store: Path, content: Mapping[str, Any], parts: Sequence[tuple[ShardInfo, Live]], learned: Path
) -> None:
    """Publish a generation of ``parts``, whose shards are all there, by replacing the manifest in one step.

    ``content`` is what the manifest tells beside the files. What the folder ``learned`` holds, if it is there, takes
    the place of what the codec had learned.

    Raises:
        StoreError: an id occurs twice.
        WriteError, OSError: the disk refuses a write; the store is as it was.
    """
    infos, live = [info for info, _ in parts], [live for _, live in parts]
    index, codec = store / index_name(content["generation"]), store / CODEC
    _make_room(index)
    with new_folder(index) as folder:
        write_index(folder, live, lambda number: f"{SHARDS}/{infos[number].file}")
    if learned.is_dir():
        _make_room(codec)
        with new_folder(codec) as folder:
            shutil.copytree(learned, folder, dirs_exist_ok=True)
    folders = [folder for folder in (codec, index) if folder.is_dir()]
    files = [file for folder in folders for file in sorted(folder.iterdir()) if not file.name.startswith(".")]
    promised = {
        **content,
        "passages": sum(part.passages for part in live),
        "tokens": sum(part.tokens for part in live),
        "files": {str(file.relative_to(store)): asdict(file_info(file)) for file in files},
        "shards": [asdict(info) for info in infos],
    }
    write_json(store / MANIFEST, promised)


def _make_room(folder: Path) -> None:
    """Remove what a writer left that was stopped before its manifest was there."""
    if folder.is_dir():
        remove_folder(folder)
