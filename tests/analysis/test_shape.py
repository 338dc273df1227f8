"""The exact count against PyTorch's own count of what the reader executes."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from small_readers import random_question
from small_runs import STACK, small_run
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from glimmer.analysis.compute import encoder_layer, exact_count, passage_memory
from glimmer.analysis.shape import Lengths, shape_of
from glimmer.config.load import load_run_config
from glimmer.data.tokenizers import Tokenizer
from glimmer.data.values import Batch, States
from glimmer.errors import ConfigError
from glimmer.models.build import build_reader
from glimmer.models.encoders import ENCODERS, T5Encoder, T5EncoderConfig, register_encoder
from glimmer.training.build import plain

VOCABULARY, RETRIEVED, QUESTION, PASSAGE, TARGET = 50, 3, 3, 7, 1
TOKENIZER = cast(Tokenizer, SimpleNamespace(vocabulary=VOCABULARY, pad_id=0, eos_id=1, fingerprint=lambda: "tiny"))
ENCODER = {"name": "t5", "width": 16, **STACK, "layers": 3, "head_width": 6}
FIDO = {"width": 24, "heads": 4, "key_value_heads": 2, "cross_attention_period": 2, "activation": "relu"}


def counted(batch: Batch, reader: Any) -> int:
    # A fused kernel's products are not counted on a CPU.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        reader(batch)
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": {"name": "reader", "live_layers": 3, "rerank_layers": 0}, "reranker": {"name": "none"}},
        {"model": {"name": "reader", "live_layers": 0, "rerank_layers": 0}, "selector": {"name": "all"}},
        {"model": {"name": "reader", "live_layers": 2, "rerank_layers": 1, "question_block": True}},
        {"decoder": {"name": "t5", **STACK, **FIDO}, "reranker": {"name": "max_sim", "dimensions": 8}},
        {"encoder": {"name": "bert", "width": 16, "layers": 3, "heads": 2, "feed_forward": 20}},
        {"decoder": {"name": "pointer", **STACK, **FIDO, "pointer_width": 10}},
    ],
    ids=["glimmer", "fid", "memory_only", "question_block", "fido_max_sim", "bert", "pointer"],
)
def test_exact_count_is_what_the_reader_executes(tmp_path: Path, changes: dict[str, Any]) -> None:
    changes = {
        "encoder": ENCODER,
        "selector": {"name": "top_m", "kept": 2},
        "criterions": {"cross_entropy": {"name": "cross_entropy"}},
        **changes,
    }
    config = small_run(tmp_path, tmp_path, **changes)
    shape = shape_of(config, VOCABULARY, Lengths(QUESTION, PASSAGE, TARGET))
    reader = build_reader(config, TOKENIZER).eval()
    executed = counted(random_question(VOCABULARY, RETRIEVED, QUESTION, PASSAGE), reader)
    assert executed == exact_count(shape).total + RETRIEVED * passage_memory(shape)  # memory is encoded now


def test_the_lengths_are_the_longest_unless_given(tmp_path: Path) -> None:
    collator = {"question_tokens": 9, "passage_tokens": 20, "target_tokens": 5, "passages": 2}
    shape = shape_of(small_run(tmp_path, tmp_path, collator=collator, trainer={"steps": 1}), VOCABULARY)
    assert (shape.question, shape.passage, shape.target, shape.retrieved, shape.kept) == (9, 20, 5, 2, 1)


def test_an_encoder_of_unknown_arithmetic_is_refused(tmp_path: Path) -> None:
    config = load_run_config(plain(small_run(tmp_path, tmp_path)))
    config.encoder = config.reranker
    with pytest.raises(ConfigError, match="encoder 'first_token'"):
        shape_of(config, VOCABULARY)


def test_an_encoder_from_outside_is_counted_by_running_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ENCODERS, "_entries", dict(ENCODERS._entries))

    @register_encoder("half_live", T5EncoderConfig)
    class HalfLive(T5Encoder):
        """A T5 encoder that skips its last layer."""

        def run(self, states: States, start: int, stop: int, question_lengths: Tensor | None) -> States:
            return super().run(states, start, min(stop, self.layers - 1), question_lengths)

    changes = {"model": {"name": "reader", "live_layers": 2, "rerank_layers": 1}, "reranker": {"name": "max_sim"}}
    lengths = Lengths(QUESTION, PASSAGE, TARGET)
    plain_t5 = shape_of(small_run(tmp_path, tmp_path, encoder=ENCODER, **changes), VOCABULARY, lengths)
    half = shape_of(
        small_run(tmp_path, tmp_path, encoder={**ENCODER, "name": "half_live"}, **changes), VOCABULARY, lengths
    )
    layer = encoder_layer(plain_t5, QUESTION + PASSAGE)
    assert plain_t5.live_per_pair is None
    assert half.live_per_pair == (layer, 0)
    assert exact_count(plain_t5).total - exact_count(half).total == half.kept * layer
