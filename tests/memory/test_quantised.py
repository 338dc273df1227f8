"""Memory that is quantised in training: what it gives, how its codes move, and where its gradients go."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
import torch
from small_codecs import decoded, encoded
from small_readers import WIDTH, small_batch, small_reader
from torch import Tensor

from glimmer.data.values import States, Tokens
from glimmer.errors import ConfigError
from glimmer.memory import MEMORIES, QuantisedMemory
from glimmer.memory.codecs.codebooks import lookup, nearest
from glimmer.training.distributed import Group

T = TypeVar("T")
ALONE = Group()
OPTIONS: dict[str, Any] = {"codes": 16, "subspaces": 2, "sample": 32, "batches": 2, "iterations": 2, "rounds": 2}


def memory(width: int = 4, **options: Any) -> QuantisedMemory:
    made = MEMORIES.build(MEMORIES.configure("quantised", **(OPTIONS | options)), text_fingerprint="text")
    assert isinstance(made, QuantisedMemory)
    made.allocate(width)
    return made


def states(passages: int, tokens: int, width: int = 4, seed: int = 0) -> Tensor:
    return torch.randn(passages, tokens, width, generator=torch.Generator().manual_seed(seed))


def through(made: QuantisedMemory, values: Tensor, mask: Tensor | None = None) -> Tensor:
    """What the memory makes of ``values``."""
    tokens = Tokens(torch.ones(values.shape[:2], dtype=torch.long), torch.ones(values.shape[:2], dtype=torch.bool))
    given = States(values, tokens.mask if mask is None else mask)
    return made(lambda _: given, tokens, ()).values


def begun(**options: Any) -> QuantisedMemory:
    """A memory with its first codebooks, drawn from 32 tokens."""
    made = memory(**options)
    for seed in range(2):
        through(made, states(4, 8, seed=seed))
        made.learn(ALONE)
    assert made.ready
    return made


def test_memory_is_as_encoded_until_the_sample_is_full() -> None:
    made = memory()
    values = states(4, 8)
    assert torch.equal(through(made, values), values)
    made.learn(ALONE)
    assert not made.ready
    assert torch.equal(through(made, values), values)
    made.learn(ALONE)
    assert made.ready
    assert not torch.equal(through(made, values), values)


def test_states_become_their_nearest_codes_and_padding_nothing() -> None:
    made = begun().eval()
    values, mask = states(3, 5, seed=7), torch.ones(3, 5, dtype=torch.bool)
    mask[1, 2:] = False
    quantised = through(made, values, mask)
    expected = lookup(nearest(values[mask], made.codebooks), made.codebooks)
    assert torch.equal(quantised[mask], expected)
    assert not quantised[~mask].any()


def test_the_gradient_of_a_code_is_the_gradient_of_its_state() -> None:
    made = begun()
    values = states(3, 5, seed=7).requires_grad_()
    toward = states(3, 5, seed=8)
    (through(made, values) * toward).sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad, toward)
    assert not any(p.requires_grad for p in made.parameters())
    assert not made.codebooks.requires_grad


def test_an_update_moves_the_codes_as_worked_out_by_hand() -> None:
    made = memory(width=2, subspaces=1, decay=0.75, sample=16, redraw_every=100)
    made.seen.fill_(16)
    codebook = torch.full((16, 2), 100.0)
    codebook[0], codebook[1] = torch.tensor([0.0, 0.0]), torch.tensor([10.0, 0.0])
    made.codebooks.copy_(codebook[None])
    made.counts.fill_(4.0)
    made.sums.copy_(4 * codebook[None])
    through(made, torch.tensor([[[1.0, 1.0], [2.0, 0.0]], [[9.0, 3.0], [1.0, 2.0]]]))
    made.learn(ALONE)
    # Code 0: count 0.75·4 + 0.25·3 = 3.75, sum 0.25·(1 + 2 + 1, 1 + 0 + 2) = (1, 0.75).
    # Code 1: count 0.75·4 + 0.25·1 = 3.25, sum 0.75·(40, 0) + 0.25·(9, 3) = (32.25, 0.75).
    assert made.counts[0, :3].tolist() == [3.75, 3.25, 3.0]
    torch.testing.assert_close(made.codebooks[0, 0], torch.tensor([1.0, 0.75]) / 3.75)
    torch.testing.assert_close(made.codebooks[0, 1], torch.tensor([32.25, 0.75]) / 3.25)
    torch.testing.assert_close(made.codebooks[0, 2:], codebook[2:])  # unused: fewer, but where they were


def test_micro_batches_move_the_codes_as_one_batch_does() -> None:
    whole, parts = begun(redraw_every=100), begun(redraw_every=100)
    values = states(6, 8, seed=5)
    through(whole, values)
    for some in values.split([1, 3, 2]):
        through(parts, some)
    whole.learn(ALONE)
    parts.learn(ALONE)
    torch.testing.assert_close(parts.counts, whole.counts)
    torch.testing.assert_close(parts.codebooks, whole.codebooks)


class Two:
    """Two ranks that have both seen the same, as one of them asks for it."""

    def gather(self, value: T) -> list[T]:
        return [value, value]

    def sum(self, tensor: Tensor) -> Tensor:
        return tensor.mul_(2)


def test_ranks_add_up() -> None:
    one, two = begun(redraw_every=100), begun(redraw_every=100)
    values = states(2, 8, seed=5)
    through(one, torch.cat([values, values]))
    through(two, values)
    one.learn(ALONE)
    two.learn(Two())
    torch.testing.assert_close(two.counts, one.counts)
    torch.testing.assert_close(two.codebooks, one.codebooks)


def test_a_rare_code_is_drawn_again_from_the_latest_tokens() -> None:
    made = begun(redraw_every=3, rare=0.2, decay=0.9)
    lost = torch.tensor([1e6, 1e6])
    made.codebooks[:, 5], made.sums[:, 5] = lost, 0.01 * lost
    made.counts[:, 5] = 0.01
    kept = made.codebooks.clone()
    through(made, states(2, 8, seed=9))
    made.learn(ALONE)  # the third update
    parts = made.recent.view(-1, 2, 2)
    for subspace in range(2):
        assert (parts[:, subspace] == made.codebooks[subspace, 5]).all(1).any()
        assert made.counts[subspace, 5] > 0.1
    usual = (made.counts > 0.2 * made.counts.mean()) & (torch.arange(16) != 5)
    assert (made.codebooks - kept).abs()[usual].max() < 1


def test_codes_move_in_training_alone() -> None:
    made = begun()
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    made.eval()
    through(made, states(2, 8, seed=5))
    with torch.no_grad():
        through(made.train(), states(2, 8, seed=6))
    for name, tensor in made.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert made._picked == []


def test_the_same_states_give_the_same_codes_after_a_resumption() -> None:
    alone, killed = begun(redraw_every=2, rare=0.5), begun(redraw_every=2, rare=0.5)
    for seed in range(10, 14):
        resumed = memory(redraw_every=2, rare=0.5)
        resumed.load_state_dict(killed.state_dict())
        killed = resumed
        for made in (alone, killed):
            through(made, states(3, 8, seed=seed))
            made.learn(ALONE)
    for name, tensor in alone.state_dict().items():
        assert torch.equal(killed.state_dict()[name], tensor), name


def test_the_codec_has_exactly_these_codebooks() -> None:
    made = begun()
    codec = made.codec()
    values = states(1, 20, seed=3)
    assert torch.equal(decoded(codec, encoded(codec, values[0])), through(made.eval(), values)[0])
    assert codec.bytes_per_token == 1
    with pytest.raises(ConfigError, match=r"no codebooks yet: they are drawn after memory\.sample = 32 tokens"):
        memory().codec()


@pytest.mark.parametrize("frozen", [False, True])
def test_the_encoder_trains_through_the_codes_unless_frozen(frozen: bool) -> None:
    reader = small_reader(memory="quantised", memory_options={**OPTIONS, "frozen": frozen}).train()
    learn: Callable[[Group], None] = reader.memory.learn  # type: ignore[assignment]
    batch = small_batch()
    for _ in range(2):
        reader(batch)
        learn(ALONE)
    reader(batch).logits.sum().backward()
    gradients: Sequence[Tensor | None] = [p.grad for m in reader.encoder.memory_modules() for p in m.parameters()]
    assert all((g is None) == frozen for g in gradients)


def test_a_width_that_cannot_be_cut_is_refused() -> None:
    with pytest.raises(ConfigError, match=f"{WIDTH} dimensions are not cut evenly into 5 subspaces"):
        small_reader(memory="quantised", memory_options={"codes": 16, "subspaces": 5})
