"""Begin a reader's encoder from a BERT checkpoint; its decoder begins as the reader's initialiser made it."""

import logging
import os
from pathlib import Path

from torch import Tensor

from glimmer.errors import CheckpointError
from glimmer.models.base import Model
from glimmer.models.encoders.bert import BertEncoder, BertEncoderConfig
from glimmer.models.huggingface.bert_names import bert_rows, plain_name
from glimmer.models.huggingface.bert_sizes import BertSizes, read_bert_sizes
from glimmer.models.huggingface.fit import require_options, require_tensors
from glimmer.models.huggingface.tensors import open_tensors
from glimmer.models.weights import assign_weights, listed

log = logging.getLogger(__name__)


def load_bert(reader: Model, folder: Path, fresh: str | None = None) -> None:
    """Copy a BERT's weights into a reader with an encoder of the same sizes, split anywhere.

    Decoder, reranker head and marks keep their initial values; a decoder of the encoder's width shares the embedding,
    so it begins with BERT's.

    Args:
        reader: of BERT's encoder, and any decoder.
        folder: ``config.json`` with weights in one or several files.
        fresh: regular expression of the parameters that keep their initial values.

    Raises:
        CheckpointError: a file is missing or damaged, tensors are missing, unexpected or misshapen, or the encoder is
            another or of other sizes.
    """
    sizes, tensors = open_bert(folder)
    encoder = getattr(reader, "encoder", None)
    if not isinstance(encoder, BertEncoder):
        raise CheckpointError(f"{folder} is a BERT; expected encoder=bert, or one that extends it")
    assert isinstance(encoder.config, BertEncoderConfig)
    pairs = [("tokenizer.vocabulary", encoder.vocabulary, sizes.vocabulary)]
    pairs += [(f"encoder.{k}", getattr(encoder.config, k), v) for k, v in sizes.encoder_options().items()]
    require_options(folder, pairs)
    own = {f"encoder.{name}": tensor for name, tensor in tensors.items()}
    absent = [name for name, _ in reader.named_parameters() if name not in own]
    assign_weights(reader, own, str(folder), None, fresh, absent)


def open_bert(folder: Path) -> tuple[BertSizes, dict[str, Tensor]]:
    """Map a BERT's tensors, by our encoder's names; pooler and heads are left out.

    Raises:
        CheckpointError: a file is missing or damaged, or tensors are missing, unexpected or misshapen.
    """
    sizes = read_bert_sizes(folder)
    found: dict[str, Tensor] = {}
    left_out = []
    for theirs, tensor in open_tensors(folder).items():
        name = plain_name(theirs)
        if name is None:
            left_out.append(theirs)
        elif name in found:
            raise CheckpointError(f"{folder} holds {name} twice, with and without a prefix; expected one")
        else:
            found[name] = tensor
    rows = bert_rows(sizes)
    require_tensors(folder, "BERT", {theirs: shape for _, theirs, shape in rows}, found)
    if left_out and os.environ.get("RANK", "0") == "0":
        log.info("from %s no encoder reads %s: left out", folder, listed(left_out))
    return sizes, {ours: found[theirs] for ours, theirs, _ in rows}
