"""``glimmer predict``: answers to questions from a file or standard input, with the passages they come from."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from glimmer.cli.arguments import not_negative
from glimmer.cli.evaluate import add_run_options, open_run
from glimmer.data.files import decode_lines, read_lines
from glimmer.data.kilt import id_text
from glimmer.data.values import Record
from glimmer.errors import DataError, suggest
from glimmer.evaluation.predictions import Prediction
from glimmer.inference.predictor import Predictor
from glimmer.tasks.supervised import SupervisedTask

DESCRIPTION = """\
Answer questions with a trained run, over the run's passages. Questions are plain text, one a line, or KILT lines
{"id": ..., "input": ...}; a line without an id has its number for one, no id comes twice, and blank lines are passed
over. A FILE (.gz too) is checked to its end before any of it is answered; standard input is answered line by line, as
it comes. Examples:

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
    questions, size = _questions(arguments.file, predictor.task(arguments.task), predictor.batch_size)
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
        "--show", type=not_negative, default=3, metavar="N", help="passages shown an answer (default: %(default)s)"
    )
    options.add_argument("--json", action="store_true", help="print KILT prediction lines")
    return options


def read_questions(lines: Iterable[tuple[int, str]], name: str, task: SupervisedTask) -> Iterator[Record]:
    """The questions of numbered lines, plain or KILT's; a line without an id has its number for one.

    Raises:
        DataError: a line is broken, repeats an id or has not the task's form, or there is no question; names the line.
    """
    seen: dict[str, int] = {}
    for number, line in lines:
        if not line.strip():
            continue
        where = f"{name}:{number}"
        record = _record(line.strip(), where, number)
        if record.id in seen:
            raise DataError(
                f"{where}: duplicate id {record.id!r}, first used in line {seen[record.id]} "
                "(a line without an id has its number for one)"
            )
        task.check(record, where)
        seen[record.id] = number
        yield record
    if not seen:
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
    name = id_text(item.get("id", number))
    if not isinstance(name, str) or not name.strip():
        raise DataError(f"{where}: 'id' must be non-empty text, found {name!r:.60}")
    return Record(name, question.strip(), ())


def _questions(file: str, task: SupervisedTask, batch_size: int) -> tuple[Iterator[Record], int]:
    """The questions, and how many to answer at once: a whole checked file in batches, standard input one by one."""
    if file == "-":
        name = "standard input"
        return read_questions(decode_lines(sys.stdin.buffer, name), name, task), 1
    return iter(list(read_questions(read_lines(Path(file)), file, task))), batch_size
