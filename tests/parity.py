"""Random weights that show a difference when there is one: activations stay near 1, batch norm statistics vary."""

import keras
import numpy as np


def randomise(model: keras.Model, seed: int = 0) -> None:
    """Draw every weight anew: kernels scaled by their fan-in, batch norm away from the identity."""
    random = np.random.default_rng(seed)
    gain = 1.0 if any("moving_variance" in w.path for w in model.weights) else 1.4  # a ReLU alone halves the energy
    for w in model.weights:
        kind = w.path.rpartition("/")[2]
        if kind == "kernel":
            depthwise = len(w.shape) == 4 and "depthwise" in w.path
            fan_in = np.prod(w.shape[:2]) if depthwise else np.prod(w.shape[:-1])
            value = random.normal(0, gain / np.sqrt(fan_in), w.shape)
        elif kind == "gamma" or kind.startswith("variable"):  # of ConvNeXt in keras.applications, a scale
            value = random.uniform(0.8, 1.2, w.shape)
        elif kind == "moving_variance":
            value = random.uniform(1.0, 2.0, w.shape)
        elif kind in ("beta", "bias", "moving_mean"):
            value = random.normal(0, 0.2, w.shape)
        elif kind in ("token", "position", "coefficient"):
            value = random.normal(0, 0.5, w.shape)
        else:
            continue
        w.assign(value.astype("float32"))


def logits(model: keras.Model) -> keras.Model:
    """The model without the softmax at its end."""
    last = model.layers[-1]
    if isinstance(last, keras.layers.Activation):
        return keras.Model(model.input, last.input)
    last.activation = keras.activations.linear  # keras.applications keep it inside the last dense layer
    return model


def images(model: keras.Model, count: int = 2, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, *model.input_shape[1:])).astype("float32")


def assert_equal(ours: np.ndarray, theirs: np.ndarray, tolerance: float = 1e-5) -> None:
    """Equal to ``tolerance`` of the largest value, on outputs that differ from class to class."""
    scale = np.abs(theirs).max()
    assert np.isfinite(theirs).all() and 1e-2 < scale < 1e3, f"these outputs prove nothing: the largest is {scale}"
    assert theirs.std() > 0.05 * scale
    difference = np.abs(ours - theirs).max() / scale
    assert difference <= tolerance, f"they differ by {difference:.1e} of the largest"


def randomise_torch(module, seed: int = 0) -> None:
    """As :func:`randomise`, in a torch module."""
    import torch

    random = np.random.default_rng(seed)
    state = module.state_dict()
    gain = 1.0 if any(key.endswith("running_var") for key in state) else 1.4
    values = {}
    for key, old in state.items():
        shape = tuple(old.shape)
        if key.endswith("running_var"):
            value = random.uniform(1.0, 2.0, shape)
        elif key.endswith(("bias", "running_mean")):
            value = random.normal(0, 0.2, shape)
        elif key.endswith("weight") and len(shape) >= 2:
            value = random.normal(0, gain / np.sqrt(np.prod(shape[1:])), shape)
        elif key.endswith("weight"):
            value = random.uniform(0.8, 1.2, shape)
        elif old.is_floating_point():
            value = random.normal(0, 0.2, shape)
        elif key.endswith("index"):
            value = random.permutation(shape[0])
        else:
            continue
        values[key] = torch.tensor(value, dtype=old.dtype)
    fill_torch(module, values)


def fill_torch(module, values) -> None:
    """Give a torch module these values, by key, and let it keep its others."""
    state = module.state_dict()  # it holds the format's version too, without which torchvision's MnasNet loads nothing
    state.update(values)
    module.load_state_dict(state)
