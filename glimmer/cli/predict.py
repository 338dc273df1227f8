"""``glimmer predict``: answers to questions from a file or standard input, with the passages they come from."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TextIO

from glimmer.cli.evaluate import add_run_options, open_run
from glimmer.data.values import Record
from glimmer.errors import DataError, suggest
from glimmer.evaluation.predictions import Prediction
from glimmer.inference.predictor import Predictor

DESCRIPTION = """\
Answer questions with a trained run, over the run's passages. Questions are plain text, one a line, or KILT lines
{"id": ..., "input": ...}; blank lines are passed over. Examples:

  echo "What is the capital of Ghana?" | glimmer predict package:glimmer
  glimmer predict runs/x claims.txt --task fact_verification --json > predictions.jsonl
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Raises:
        GlimmerError: the run, the questions or a number is at fault.
    """
    arguments = parser().parse_args(argv)
    predictor = Predictor(open_run(arguments))
    predictor.task(arguments.task)
    with _source(arguments.file) as (name, lines):
        size = 1 if lines.isatty() else predictor.batch_size
        questions = read_questions(lines, name)
        while records := list(islice(questions, size)):
            for prediction in predictor.predict(records, arguments.task):
                line = json.dumps(prediction.kilt_object(), ensure_ascii=False)
                print(line if arguments.json else show(prediction, arguments.show), flush=True)
    return 0


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    options = argparse.ArgumentParser(
        prog="glimmer predict", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_run_options(options)
    options.add_argument(
        "file", metavar="FILE", nargs="?", default="-", help="questions; - is standard input (default)"
    )
    options.add_argument("--task", help="the task that the questions belong to (default: the run's first)")
    options.add_argument(
        "--show", type=int, default=3, metavar="N", help="passages shown an answer (default: %(default)s)"
    )
    options.add_argument("--json", action="store_true", help="print KILT prediction lines")
    return options


def read_questions(lines: Iterable[str], name: str) -> Iterator[Record]:
    """The questions of plain lines or KILT lines; a plain line's id is its number.

    Raises:
        DataError: a KILT line is broken, the text is not UTF-8, or there is no question; names the line.
    """
    number = 0
    found = False
    try:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                found = True
                yield _record(line.strip(), f"{name}:{number}", number)
    except UnicodeDecodeError as error:
        raise DataError(f"{name}:{number + 1}: not UTF-8 text: {error.reason}") from None
    if not found:
        raise DataError(f"{name}: no question; expected one a line")


def show(prediction: Prediction, passages: int) -> str:
    """An answer for people: the text, and the passages that were read with scores and places."""
    lines = [f"{prediction.question}\n  {prediction.answer or '(no answer)'}   [{prediction.score:.2f}]"]
    for passage in prediction.read[:passages]:
        moved = f"{passage.rank} (retrieved as {passage.retrieved_rank})"
        text = passage.passage.text
        text = text if len(text) <= 90 else f"{text[:89]}…"
        lines.append(f"    {moved:<22}{passage.score:>8.2f}  {passage.passage.title}: {text}")
    return "\n".join(lines)


def _record(line: str, where: str, number: int) -> Record:
    if not line.startswith("{"):
        return Record(str(number), line, ())
    try:
        item = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not JSON: {error.msg}; expected a KILT line or a plain question") from None
    question = item.get("input")
    if not isinstance(question, str) or not question.strip():
        raise DataError(f"{where}: expected 'input': text, found {question!r:.60}; {suggest('input', item)}")
    return Record(str(item.get("id", number)), question.strip(), ())


@contextmanager
def _source(file: str) -> Iterator[tuple[str, TextIO]]:
    if file == "-":
        yield "standard input", sys.stdin
        return
    try:
        lines = Path(file).open(encoding="utf-8")  # noqa: SIM115 - what is raised while it is open is not about opening
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}") from None
    with lines:
        yield file, lines
