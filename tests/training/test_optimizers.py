"""Parameter groups and the optimizers' rules."""

import pytest
import torch
from torch import nn

from glimmer.errors import ConfigError
from glimmer.training.optimizers import (
    OPTIMIZERS,
    OptimizerConfig,
    ParameterGroupConfig,
    parameter_groups,
    set_learning_rate,
)


def module() -> nn.Module:
    made = nn.ModuleDict({"encoder": nn.Linear(3, 2), "relative_attention_bias": nn.Embedding(4, 2)})
    made["frozen"] = nn.Linear(1, 1).requires_grad_(False)
    return made


def test_matrices_decay_vectors_do_not_and_named_groups_have_their_own() -> None:
    made = module()
    config = OptimizerConfig(
        lr=0.1,
        weight_decay=0.01,
        groups={"position": ParameterGroupConfig(pattern="relative_attention_bias", lr_scale=30, weight_decay=0.0)},
    )
    groups = parameter_groups(config, made.named_parameters())
    found = {(g["name"], g["weight_decay"], g["lr_scale"]): [tuple(p.shape) for p in g["params"]] for g in groups}
    assert found == {
        (None, 0.01, 1.0): [(2, 3)],
        (None, 0.0, 1.0): [(2,)],
        ("position", 0.0, 30): [(4, 2)],
    }


def test_the_learning_rate_of_a_group_is_scaled() -> None:
    config = OPTIMIZERS.configure("adamw", lr=0.1, groups={"bias": ParameterGroupConfig(pattern="bias$", lr_scale=5)})
    made = nn.Linear(2, 2)
    optimizer = OPTIMIZERS.build(config, parameter_groups(config, made.named_parameters()))
    set_learning_rate(optimizer, 0.01)
    assert {group["name"]: group["lr"] for group in optimizer.param_groups} == {None: 0.01, "bias": 0.05}
    before = {name: p.detach().clone() for name, p in made.named_parameters()}
    sum(p.sum() for p in made.parameters()).backward()  # type: ignore[union-attr]
    optimizer.step()
    moved = {name: (p.detach() - before[name]).abs().mean() for name, p in made.named_parameters()}
    assert moved["weight"] == pytest.approx(0.01, rel=1e-3)  # Adam's first step is one learning rate long
    assert moved["bias"] == pytest.approx(0.05, rel=1e-3)


def test_a_group_may_have_any_name_and_gives_its_rate_to_its_own_alone() -> None:
    config = OptimizerConfig(groups={"default": ParameterGroupConfig(pattern="bias$", lr_scale=5)})
    groups = parameter_groups(config, nn.Linear(3, 2).named_parameters())
    assert {tuple(p.shape): g["lr_scale"] for g in groups for p in g["params"]} == {(2, 3): 1, (2,): 5}


def test_a_pattern_that_matches_nothing_is_an_error_that_names_it() -> None:
    config = OptimizerConfig(groups={"head": ParameterGroupConfig(pattern="rerankr")})
    with pytest.raises(ConfigError, match=r"optimizer\.groups\.head\.pattern 'rerankr' matches no parameter.*encoder"):
        parameter_groups(config, module().named_parameters())
    with pytest.raises(ConfigError, match="matches no parameter"):  # a frozen parameter does not train
        parameter_groups(
            OptimizerConfig(groups={"f": ParameterGroupConfig(pattern="frozen")}), module().named_parameters()
        )
    with pytest.raises(ConfigError, match="no regular expression"):
        ParameterGroupConfig(pattern="(")


def test_adafactors_first_step_is_the_rate_times_the_size_of_the_weights() -> None:
    config = OPTIMIZERS.configure("adafactor")
    weight = nn.Parameter(torch.full((4, 3), 2.0))
    optimizer = OPTIMIZERS.build(config, parameter_groups(config, [("weight", weight)]))
    weight.grad = torch.full((4, 3), 0.7)
    optimizer.step()
    # A constant gradient over its own root mean square is 1; times lr 1e-4 times RMS(weight) 2.
    torch.testing.assert_close(weight.detach(), torch.full((4, 3), 2.0 - 2e-4), rtol=0, atol=1e-7)


def test_adafactor_leaves_weights_without_gradient_finite() -> None:
    config = OPTIMIZERS.configure("adafactor")
    weight = nn.Parameter(torch.ones(4, 3))
    optimizer = OPTIMIZERS.build(config, parameter_groups(config, [("weight", weight)]))
    weight.grad = torch.zeros(4, 3)
    optimizer.step()
    assert torch.equal(weight.detach(), torch.ones(4, 3))
