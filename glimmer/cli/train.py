"""``glimmer train``: train a run described by the configuration tree and by overrides."""

import argparse

from omegaconf import OmegaConf

EPILOG = """examples:
  glimmer train experiment=glimmer run_dir=runs/first trainer.minutes=10 trainer.steps=null
  glimmer train experiment=glimmer reranker=max_sim selector.kept=3
  glimmer train experiment=lumen --cfg        # print the configuration, train nothing

A run that was stopped goes on when the same command is given again."""


def main(argv: list[str] | None = None) -> int:
    """Compose, check and train."""
    parser = argparse.ArgumentParser(
        "glimmer train", description="Train a run.", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cfg", action="store_true", help="print the composed configuration and stop")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="Hydra overrides of the configuration")
    arguments = parser.parse_args(argv)

    from glimmer.config.compose import compose_mapping
    from glimmer.config.load import load_run_config

    mapping = compose_mapping(arguments.overrides)
    config = load_run_config(mapping)
    if arguments.cfg:
        print(OmegaConf.to_yaml(OmegaConf.create(dict(mapping))), end="")
        return 0

    from glimmer.training.run import train

    print(f"trained: {train(config)}")
    return 0
