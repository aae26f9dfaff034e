"""Ways to ruin a file's answers, each of which verification has to refuse; and sound files, none of which it may.

Each network is written as a file in float32 and in int8. A sabotage changes what goes into the sound file, what comes
out of it, or the weights of the network that it was made of. All of it is drawn from seeds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from kerascnn.deploy import TARGETS, ExportError
from kerascnn.deploy.images import noise
from kerascnn.deploy.request import ExportRequest
from kerascnn.deploy.verification import compare_runs
from kerascnn.graph.ending import with_logits
from kerascnn.runtime import Runner, keras_runner, open_model, quiet

SIZE = 16
FORMATS = ("tflite", "tflite-int8")
IMAGES = noise((SIZE, SIZE, 3))
DAILY = ("one_unit", "detector_of_two", "landmarks")  # which are tried in every run
Outputs = dict[str, np.ndarray]


def trunk() -> tuple[Any, Any]:
    """An image, and a map of 8 x 8 x 12 of it."""
    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = layers.Conv2D(16, 3, 2, "same", name="stem")(image)
    x = layers.Activation("relu")(layers.BatchNormalization(epsilon=1e-3, name="norm")(x))
    return image, layers.Conv2D(12, 3, padding="same", activation="relu", name="conv")(x)


def head(x, units: int, name: str, spread: Any, mean: Any = 0.0):
    """A linear layer whose channels get these spreads and means; :func:`settled` sees to it."""
    make = layers.Dense(units, name=name) if len(x.shape) == 2 else layers.Conv2D(units, 1, name=name)
    make.wanted = np.broadcast_to(spread, units), np.broadcast_to(mean, units)
    return make(x)


def pooled(x):
    return layers.Flatten()(layers.AveragePooling2D(4)(x))


def settled(model: keras.Model, seed: int = 0) -> keras.Model:
    """Random weights, of which every head has the spread and the mean that it asks for.

    Statistics of batch norms are those of the images, and then some: a network that saturates tells no images apart.
    """
    random = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            given = keras.Model(model.inputs, layer.input)([IMAGES]).numpy()
            mean, deviation = given.mean(axis=(0, 1, 2)), given.std(axis=(0, 1, 2))
            draw = random.uniform
            statistics = [mean + deviation * draw(-0.4, 0.4, len(mean)), deviation**2 * draw(0.6, 1.6, len(mean))]
            layer.set_weights([draw(0.6, 1.4, len(mean)), draw(-0.2, 0.6, len(mean)), *statistics])
        elif kernel := layer.get_weights():
            shape = kernel[0].shape
            values = random.normal(0, 1.4 / np.sqrt(np.prod(shape[:-1])), shape)
            layer.set_weights([values, *(random.normal(0, 0.1, each.shape) for each in kernel[1:])])
    for layer in model.layers:
        if hasattr(layer, "wanted"):
            spread, mean = layer.wanted
            given = keras.Model(model.inputs, layer.output)([IMAGES]).numpy()
            axes = tuple(range(given.ndim - 1))
            own = (given - given.mean(axis=0)).std(axis=axes)
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel * spread / own, (bias - given.mean(axis=axes)) * spread / own + mean])
    return model


def classifier():
    image, x = trunk()
    return keras.Model(image, layers.Softmax(name="scores")(head(pooled(x), 6, "head", 3)))


def logits():
    image, x = trunk()
    return keras.Model(image, head(pooled(x), 6, "head", 3, np.arange(6) - 3))


def one_unit():
    image, x = trunk()
    return keras.Model(image, layers.Activation("sigmoid", name="scores")(head(pooled(x), 1, "head", 3)))


def several_labels():
    image, x = trunk()
    return keras.Model(image, layers.Activation("sigmoid", name="scores")(head(pooled(x), 5, "head", 3, -1)))


def boxes_and_scores(x):
    """16 boxes in pixels, and of each the shares of three classes."""
    anchors = layers.AveragePooling2D(2)(x)
    boxes = layers.Reshape((16, 4))(head(anchors, 4, "boxes", [40, 40, 20, 20], 300))
    return boxes, layers.Activation("sigmoid")(layers.Reshape((16, 3))(head(anchors, 3, "classes", 3, -2)))


def detector():
    image, x = trunk()
    return keras.Model(image, layers.Concatenate(name="found")(boxes_and_scores(x)))


def detector_of_two():
    image, x = trunk()
    boxes, classes = boxes_and_scores(x)
    return keras.Model(image, {"boxes": boxes, "classes": classes})


def segmenter():
    image, x = trunk()
    return keras.Model(image, layers.Softmax(name="map")(head(x, 4, "head", [3, 3, 3, 2], [5, 0, 0, -1])))


def mask():
    image, x = trunk()
    return keras.Model(image, layers.Activation("sigmoid", name="map")(head(x, 1, "head", 3, -2)))


def landmarks():
    """Five points, in shares of the image, which lie near the same places in all images."""
    image, x = trunk()
    return keras.Model(image, head(pooled(x), 10, "head", 0.03, np.linspace(0.2, 0.8, 10)))


def regressor():
    image, x = trunk()
    return keras.Model(image, head(pooled(x), 1, "head", 12, 40))


NETWORKS = {
    make.__name__: make
    for make in (
        classifier,
        logits,
        one_unit,
        several_labels,
        detector,
        detector_of_two,
        segmenter,
        mask,
        landmarks,
        regressor,
    )
}


# -- ways to ruin a file -----------------------------------------------------------------------------------------------


def of_each(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Outputs], Outputs]:
    return lambda outputs: {name: change(values.copy()) for name, values in outputs.items()}


def last_channel(change: Callable[[np.ndarray], np.ndarray | float]) -> Callable[[Outputs], Outputs]:
    def ruin(values: np.ndarray) -> np.ndarray:
        values[..., -1] = change(values[..., -1])
        return values

    return of_each(ruin)


def mean_over(axes) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: np.broadcast_to(values.mean(axis=axes(values), keepdims=True), values.shape)


def spread(values: np.ndarray) -> float:
    return float((values - values.mean(axis=0)).std()) or 1.0


def first(values: np.ndarray, value: float) -> np.ndarray:
    values.flat[len(values.flat) // 2] = value
    return values


def noisy(values: np.ndarray) -> np.ndarray:
    return values + spread(values) * np.random.default_rng(0).standard_normal(values.shape)


def one_hot(values: np.ndarray) -> np.ndarray:
    return np.eye(values.shape[-1])[values.argmax(axis=-1)]


def background(values: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.eye(values.shape[-1])[0], values.shape)


def coarse(values: np.ndarray) -> np.ndarray:
    step = 3 * spread(values)
    return np.round(values / step) * step


def exchanged(outputs: Outputs) -> Outputs:
    """Two outputs under each other's names, cut to each other's shapes."""
    (a, first), (b, second) = outputs.items()
    return {a: np.resize(second, first.shape), b: np.resize(first, second.shape)}


ANY = tuple(NETWORKS)
SEVERAL = ("classifier", "logits", "several_labels", "detector", "detector_of_two", "segmenter", "landmarks")
MAPS = ("segmenter", "mask")
SHARES = ("classifier", "segmenter")
VALUES = ("logits", "landmarks", "detector")
FOUND = ("detector", "detector_of_two")

OUTPUTS: dict[str, tuple[tuple[str, ...], Callable[[Outputs], Outputs]]] = {
    "all zero": (ANY, of_each(np.zeros_like)),
    "one constant": (ANY, of_each(mean_over(lambda values: None))),
    "the mean of each channel": (ANY, of_each(mean_over(lambda values: tuple(range(values.ndim - 1))))),
    "the mean image": (ANY, of_each(mean_over(lambda values: 0))),
    "the first image's answer": (ANY, of_each(lambda values: np.broadcast_to(values[:1], values.shape))),
    "images mixed up": (ANY, of_each(lambda values: np.roll(values, 1, axis=0))),
    "half of the images": (ANY, of_each(lambda values: np.concatenate([values[:16], values[:16]]))),
    "one value not a number": (ANY, of_each(lambda values: first(values, np.nan))),
    "one value infinite": (ANY, of_each(lambda values: first(values, np.inf))),
    "noise": (ANY, of_each(noisy)),
    "coarse": (ANY, of_each(coarse)),
    "turned round its mean": (ANY, of_each(lambda values: 2 * values.mean(axis=0) - values)),
    "moved by its spread": (ANY, of_each(lambda values: values + spread(values))),
    "a third as far from its mean": (ANY, of_each(lambda values: (values + 2 * values.mean(axis=0)) / 3)),
    "saturating": (ANY, of_each(lambda values: np.clip(values, None, np.quantile(values, 0.3)))),
    "one channel zero": (SEVERAL, last_channel(np.zeros_like)),
    "one channel constant": (SEVERAL, last_channel(np.mean)),
    "one channel low by 2": (("logits", "landmarks"), last_channel(lambda values: values - 2)),
    "one channel low by its spread": (VALUES, last_channel(lambda values: values - spread(values))),
    "one channel doubled": (VALUES, last_channel(lambda values: 2 * values)),
    "one channel halved": (VALUES, last_channel(lambda values: values / 2)),
    "one channel of other images": (SEVERAL, last_channel(lambda values: np.roll(values, 1, axis=0))),
    "channels rotated": (SEVERAL, of_each(lambda values: np.roll(values, 1, axis=-1))),
    "channels reversed": (SEVERAL, of_each(lambda values: values[..., ::-1])),
    "two channels exchanged": (SEVERAL, of_each(lambda values: values[..., [1, 0, *range(2, values.shape[-1])]])),
    "softmax twice": (SHARES, of_each(lambda values: np.exp(values) / np.exp(values).sum(axis=-1, keepdims=True))),
    "winners alone": (SHARES, of_each(one_hot)),
    "pure background": (SHARES, of_each(background)),
    "scores lost": (("detector",), of_each(lambda values: np.concatenate([values[..., :4], 0 * values[..., 4:]], -1))),
    "boxes of other images": (
        FOUND,
        lambda outputs: {n: np.roll(v, 1, 0) if v.shape[-1] != 3 else v for n, v in outputs.items()},
    ),
    "boxes of one anchor": (FOUND, of_each(lambda values: np.roll(values, 1, axis=1))),
    "outputs exchanged": (("detector_of_two",), exchanged),
    "rows and columns exchanged": (MAPS, of_each(lambda values: values.swapaxes(1, 2))),
    "upside down": (MAPS, of_each(lambda values: values[:, ::-1])),
    "shifted by a place": (MAPS, of_each(lambda values: np.roll(values, 1, axis=2))),
    "a quarter of the map": (MAPS, of_each(lambda values: np.tile(values[:, :4, :4], (1, 2, 2, 1)))),
    "channels as places": (("segmenter",), of_each(lambda values: np.moveaxis(values, -1, 1).reshape(values.shape))),
    "the other share": (("one_unit", "several_labels", "mask"), of_each(lambda values: 1 - values)),
    "decisions alone": (("one_unit", "several_labels", "mask"), of_each(lambda values: np.round(values))),
}

INPUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "blue for red": lambda images: images[..., ::-1],
    "grey": lambda images: np.broadcast_to(images.mean(axis=-1, keepdims=True), images.shape),
    "black": np.zeros_like,
    "another mean": lambda images: images + 0.5,
    "another deviation": lambda images: images / 2,
    "pixels of 0..255": lambda images: 64 * images + 128,
    "mirrored": lambda images: images[:, :, ::-1],
    "rows for columns": lambda images: images.swapaxes(1, 2),
    "planes for pixels": lambda images: np.moveaxis(images, -1, 1).reshape(images.shape),
    "negative": lambda images: -images,
    "green for red": lambda images: images[..., [1, 0, 2]],
    "lower half black": lambda images: images * (np.arange(SIZE) < SIZE // 2)[:, None, None],
    "cut": lambda images: np.clip(images, 0, None),
}


# What int8 hides. The segmenter with a bias of -0.3 for all channels is off by 0.24 of its spread, its worst channel by
# 0.38 of its own and moved by 0.18; sound files of the random networks below come to 0.22, 0.43 and 0.24 in int8, and
# trained ones to 0.25. A limit between them would leave no margin. On every other network this fault is refused.
HIDDEN = {"segmenter": ["tflite-int8: bias lost"]}


def in_layer(name: str, change: Callable[[list[np.ndarray]], list[np.ndarray]]) -> Callable[[keras.Model], None]:
    def ruin(model: keras.Model) -> None:
        layer = model.get_layer(name)
        layer.set_weights(change([each.copy() for each in layer.get_weights()]))

    return ruin


def half_lost(weights: list[np.ndarray]) -> list[np.ndarray]:
    weights[0][..., ::2] = 0
    return weights


def stale(model: keras.Model) -> None:
    """As after half of a training."""
    other = settled(keras.models.clone_model(model), seed=1).get_weights()
    model.set_weights([(mine + its) / 2 for mine, its in zip(model.get_weights(), other, strict=True)])


def other_epsilon(model: keras.Model) -> None:
    model.get_layer("norm").epsilon = 1e-5


WEIGHTS: dict[str, tuple[tuple[str, ...], Callable[[keras.Model], None]]] = {
    "stale": (FORMATS, stale),
    "half of a convolution lost": (FORMATS, in_layer("conv", half_lost)),
    "kernels turned": (FORMATS, in_layer("conv", lambda all: [all[0].swapaxes(0, 1)[::-1], *all[1:]])),
    "filters in another order": (FORMATS, in_layer("conv", lambda all: [np.roll(all[0], 1, -1), *all[1:]])),
    "bias lost": (FORMATS, in_layer("conv", lambda all: [all[0], all[1] * 0 - 0.3])),
    "statistics lost": (FORMATS, in_layer("norm", lambda all: [*all[:2], 0 * all[2], 1 + 0 * all[3]])),
    "gamma lost": (("tflite",), in_layer("norm", lambda all: [1 + 0 * all[0], *all[1:]])),
    "epsilon of another framework": (("tflite",), other_epsilon),
}


def written(model: keras.Model, format: str, folder: Path, images: np.ndarray = IMAGES) -> Runner:
    path, integers = folder / "net.tflite", TARGETS[format].integers
    dtype = integers[0] if integers else "float32"
    with quiet():
        TARGETS[format].write(ExportRequest(model=model, images=images, types=(dtype, dtype)), path)
    return open_model(path)


@dataclass(frozen=True)
class Reference:
    """A model as files are compared with it: it runs once for the same images."""

    model: keras.Model

    @cached_property
    def runner(self) -> Runner:
        return remembered(keras_runner(with_logits(self.model), "model"))


def refused(reference: Reference, file: Runner, format: str) -> bool:
    try:
        compare_runs(reference.runner, file, IMAGES, TARGETS[format].tolerance)
    except ExportError:
        return True
    return False


def answering(outputs: Outputs) -> Runner:
    """A file that gives these outputs for all images."""
    return Runner(Path("net.tflite"), "tflite", (SIZE, SIZE, 3), len(IMAGES), lambda images: outputs)


def remembered(runner: Runner) -> Runner:
    """The same, which runs once for the same images."""
    known: dict[bytes, Outputs] = {}

    def infer(images: np.ndarray) -> Outputs:
        key = images.tobytes()
        if key not in known:
            known[key] = runner.infer(images)
        return known[key]

    return replace(runner, infer=infer)


def cases(network: str, format: str, model: keras.Model, file: Runner):
    """Every sabotage that goes with a network, by name, as what the file then is. Weights of ``model`` are changed."""
    sound = file(IMAGES)

    def ruined(outputs: Outputs) -> Runner:
        return replace(answering(outputs), steps=file.steps)

    for name, (networks, change) in OUTPUTS.items():
        if network in networks:
            yield name, ruined(change(sound))
    for name, change in INPUTS.items():
        yield name, ruined(file(np.ascontiguousarray(change(IMAGES), np.float32)))
    for name, (formats, change) in WEIGHTS.items():
        if format in formats:
            kept = model.get_weights(), model.get_layer("norm").epsilon
            change(model)
            yield name, ruined(keras_runner(model, "ruined")(IMAGES))
            model.set_weights(kept[0])
            model.get_layer("norm").epsilon = kept[1]


@pytest.mark.parametrize(
    "network", [name if name in DAILY else pytest.param(name, marks=pytest.mark.sharded) for name in NETWORKS]
)
def test_every_sabotage_is_refused(network, tmp_path):
    model, twin = settled(NETWORKS[network]()), NETWORKS[network]()
    reference, passed, tried = Reference(model), [], 0
    for format in FORMATS:
        file = written(model, format, tmp_path)
        if format == "tflite-int8" and network == "detector":
            assert refused(reference, file, format), "one scale for boxes and scores leaves nothing of the scores"
            file = reference.runner
        assert not refused(reference, file, format), f"{format}: a sound file is refused"
        twin.set_weights(model.get_weights())
        for name, ruined in cases(network, format, twin, file):
            tried += 1
            if not refused(reference, ruined, format):
                passed.append(f"{format}: {name}")
    assert passed == HIDDEN.get(network, []), f"{len(passed)} of {tried} sabotages pass"
    assert tried >= 60


# -- sound files -------------------------------------------------------------------------------------------------------


def random_network(seed: int) -> keras.Model:
    """A few blocks of any kind in any order, with batch norms away from the identity, and a head of any kind."""
    random = np.random.default_rng(seed)
    image = keras.Input((SIZE, SIZE, 3), name="image")
    activation = str(random.choice(["relu", "relu6", "silu", "hard_silu", "tanh"]))
    x = layers.Conv2D(8, 3, int(random.integers(1, 3)), "same")(image)
    for _ in range(random.integers(1, 5)):
        y = layers.Activation(activation)(layers.BatchNormalization()(x))
        match random.integers(5):
            case 0:
                x = layers.Conv2D(int(random.choice([8, 12, 16])), 3, padding="same")(y)
            case 1:
                x = layers.Add()([x, layers.Conv2D(x.shape[-1], 1)(y)])
            case 2:
                x = layers.DepthwiseConv2D(3, padding="same")(y)
            case 3:
                x = layers.Concatenate()([x, layers.Conv2D(4, 3, padding="same")(y)])
            case 4:
                gate = layers.Conv2D(x.shape[-1], 1, activation="sigmoid")(
                    layers.GlobalAveragePooling2D(keepdims=True)(y)
                )
                x = layers.Multiply()([y, gate])
    x = layers.Activation(activation)(layers.BatchNormalization()(x))
    x = x if random.random() < 0.3 else layers.GlobalAveragePooling2D()(x)
    units, gain = int(random.integers(1, 12)), float(random.choice([0.1, 1, 3, 50]))
    x = head(x, units, "head", gain, gain * random.normal(0, 1, units))
    last = str(random.choice(["linear", "softmax" if units > 1 else "linear", "sigmoid"]))
    return settled(keras.Model(image, layers.Activation(last)(x)), seed)


def check_sound(seeds, folder: Path) -> None:
    unjust = []
    for seed in seeds:
        keras.backend.clear_session()
        model = random_network(seed)
        reference = Reference(model)
        unjust += [(seed, fmt) for fmt in FORMATS if refused(reference, written(model, fmt, folder), fmt)]
    assert not unjust, f"sound files are refused: {unjust}"


def test_sound_random_networks_pass(tmp_path):
    check_sound(range(2), tmp_path)


@pytest.mark.sharded
@pytest.mark.parametrize("first", range(2, 102, 5))
def test_a_hundred_sound_random_networks_pass(first, tmp_path):
    check_sound(range(first, first + 5), tmp_path)


def test_a_large_offset_is_no_error(tmp_path):
    """2000 ± 0.19, which float32 holds to four digits of its spread."""
    image, x = trunk()
    model = settled(keras.Model(image, head(pooled(x), 1, "head", 0.19, 2000)))
    assert not refused(Reference(model), written(model, "tflite", tmp_path), "tflite")
