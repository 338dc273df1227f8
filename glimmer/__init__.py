"""glimmer: retrieval-augmented readers with late interaction (FiD, LUMEN, GLIMMER: arXiv 2306.10231)."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glimmer.inference.predictor import Predictor

__all__ = ["load"]
__version__ = "0.1.0"


def load(
    run: Path | str,
    *,
    checkpoint: str | None = None,
    passages: int | None = None,
    kept: int | None = None,
    data: Path | str | None = None,
    memory: Path | str | None = None,
    overrides: Sequence[str] = (),
    device: str = "auto",
) -> "Predictor":
    """Load a trained run to ask it questions: ``load("runs/x").ask("…")``.

    The options are those of ``glimmer.inference.run.load_run``.

    Raises:
        GlimmerError: there is no such run or checkpoint, or it cannot be used.
    """
    # Torch and the rest are imported when they are needed, so that `import glimmer` costs nothing.
    from glimmer.inference.predictor import Predictor
    from glimmer.inference.run import load_run

    loaded = load_run(
        run,
        checkpoint=checkpoint,
        passages=passages,
        kept=kept,
        data=data,
        memory=memory,
        overrides=overrides,
        device=device,
    )
    return Predictor(loaded)
