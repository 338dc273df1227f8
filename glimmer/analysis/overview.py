"""What readers would cost, side by side, before any is trained: one line a run."""

from collections.abc import Mapping
from dataclasses import dataclass

from glimmer.analysis.compute import exact_count, papers_formula, source_units
from glimmer.analysis.shape import Lengths, shape_of
from glimmer.analysis.stored import codec_for, passage_bytes
from glimmer.analysis.tables import quantity, table
from glimmer.config.schema import RunConfig
from glimmer.data.tokenizers import vocabulary_of
from glimmer.models.build import sketch_reader
from glimmer.models.reader import count_parameters, parameters_by_part
from glimmer.registry import ComponentConfig

PARTS = ("memory layers", "live layers", "decoder")
HEADER = ("run", "parameters", *PARTS, "n_p·L·d²", "by the formula", "exact", "bytes a passage")


@dataclass(frozen=True)
class Costed:
    """A run, and the lengths of the texts that it is counted for."""

    config: RunConfig
    lengths: Lengths


def overview(runs: Mapping[str, Costed], codec: ComponentConfig | None, collection: int | None = None) -> str:
    """A table of parameters, multiply-adds of a question, and stored bytes of a passage and of ``collection`` passages.

    Memory is stored by ``codec``; None: as each run's would be by default. The source side is given in the papers' unit
    and in multiply-adds by their formula; the exact count is of all that answering takes. Readers are built on the meta
    device, so that none is too large.

    Raises:
        GlimmerError: a reader's options do not fit together, or its arithmetic is not known here.
    """
    header = HEADER if collection is None else (*HEADER, f"{collection:,} passages")
    return table(header, [_row(name, run, codec, collection) for name, run in runs.items()])


def _row(name: str, run: Costed, codec: ComponentConfig | None, collection: int | None) -> list[str]:
    vocabulary = vocabulary_of(run.config.tokenizer)
    shape = shape_of(run.config, vocabulary, run.lengths)
    reader = sketch_reader(run.config, vocabulary)
    parts = parameters_by_part(reader)
    stored = passage_bytes(codec_for(run.config.memory, shape.width, codec), shape.passage)
    sizes = [f"{stored:,}"] + ([f"{quantity(stored * collection)}B"] if collection is not None else [])
    return [
        name,
        quantity(count_parameters(reader)),
        *(quantity(parts[part]) if part in parts else "–" for part in PARTS),
        f"{float(source_units(shape.retrieved, shape.kept, shape.alpha, shape.beta)):g}",
        quantity(papers_formula(shape).source),
        quantity(exact_count(shape).total),
        *(sizes if shape.live_layers < shape.layers else ["–"] * len(sizes)),
    ]
