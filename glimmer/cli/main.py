"""The ``glimmer`` command: finds the sub-command, and turns a user's mistake into one line."""

import importlib
import os
import sys
from importlib.metadata import version

from glimmer.errors import GlimmerError, suggest

COMMANDS = {
    "components": "list what is registered, and its options",
    "compute": "count multiply-adds of a question, and stored bytes",
    "convert": "read and write passages and questions in DPR's and FiD's formats",
    "corpus": "build the corpus of questions over the World Factbook",
    "fetch": "fetch KILT's sets by name",
    "passages": "cut a knowledge source into passages",
    "train": "train a run from the configuration tree",
    "encode": "write the memory of all passages into a store",
    "memory": "look at a memory store, verify, plan or update one",
    "evaluate": "score a trained run on a split",
    "export": "write a run's weights and tokenizer for others to start from",
    "predict": "answer questions with a trained run",
    "quickstart": "train and compare FiD, LUMEN and GLIMMER",
    "validate": "check a run, data files included, without training it",
    "score": "score a file of guesses as KILT does",
    "report": "compare trained runs in one report",
    "rankings": "compare retrievers and rerankers by where gold passages stand",
}


def main(argv: list[str] | None = None) -> int:
    """Run ``glimmer COMMAND …``; returns the exit status (1 after an error that is the input's fault)."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: glimmer COMMAND [OPTIONS]\n\ncommands (each has --help; --version tells the version):")
        print("\n".join(f"  {name:<12}{text}" for name, text in COMMANDS.items()))
        return 0
    if arguments[0] == "--version":
        print(f"glimmer {version('glimmer')}")
        return 0
    command, *rest = arguments
    if command not in COMMANDS:
        print(f"glimmer: error: unknown command {command!r}; {suggest(command, COMMANDS)}", file=sys.stderr)
        return 2
    try:
        status: int = importlib.import_module(f"glimmer.cli.{command}").main(rest)
        sys.stdout.flush()
    except GlimmerError as error:
        print(f"glimmer: error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter would flush once more
        return 0
    except KeyboardInterrupt:
        return 130
    return status
