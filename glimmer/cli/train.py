"""``glimmer train``: train a run of the configuration tree, or a sweep of runs, with all of Hydra's command line."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig

from glimmer.config.compose import CONFIG_MODULE, CONFIG_NAME, readable_errors, to_mapping, user_dir_of
from glimmer.config.load import load_run_config
from glimmer.config.store import prepare_hydra
from glimmer.errors import GlimmerError, InterruptionError
from glimmer.training.run import train


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    The runs of a sweep come one after the other; one that is at fault does not keep the others from running.

    Raises:
        GlimmerError: the configuration or the data is at fault.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    overrides = [item for item in arguments if not item.startswith("-")]
    failures: list[GlimmerError] = []

    def job(composed: DictConfig) -> None:
        mapping, sweep = to_mapping(composed), HydraConfig.get().mode == RunMode.MULTIRUN
        if sweep:
            mapping["run_dir"] = _relative(HydraConfig.get().runtime.output_dir)
        try:
            folder = train(load_run_config(mapping))
        except GlimmerError as error:
            # Hydra would add a line of its own to what is raised from here, and end the sweep.
            failures.append(error)
            if isinstance(error, InterruptionError):
                raise _Stop from None
            if sweep:
                print(f"glimmer: error: {mapping['run_dir']}: {error}", file=sys.stderr)
        else:
            print(f"trained: {folder}")

    prepare_hydra(user_dir_of(overrides))
    sys.argv = ["glimmer train", *arguments, *_sweep_names(arguments, overrides)]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises its errors instead of printing them and exiting
    with readable_errors(overrides), suppress(_Stop):
        hydra.main(config_path=f"pkg://{CONFIG_MODULE}", config_name=CONFIG_NAME, version_base="1.3")(job)()
    if failures:
        raise (
            failures[0] if len(failures) == 1 else GlimmerError(f"{len(failures)} runs of the sweep failed, see above")
        )
    return 0


def _sweep_names(arguments: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """The override that names the folders of a sweep after the swept keys alone, leaving out what its runs share."""
    if not {"-m", "--multirun"} & set(arguments):
        return []
    with readable_errors(overrides):
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    shared = sorted({item.key_or_group for item in parsed if not item.is_sweep_override()})
    return [f"hydra.job.config.override_dirname.exclude_keys={shared}"]


class _Stop(BaseException):
    """Ends Hydra's loop over the runs of a sweep."""


def _relative(folder: str) -> str:
    path = Path(folder)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else folder
