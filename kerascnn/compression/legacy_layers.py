"""Layers of tf_keras that compute what Keras 3 layers do. Imported late, by ``legacy_copy``: it imports tf_keras."""

import inspect
from typing import Any

import keras
import tensorflow as tf
import tf_keras

from kerascnn.graph.copies import is_shared, twin, weights_of
from kerascnn.graph.graph import Call

# Layers that Keras 2 has too and computes alike; tools look for them by their class.
NATIVE = {"Activation", "LeakyReLU", "ReLU", "Softmax"}
NATIVE |= {"Conv2D", "Conv2DTranspose", "Dense", "DepthwiseConv2D", "SeparableConv2D"}
NATIVE |= {"AveragePooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "MaxPooling2D"}
NATIVE |= {"Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"}
NATIVE |= {"BatchNormalization", "LayerNormalization", "Rescaling", "Dropout", "SpatialDropout2D"}
NATIVE |= {"Cropping2D", "Flatten", "Permute", "Reshape", "UpSampling2D", "ZeroPadding2D"}
RENAMED = {("LeakyReLU", "negative_slope"): "alpha"}
# Weights are copied, dtypes are float32, and penalties and constraints are a matter of the first training.
LEFT_OUT = ("_initializer", "_regularizer", "_constraint", "dtype")
ALIKE = ("elu", "gelu", "linear", "mish", "relu", "selu", "sigmoid", "softmax", "softplus", "softsign", "tanh")
SAME = {getattr(keras.activations, name): name for name in ALIKE} | {keras.activations.silu: "swish"}
PACKAGE = "keras3"  # under which Keras 2 files activations of Keras 3; its own may compute something else
FUSED_EPSILON = 1.001e-5  # a fused batch norm takes no smaller one


def legacy_layer(call: Call) -> Any:
    """The layer of tf_keras, with the weights, that computes what ``call`` does, in float32."""
    config = native_config(call.operation)
    if config is None:
        return Keras3Layer(call)
    layer = getattr(tf_keras.layers, type(call.operation).__name__).from_config(config)
    if call.operation.weights:
        layer.build(call.operation.get_build_config()["input_shape"])
        layer.set_weights(call.operation.get_weights())
    return layer


def native_config(layer: Any) -> dict[str, Any] | None:
    """How tf_keras makes the same layer; None when it cannot."""
    name = type(layer).__name__
    if name not in NATIVE or type(layer) is not getattr(keras.layers, name):
        return None
    if getattr(layer, "data_format", "channels_last") != "channels_last":  # which Keras 2 cannot compute on every CPU
        return None
    kind = getattr(tf_keras.layers, name)
    known = {p for base in kind.__mro__ for p in inspect.signature(base.__init__).parameters}
    config = {}
    for key, value in layer.get_config().items():
        if not key.endswith(LEFT_OUT):
            key = RENAMED.get((name, key), key)
            if key in known or key in ("name", "trainable"):
                config[key] = activation(layer.activation) if key == "activation" else value
            elif value:
                return None
    if name == "BatchNormalization" and config["epsilon"] < FUSED_EPSILON:
        config["fused"] = False
    return config


def activation(function: Any) -> Any:
    """An activation by Keras 2's name where both Kerases have it, else the function, which Keras 2 then knows."""
    if function in SAME:
        return SAME[function]
    name = f"function-{id(function)}"  # two functions may have one name, and some have none
    if known := tf_keras.utils.get_registered_object(f"{PACKAGE}>{name}"):
        return known

    def called(x: Any) -> Any:
        return function(x)

    return tf_keras.utils.register_keras_serializable(PACKAGE, name)(called)


class Keras3Layer(tf_keras.layers.Layer):
    """One operation of a Keras 3 graph as a layer of tf_keras.

    The variables of Keras 3 are TensorFlow's, so tf_keras trains a copy of the layer as it trains its own. A layer that
    cannot be copied stands here itself, frozen: it belongs to the model that was given.

    The operation is a layer, which is copied, or one such as that of ``keras.ops.add``. This layer takes the tensors
    among the arguments of its call, in order.
    """

    def __init__(self, call: Call):
        super().__init__(name=call.operation.name, trainable=getattr(call.operation, "trainable", True))
        self.operation = in_float32(call) if isinstance(call.operation, keras.layers.Layer) else call.operation
        self.arguments = Arguments(call)
        self.frozen = is_shared(self.operation, call.operation)
        # so that tf_keras knows of them
        self.borrowed = [] if self.frozen else [v.value for v in self.operation.variables]

    @tf.autograph.experimental.do_not_convert
    def call(self, inputs: Any, training: Any = None) -> Any:
        args, keywords = self.arguments.filled(tf.nest.flatten(inputs))
        if getattr(self.operation, "_call_has_training_arg", False):
            keywords = {"training": training and not self.frozen} | keywords
        return self.operation(*args, **keywords)


class Arguments:
    """What a call takes, with places for its tensors."""

    def __init__(self, call: Call):
        self.drawn = (call.args, without_defaults(call.keywords))

    def filled(self, tensors: list[Any]) -> Any:
        """Arguments and keywords with ``tensors`` in their places, in order."""
        rest = iter(tensors)
        return keras.tree.map_structure(lambda x: next(rest) if isinstance(x, keras.KerasTensor) else x, self.drawn)

    def __eq__(self, other: Any) -> bool:
        blank = [None] * len(keras.tree.flatten(self.drawn))
        return isinstance(other, Arguments) and self.filled(blank) == other.filled(blank)


def without_defaults(keywords: dict[str, Any]) -> dict[str, Any]:
    """Keywords that say something: Keras 3 notes a mask that is not there, and training=False, at every call."""
    return {key: value for key, value in keywords.items() if value is not None and value is not False}


def in_float32(call: Call) -> Any:
    """A copy of the layer of a call, with weights of its own, that computes in float32; or the layer itself."""
    layer, copy = call.operation, twin(call, dtype="float32")
    if not is_shared(copy, layer) and layer.built:
        copy.build_from_config(layer.get_build_config() or {})
        copy.set_weights(weights_of(layer))
    return copy
