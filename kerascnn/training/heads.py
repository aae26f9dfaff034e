"""Networks whose output is a dictionary: the head, and auxiliary heads that only help it to learn."""

from typing import Any

import keras

HEAD = "head"


def by_name(outputs: Any) -> dict[str, Any]:
    """Every head's output; a network with nothing but a head puts out no dictionary."""
    return outputs if isinstance(outputs, dict) else {HEAD: outputs}


def last_layers(model: keras.Model) -> dict[str, Any]:
    """For every head, the layer that puts it out."""
    outputs = getattr(model, "output", None)  # which a network that is drawn as a class has not
    if not isinstance(outputs, dict):
        return {HEAD: model.layers[-1]}
    return {name: next(layer for layer in model.layers if layer.output is output) for name, output in outputs.items()}


def up_to_logits(model: keras.Model) -> keras.Model:
    """The same layers and weights, without the softmax at the end: cross-entropy of logits does not underflow."""
    lasts = last_layers(model)
    logits = {name: last.input for name, last in lasts.items() if is_softmax(model, last)}
    if not logits:
        return model
    if isinstance(model.output, dict):
        return keras.Model(model.input, {**model.output, **logits})
    return keras.Model(model.input, logits[HEAD])


def is_softmax(model: keras.Model, last: Any) -> bool:
    """Whether a layer makes shares of logits and does nothing else."""
    if isinstance(last, keras.layers.Softmax) or (
        isinstance(last, keras.layers.Activation) and last.activation is keras.activations.softmax
    ):
        return True
    if getattr(last, "activation", None) is keras.activations.softmax:
        raise ValueError(
            f"The softmax of {model.name!r} is inside its last layer, {last.name!r}. Give that layer no activation, "
            f'and let a layer Activation("softmax") follow it, or nothing at all.'
        )
    return False


def check_heads(model: keras.Model, auxiliary: float) -> None:
    """Refuse to guess what the loss of auxiliary heads is to weigh, and weights of heads that are not there."""
    names = {*last_layers(model)}
    if HEAD not in names:
        raise ValueError(
            f"{model.name} puts out a dictionary of {', '.join(sorted(names))}; expected one with {HEAD!r}, whose "
            "scores are the network's."
        )
    others = sorted(names - {HEAD})
    if others and not auxiliary:
        raise ValueError(
            f"{model.name} has auxiliary heads ({', '.join(others)}), and the recipe does not say what their losses "
            f"weigh. Set auxiliary, such as to 0.3, or train {plain_name(model.name)!r}, which has none."
        )
    if auxiliary and not others:
        raise ValueError(
            f"The recipe sets auxiliary to {auxiliary:g}, but {model.name} has no auxiliary heads. Leave auxiliary "
            "out, or train a network that has some, such as googlenet_auxiliary."
        )


def without_auxiliary(model: keras.Model) -> keras.Model:
    """The network as it is used: the same layers and weights, as far as the head needs them."""
    if not isinstance(getattr(model, "output", None), dict):
        return model
    return keras.Model(model.input, by_name(model.output)[HEAD], name=plain_name(model.name))


def plain_name(name: str) -> str:
    """How the catalogue calls a network without its auxiliary heads."""
    return name.removesuffix("_auxiliary")
