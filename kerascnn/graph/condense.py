"""From learned groups to plain ones: a trained CondenseNet as the network that runs. Huang et al. 2018, figure 1."""

from typing import Any

import keras
import numpy as np

from kerascnn import layers as L


def condensed(model: keras.Model) -> keras.Model:
    """``model`` with each learned group convolution as a selection of channels and a convolution in plain groups.

    A batch norm and an activation before it then see the selected channels alone.

    Returns
    -------
    keras.Model
        A new model that computes the same.

    Raises
    ------
    ValueError
        When ``model`` has no learned group convolution, or one is not condensed yet.
    """
    learned = [layer for layer in model.layers if isinstance(layer, L.LearnedGroupConv2D)]
    if not learned:
        raise ValueError(f"{model.name} has no learned group convolution to convert.")
    for layer in learned:
        kept = layer.kept_now()
        if (counts := set(kept.sum(axis=0))) != {len(kept) // layer.condense}:
            raise ValueError(
                f"{layer.name} still keeps {max(counts)} of {len(kept)} inputs in a group, not one of "
                f"{layer.condense}: train it with kerascnn.training.condensing.CondensingSchedule first."
            )
    values = {layer.name: layer.get_weights() for layer in model.layers}
    made: dict[int, tuple[Any, Any, Any]] = {}  # by id of an output: it, its layer and its input

    def draw(layer, *args, **kwargs):
        if isinstance(layer, L.LearnedGroupConv2D):
            return in_groups(model.get_layer(layer.name), args[0], made, values)
        out = layer(*args, **kwargs)
        made[id(out)] = out, layer, args[0]
        return out

    converted = keras.models.clone_model(model, call_function=draw)
    for layer in converted.layers:
        if layer.weights:
            layer.set_weights(values[layer.name])
    return converted


def in_groups(learned, x, made, values):
    """Draw what replaces one learned group convolution, and note the weights of what was drawn."""
    each_channel = []  # what stands between the selection and the convolution
    while id(x) in made and isinstance(made[id(x)][1], L.BatchNormalization | L.Activation | L.ReLU):
        _, layer, x = made[id(x)]
        each_channel.insert(0, layer)
    room, groups = learned.name.rpartition("-")[0], learned.groups
    index = np.concatenate([np.flatnonzero(kept) for kept in learned.kept_now().T])
    kernel, *bias = values[learned.name][: 1 + learned.use_bias]
    parts = np.split(kernel[index], groups)
    kernel = np.concatenate([part[:, group::groups] for group, part in enumerate(parts)], axis=1)
    bias = [np.concatenate([b[group::groups] for group in range(groups)]) for b in bias]

    x = L.SelectChannels(len(index), name=f"{room}-select")(x)
    values[f"{room}-select"] = [index]
    for layer in each_channel:
        x = layer.__class__.from_config(layer.get_config())(x)
        values[layer.name] = [value[index] for value in values[layer.name]]
    plain = {"use_bias": learned.use_bias, "dtype": learned.dtype_policy, "name": learned.name}
    if len(x.shape) == 2:
        x = L.Dense(learned.units, **plain)(x)
    else:
        x, kernel = L.Conv2D(learned.units, 1, groups=groups, **plain)(x), kernel[None, None]
    values[learned.name] = [kernel, *bias]
    if groups > 1:
        x = L.ChannelShuffle(groups, name=f"{room}-shuffle")(x)
    return x
