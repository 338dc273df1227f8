"""``glimmer convert``: passages and questions in the formats of DPR and FiD, read and written."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from glimmer.cli.arguments import positive
from glimmer.data.dpr_tsv import read_dpr_passages, write_dpr_passages
from glimmer.data.fid_corpus import FOUND, corpus_of_fid, fid_of_corpus
from glimmer.data.fid_json import write_fid
from glimmer.data.kilt import read_records
from glimmer.data.passages import read_passages, stream_passages, write_stream
from glimmer.data.values import Passage
from glimmer.errors import ConfigError, suggest
from glimmer.retrieval.candidate_file import read_candidates

KINDS = (".jsonl", ".tsv")

FROM_FID = """\
Make a corpus of one's own of FiD's files, one a split:

  glimmer convert from-fid train=nq/train.json dev=nq/dev.json --output data/nq --name nq

The folder then holds passages.jsonl, the questions NAME-SPLIT.jsonl (KILT's records, the example's target first among
the answers), and in found/ what was retrieved for them:

  glimmer train experiment=glimmer data.dir=data/nq task=[open_qa] tasks.open_qa.data=nq \\
    retriever@data.retrievers.default=precomputed 'data.retrievers.default.path="data/nq/found/{name}.jsonl"'
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    Raises:
        GlimmerError: a file is missing or broken, or cannot be written.
    """
    arguments = _parser().parse_args(argv)
    status: int = arguments.run(arguments)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="glimmer convert", description="Formats of passages and questions.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    passages = commands.add_parser(
        "passages",
        help="passages.jsonl to DPR's TSV, and back",
        description="Write the passages of one file into another: .jsonl is {id, title, text}, .tsv is DPR's "
        "`id text title` with a header; .gz may follow. Passages are read and written one by one.",
    )
    passages.set_defaults(run=_passages)
    passages.add_argument("source", metavar="FROM", type=Path)
    passages.add_argument("target", metavar="TO", type=Path)

    from_fid = commands.add_parser(
        "from-fid",
        help="a corpus of FiD's JSON",
        description=FROM_FID,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    from_fid.set_defaults(run=_from_fid)
    from_fid.add_argument("files", metavar="SPLIT=FILE", nargs="+", help="FiD's JSON, or JSON lines; .gz may follow")
    from_fid.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder of the corpus; must be new")
    from_fid.add_argument("--name", metavar="NAME", required=True, help="stem of the task's files")

    to_fid = commands.add_parser(
        "to-fid",
        help="FiD's JSON of a corpus's questions and their candidates",
        description="Write questions, with what was retrieved for them, as FiD reads them.",
    )
    to_fid.set_defaults(run=_to_fid)
    to_fid.add_argument(
        "records", metavar="RECORDS", type=Path, help="NAME-SPLIT.jsonl, in a folder with passages.jsonl"
    )
    to_fid.add_argument("output", metavar="TO", type=Path, help="file to write, .json or .jsonl")
    to_fid.add_argument(
        "--candidates", metavar="FILE", type=Path, help=f"default: the same name in {FOUND}/ beside RECORDS"
    )
    to_fid.add_argument("--passages", type=positive, default=100, metavar="K", help="default: %(default)s")
    return parser


def _passages(arguments: argparse.Namespace) -> int:
    passages = _read(arguments.source)
    if _kind(arguments.target) == ".tsv":
        write_dpr_passages(arguments.target, (passage for _, passage in passages))
    else:
        write_stream(arguments.target, passages)
    print(f"written: {arguments.target}")
    return 0


def _read(path: Path) -> Iterator[tuple[str | None, Passage]]:
    if _kind(path) == ".tsv":
        return ((None, passage) for _, passage in read_dpr_passages(path))
    return stream_passages(path)


def _kind(path: Path) -> str:
    kind = Path(path.name.removesuffix(".gz")).suffix
    if kind not in KINDS:
        raise ConfigError(
            f"{path}: expected a file that ends in .jsonl or .tsv (.gz may follow); {suggest(kind, KINDS)}"
        )
    return kind


def _from_fid(arguments: argparse.Namespace) -> int:
    files: dict[str, Path] = {}
    for item in arguments.files:
        split, found, path = item.partition("=")
        if not (split and found and path):
            raise ConfigError(f"{item}: expected SPLIT=FILE, such as train=nq/train.json")
        if split in files:
            raise ConfigError(f"{item}: the split {split!r} is there already, {files[split]}")
        files[split] = Path(path)
    counts = corpus_of_fid(files, arguments.output, arguments.name)
    questions = ", ".join(f"{n:,} questions of {split}" for split, n in counts.questions.items())
    print(f"written: {arguments.output}, {counts.passages:,} passages, {questions}")
    return 0


def _to_fid(arguments: argparse.Namespace) -> int:
    folder = arguments.records.parent
    collection = read_passages(folder / "passages.jsonl")
    candidates = arguments.candidates or folder / FOUND / arguments.records.name
    hits = read_candidates(candidates, collection.rows)
    records = read_records(arguments.records)
    write_fid(arguments.output, fid_of_corpus(records, hits, collection, arguments.passages))
    print(f"written: {arguments.output}, {len(records):,} questions")
    return 0
