"""The BERT encoder computes what transformers' does, split at any layer."""

import pytest
import torch
from torch import Tensor
from transformers import BertConfig, BertModel

from glimmer.data.values import States, Tokens
from glimmer.errors import ConfigError
from glimmer.models.encoders import BertEncoder, BertEncoderConfig
from glimmer.models.huggingface.bert_names import bert_rows
from glimmer.models.huggingface.bert_sizes import BertSizes

SIZES = BertEncoderConfig(
    layers=3, width=24, heads=3, feed_forward=40, dropout=0.0, attention_dropout=0.0, positions=32
)
VOCABULARY = 50


def reference() -> torch.nn.Module:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=SIZES.width,
        num_hidden_layers=SIZES.layers,
        num_attention_heads=SIZES.heads,
        intermediate_size=SIZES.feed_forward,
        max_position_embeddings=SIZES.positions,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.3,
    )
    model: torch.nn.Module = BertModel(config, add_pooling_layer=False)
    for parameter in model.parameters():  # biases and norms that begin as 0 and 1 would hide a wrong place
        torch.nn.init.normal_(parameter, mean=float(parameter.dim() == 1 and bool((parameter == 1).all())), std=0.3)
    return model.eval()


NAMES = {
    ours: theirs
    for ours, theirs, _ in bert_rows(
        BertSizes(vocabulary=VOCABULARY, width=24, layers=3, heads=3, feed_forward=40, positions=32, types=SIZES.types)
    )
}


def encoder(like: torch.nn.Module, live_layers: int | None = None) -> BertEncoder:
    made = BertEncoder(SIZES, VOCABULARY, live_layers)
    theirs = dict(like.named_parameters())
    made.load_state_dict({name: theirs[NAMES[name]].detach().clone() for name in made.state_dict()})
    return made.eval()


def tokens(lengths: tuple[int, ...]) -> Tokens:
    torch.manual_seed(1)
    mask = torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]
    return Tokens(torch.randint(5, VOCABULARY, mask.shape).masked_fill(~mask, 0), mask)


def states_of(like: torch.nn.Module, row: Tokens, types: Tensor) -> Tensor:
    found: Tensor = like(
        input_ids=row.ids, attention_mask=row.mask.long(), token_type_ids=types.long()
    ).last_hidden_state
    return found


def test_a_text_alone_is_encoded_as_by_transformers_with_padding_and_gradients() -> None:
    like, row = reference(), tokens((9, 4, 1))
    made = encoder(like)
    ours = made.run(made.embed(row), 0, 3, None).values
    theirs = states_of(like, row, torch.zeros_like(row.ids))
    torch.testing.assert_close(ours[row.mask], theirs[row.mask], atol=1e-5, rtol=0)
    weight = torch.randn(24)
    (ours[row.mask] @ weight).sum().backward()
    (theirs[row.mask] @ weight).sum().backward()
    gradients = {name: parameter.grad for name, parameter in like.named_parameters()}
    for name, parameter in made.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[NAMES[name]], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("stop", [0, 1, 2, 3])
def test_a_text_may_be_left_at_any_layer_and_taken_up_again(stop: int) -> None:
    like, row = reference(), tokens((9, 4, 1))
    made = encoder(like, live_layers=3 - stop)
    half = made.run(made.embed(row), 0, stop, None)
    whole = made.run(half, stop, 3, None)
    theirs = states_of(like, row, torch.zeros_like(row.ids))
    torch.testing.assert_close(whole.values[row.mask], theirs[row.mask], atol=1e-5, rtol=0)


def test_a_pair_that_meets_before_the_first_layer_is_berts_pair() -> None:
    like, row, questions = reference(), tokens((9, 6)), torch.tensor([4, 2])
    made = encoder(like)
    ours = made.run(made.embed(row), 0, 3, questions).values
    theirs = states_of(like, row, torch.arange(9)[None, :] >= questions[:, None])
    torch.testing.assert_close(ours[row.mask], theirs[row.mask], atol=1e-5, rtol=0)


def test_a_pair_that_meets_later_keeps_the_positions_of_each_side() -> None:
    made = encoder(reference(), live_layers=1)
    row = tokens((9,))
    memory = made.run(made.embed(row), 0, 2, None)
    alone = made.run(memory, 2, 3, None).values
    paired = made.run(memory, 2, 3, torch.tensor([4])).values
    torch.testing.assert_close(alone, paired, atol=0, rtol=0)


def test_a_row_that_is_longer_than_the_positions_is_refused() -> None:
    made = encoder(reference())
    row = States(torch.zeros(1, 33, 24), torch.ones(1, 33, dtype=torch.bool))
    with pytest.raises(ConfigError, match=r"encoder\.positions = 32 is less than the 33 tokens"):
        made.run(row, 0, 1, None)


def test_what_decides_the_memory_is_named_and_nothing_else() -> None:
    made = encoder(reference(), live_layers=1)
    row = tokens((9, 4))
    decisive = {id(parameter) for module in made.memory_modules() for parameter in module.parameters()}
    made.run(made.embed(row), 0, 2, None).values.sum().backward()
    assert {id(parameter) for parameter in made.parameters() if parameter.grad is not None} == decisive
