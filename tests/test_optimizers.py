"""The optimizers against PyTorch's and timm's, on the same gradients."""

from dataclasses import replace

import numpy as np
import pytest
from references import import_torchvision

from kerascnn.training import LAMB, LARS, SGD, AdamW, RMSProp

torch = pytest.importorskip("torch")
import_torchvision()
timm_optim = pytest.importorskip("timm.optim")

DECAYED = (True, True, False, False)
REFERENCES = {
    "sgd": lambda groups, **_: torch.optim.SGD(groups, lr=0.02, momentum=0.9, nesterov=True),
    "momentum": lambda groups, **_: torch.optim.SGD(groups, lr=0.02, momentum=0.9),
    "rmsprop": lambda groups: timm_optim.RMSpropTF(groups, lr=0.02, alpha=0.9, eps=1e-3, momentum=0.9),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.002, eps=1e-12),
    "lars": lambda groups: timm_optim.Lars(groups, lr=0.02, momentum=0.9, trust_coeff=0.001),
    "lamb": lambda groups: timm_optim.Lamb(groups, lr=0.02, eps=1e-6, max_grad_norm=None),
}


# Keras adds AdamW's epsilon before the correction of the second moment and PyTorch after it, so it is tiny here; and
# Keras subtracts powers of 0.999 from one in float32, which a rate of 0.02 would show.
OPTIMIZERS = {
    "sgd": SGD(lr=0.02, nesterov=True, weight_decay=0.05),
    "momentum": SGD(lr=0.02, weight_decay=0.05),
    "rmsprop": RMSProp(lr=0.02, weight_decay=0.05),
    "adamw": AdamW(lr=0.002, epsilon=1e-12, weight_decay=0.05),
    "lars": LARS(lr=0.02, weight_decay=0.05),
    "lamb": LAMB(lr=0.02, weight_decay=0.05),
}


def start():
    """Weights of all kinds, and gradients for 20 steps."""
    rng = np.random.default_rng(0)
    shapes = {"kernel": (3, 3, 2, 4), "depthwise_kernel": (3, 3, 5, 1), "bias": (4,), "gamma": (4,)}
    weights = {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}
    gradients = [[rng.normal(0, 0.1, w.shape).astype(np.float32) for w in weights.values()] for _ in range(20)]
    return weights, gradients


def ours(name: str, weights, gradients, rates=None, **changes) -> list[np.ndarray]:
    import keras

    record = replace(OPTIMIZERS[name], **changes)
    variables = [keras.Variable(value, name=label) for label, value in weights.items()]
    optimizer = record.build(variables)
    for step, slopes in enumerate(gradients):
        if rates:
            optimizer.learning_rate = rates[step]
        tensors = [keras.ops.convert_to_tensor(slope) for slope in slopes]
        optimizer.apply(record.with_decay(tensors, variables, 1.0), variables)
    return [np.asarray(variable) for variable in variables]


def theirs(name: str, weights, gradients, rates=None) -> list[np.ndarray]:
    parameters = [torch.nn.Parameter(torch.tensor(value)) for value in weights.values()]
    decayed = [p for p, yes in zip(parameters, DECAYED, strict=True) if yes]
    spared = [p for p, yes in zip(parameters, DECAYED, strict=True) if not yes]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": spared, "weight_decay": 0.0}]
    optimizer = REFERENCES[name](groups)
    for step, slopes in enumerate(gradients):
        for group in optimizer.param_groups:
            group["lr"] = rates[step] if rates else group["lr"]
        for parameter, slope in zip(parameters, slopes, strict=True):
            parameter.grad = torch.tensor(slope)
        optimizer.step()
    return [parameter.detach().numpy() for parameter in parameters]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_twenty_steps(name):
    weights, gradients = start()
    found, expected = ours(name, weights, gradients), theirs(name, weights, gradients)
    for value, reference, before in zip(found, expected, weights.values(), strict=True):
        np.testing.assert_allclose(value, reference, rtol=1e-6, atol=1e-6)
        assert np.abs(value - before).max() > 1e-5  # something has moved


@pytest.mark.parametrize("name", ["rmsprop", "adamw", "lamb"])
def test_a_rate_that_changes(name):
    """TensorFlow 1's RMSProp holds steps, not gradients, in its momentum: a new rate does not change old steps."""
    weights, gradients = start()
    rates = [OPTIMIZERS[name].lr * 0.8**step for step in range(20)]
    found, expected = ours(name, weights, gradients, rates=rates), theirs(name, weights, gradients, rates)
    for value, reference in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, reference, rtol=1e-6, atol=1e-6)


def test_lars_by_its_definition_at_a_rate_that_changes():
    """Algorithm 1 has the rate inside the momentum; timm has it outside."""
    weights, gradients = start()
    rates = [0.02 * 0.8**step for step in range(20)]
    found = ours("lars", weights, gradients, rates=rates)
    for place, (w, value) in enumerate(zip(weights.values(), found, strict=True)):
        w, v = w.astype(np.float64), 0.0
        for rate, slopes in zip(rates, gradients, strict=True):
            g = slopes[place].astype(np.float64)
            if DECAYED[place]:
                ratio = 0.001 * np.linalg.norm(w) / (np.linalg.norm(g) + 0.05 * np.linalg.norm(w))
                g = ratio * (g + 0.05 * w)
            v = 0.9 * v + rate * g
            w = w - v
        np.testing.assert_allclose(value, w, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["lars", "lamb"])
def test_a_kernel_of_zeros_leaves_zero(name):
    weights, gradients = start()
    moved = ours(name, {**weights, "kernel": np.zeros_like(weights["kernel"])}, gradients[:1])
    assert np.isfinite(moved[0]).all() and np.abs(moved[0]).max() > 1e-4


def test_epsilon_of_a_recipe():
    weights, gradients = start()
    own, other, same = (ours("rmsprop", weights, gradients, epsilon=epsilon) for epsilon in (1e-3, 1.0, 1e-3))
    assert np.abs(own[0] - other[0]).max() > 1e-3
    assert np.array_equal(own[0], same[0])
