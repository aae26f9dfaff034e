"""Our drawings compute what keras.applications' compute, once they hold the same weights."""

import keras
import pytest
from parity import assert_equal, images, logits, randomise

import kerascnn

PAIRS = [
    "VGG16", "VGG19", "ResNet50", "ResNet101", "ResNet152", "DenseNet121", "DenseNet169", "DenseNet201",
    "MobileNetV2_035", "MobileNetV2_050", "MobileNetV2_075", "MobileNetV2_100", "MobileNetV2_130", "MobileNetV2_140",
    "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4", "EfficientNetB5",
    "EfficientNetB6", "EfficientNetB7", "EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2",
    "EfficientNetV2B3", "EfficientNetV2S", "EfficientNetV2M", "EfficientNetV2L",
]  # fmt: skip


def theirs(name: str, size: int) -> keras.Model:
    options: dict = {"weights": None, "input_shape": (size, size, 3), "classes": 10}
    if name.startswith("MobileNetV2"):
        return keras.applications.MobileNetV2(alpha=int(name[-3:]) / 100, **options)
    if name.startswith("EfficientNetV2"):
        options["include_preprocessing"] = False
    return getattr(keras.applications, name)(**options)


def carry_over(source: keras.Model, target: keras.Model) -> None:
    """Copy weights layer by layer, matched by kind and order of creation; a bias before batch norm into its mean."""
    for kind in ("Conv2D", "DepthwiseConv2D", "BatchNormalization", "Dense"):
        a = [layer for layer in in_order(source) if layer.__class__.__name__ == kind]
        b = [layer for layer in in_order(target) if layer.__class__.__name__ == kind]
        assert len(a) == len(b), (kind, len(a), len(b))
        for x, y in zip(a, b, strict=True):
            values = x.get_weights()
            if kind == "Conv2D" and x.use_bias and not y.use_bias:
                bn = next(node.operation for node in x._outbound_nodes)
                bn.moving_mean.assign(bn.moving_mean - x.bias)
                values = values[:1]
            y.set_weights(values)


def in_order(model: keras.Model) -> list[keras.layers.Layer]:
    """Layers in the order in which the image meets them; a ResNet's shortcuts, which have no fixed turn, last."""
    shortcut = ("shortcut", "_0_") if model.name.startswith("resnet") else ()
    return sorted(model.layers, key=lambda layer: any(part in layer.name for part in shortcut))


ODD = ["VGG16", "ResNet50", "DenseNet121", "MobileNetV2_100", "EfficientNetB0", "EfficientNetV2B0"]


@pytest.mark.sharded
@pytest.mark.parametrize(("name", "size"), [(name, 96) for name in PAIRS] + [(name, 107) for name in ODD])
def test_logits_equal_keras_applications(name, size):
    reference = theirs(name, size)
    ours = getattr(kerascnn.applications, name)(input_shape=(size, size, 3), classes=10)
    randomise(reference)
    x = images(reference)
    expected = logits(reference).predict(255 * x if name.startswith("EfficientNetB") else x, verbose=0)
    carry_over(reference, ours)
    assert_equal(logits(ours).predict(x, verbose=0), expected)


def test_the_comparison_sees_a_wrong_stride():
    reference = theirs("ResNet50", 64)
    ours = kerascnn.applications.ResNet50V1_5(input_shape=(64, 64, 3), classes=10)
    randomise(reference)
    x = images(reference)
    expected = logits(reference).predict(x, verbose=0)
    carry_over(reference, ours)
    with pytest.raises(AssertionError, match="they differ by"):
        assert_equal(logits(ours).predict(x, verbose=0), expected)
