"""Pruning: as many zeros as were asked for, where they were asked for, in a network that still knows its digits."""

import keras
import numpy as np
import pytest
from keras import layers as L
from test_conformance import TINY
from tiny_digits import digits, top1, trained

pytest.importorskip("with_toolkit", exc_type=ImportError)
from kerascnn.compression import Pruning, Tuning, prune, sparsity

TUNING = Tuning(epochs=4, lr=1e-2)
SHORT = Tuning(epochs=1, batch=256, lr=1e-3)
PRUNABLE = {"stem-conv", "block1-project", "block2-conv", "head-hidden", "head-dense"}


def kernel(model, name):
    return np.asarray(model.get_layer(name).kernel)


def assert_shares(model, asked):
    """Every kernel has as many zeros as asked, to half a weight, and so have all of them together."""
    found = sparsity(model)
    assert set(found) == PRUNABLE
    for name, share in found.items():
        assert abs(share - asked.get(name, 0)) * kernel(model, name).size <= 0.5, name
    zeros = sum(np.sum(kernel(model, name) == 0) for name in found)
    assert zeros == pytest.approx(sum(share * kernel(model, name).size for name, share in asked.items()), abs=2.5)


def test_every_kernel_has_the_share_of_zeros_that_was_asked_for():
    model, train = trained(), digits()[0]
    before = model.get_weights()
    pruned = prune(model, train, Pruning(sparsity=0.8), TUNING)
    assert_shares(pruned, dict.fromkeys(PRUNABLE - {"head-dense"}, 0.8))
    assert not np.any(kernel(pruned, "block1-depthwise") == 0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [layer.name for layer in pruned.layers] == [layer.name for layer in model.layers]
    assert {type(layer) for layer in pruned.layers} == {type(layer) for layer in model.layers}
    was, now = top1(model), top1(pruned)
    assert was > 0.9 and now > was - 0.05, (was, now)


def test_layers_choose_their_own_share():
    pruned = prune(trained(), digits()[0], Pruning(sparsity={"head-dense": 0.3, "head-*": 0.75}), SHORT)
    assert_shares(pruned, {"head-dense": 0.3, "head-hidden": 0.75})


def test_at_once():
    pruned = prune(trained(), digits()[0], Pruning(sparsity=0.5, schedule="constant"), SHORT)
    assert_shares(pruned, dict.fromkeys(PRUNABLE - {"head-dense"}, 0.5))


def test_two_of_four_along_the_input_channels():
    model = trained()
    pruned = prune(model, digits()[0], Pruning(pattern=(2, 4)), TUNING)
    for name in ("block1-project", "block2-conv", "head-hidden"):
        values = kernel(pruned, name)
        rows = np.moveaxis(values, -1, 0).reshape(-1, values.shape[-2])  # as TensorFlow Lite files them
        assert rows.shape[-1] % 4 == 0
        assert np.all((rows.reshape(len(rows), -1, 4) != 0).sum(axis=-1) == 2), name
    assert np.all(kernel(pruned, "stem-conv") != 0)  # of one channel two may stay
    assert top1(pruned) > top1(model) - 0.05


def test_channels_that_the_pattern_does_not_divide():
    image = keras.Input((8, 8, 1))
    x = L.Conv2D(7, 3)(image)
    model = keras.Model(image, L.Dense(10)(L.Flatten()(L.Conv2D(5, 1, name="seven")(x))))
    rows = kernel(prune(model, digits()[0], Pruning(pattern=(2, 4)), SHORT), "seven")[0, 0].T
    assert np.all((rows[:, :4] != 0).sum(axis=1) == 2) and np.all((rows[:, 4:] != 0).sum(axis=1) == 2)


def test_blocks_of_a_dense_kernel():
    pruned = prune(trained(), digits()[0], Pruning(sparsity={"head-hidden": 0.5}, block=(4, 2)), SHORT)
    assert_shares(pruned, {"head-hidden": 0.5})
    values = kernel(pruned, "head-hidden")
    blocks = values.reshape(values.shape[0] // 4, 4, values.shape[1] // 2, 2).swapaxes(1, 2) == 0
    assert set(blocks.sum(axis=(2, 3)).flat) == {0, 8}


def test_models_inside_models_and_a_dataset():
    import tensorflow as tf

    inner = keras.Sequential([keras.Input((8, 8, 1)), L.Conv2D(8, 3, name="deep"), L.ReLU()], name="inner")
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, L.Dense(10)(L.Flatten()(inner(image))))
    images, targets = digits()[0]
    train = tf.data.Dataset.from_tensor_slices((images, np.eye(10, dtype="float32")[targets])).batch(256)
    pruned = prune(model, train, Pruning(sparsity=0.5), Tuning(epochs=1, lr=1e-3))
    assert np.mean(np.asarray(pruned.get_layer("inner").get_layer("deep").kernel) == 0) == 0.5


@pytest.mark.parametrize("family", ["BiT", "MobileNetV3Family"])
def test_families(family):
    """What the toolkit knows is pruned and everything else left alone: weight standardisation would undo zeros."""
    model = TINY[family](classes=3)
    images = np.random.default_rng(0).normal(size=(8, *model.input_shape[1:])).astype("float32")
    train, tuning = (images, np.arange(8) % 3), Tuning(epochs=4, batch=8, lr=1e-4)
    pruned = prune(model, train, Pruning(sparsity={"*": 0.5}), tuning)
    known = {layer.name for layer in model.layers if type(layer) in (L.Conv2D, L.Dense)}
    assert set(sparsity(pruned)) == known and known
    for layer in pruned.layers:
        values = np.asarray(getattr(layer, "kernel", np.ones(1)))
        assert abs(np.mean(values == 0) - 0.5 * (layer.name in known)) * values.size <= 0.5, layer.name
    assert np.isfinite(pruned(images)).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"sparsity": 1.0}, "from 0 to below 1, such as 0.8; got 1.0"),
        ({"sparsity": {"*": -0.1}}, "got -0.1"),
        ({"schedule": "polynom"}, "Unknown schedule 'polynom'. Did you mean 'polynomial'"),
        ({"block": (0, 2)}, r"got \(0, 2\)"),
        ({"pattern": (4, 4)}, r"such as \(2, 4\), without a block; got \(4, 4\)"),
        ({"pattern": (2,)}, r"got \(2,\)"),
        ({"pattern": (2, 4), "sparsity": 0.8}, "2 zeros in 4 are a sparsity of 0.5, not of 0.8"),
        ({"pattern": (2, 4), "block": (1, 4)}, "without a block"),
    ],
)
def test_bad_arguments(arguments, says):
    with pytest.raises(ValueError, match=says):
        Pruning(**arguments)


def test_what_cannot_be_pruned_is_told():
    model, train = trained(), digits()[0]
    for pruning, says in (
        (Pruning(sparsity={"head-hiden": 0.5}), "no layer that can be pruned 'head-hiden'. Did you mean 'head-hidden'"),
        (Pruning(sparsity={"block1-depthwise": 0.5}), "no layer that can be pruned 'block1-depthwise'"),
        (Pruning(sparsity={"stem-conv": 0.5}, block=(2, 2)), "no dense layer 'stem-conv'"),
    ):
        with pytest.raises(ValueError, match=says):
            prune(model, train, pruning, SHORT)


@pytest.mark.parametrize(
    ("train", "says"),
    [
        ((np.zeros((4, 8, 8)), np.zeros(4)), r"arrays of shape \(4, 8, 8\) and \(4,\)"),
        ((np.zeros((4, 8, 8, 1)), np.zeros(3)), r"\(3,\)"),
        (np.zeros((4, 8, 8, 1)), r"is \(images, targets\) or a tf.data.Dataset, got a ndarray"),
    ],
)
def test_bad_data(train, says):
    with pytest.raises(ValueError, match=says):
        prune(trained(), train, Pruning(), SHORT)


def test_a_dataset_without_end_is_refused():
    import tensorflow as tf

    train = tf.data.Dataset.from_tensor_slices(digits()[0]).batch(64).repeat()
    with pytest.raises(ValueError, match="has no end"):
        prune(trained(), train, Pruning(), SHORT)


def test_a_rate_that_is_too_high_is_told():
    with pytest.raises(FloatingPointError, match="take a smaller one"):
        prune(trained(), digits()[0], Pruning(), Tuning(epochs=1, lr=1e30))


@pytest.mark.parametrize(("field", "value"), [("epochs", 0), ("batch", 0), ("lr", 0.0)])
def test_bad_tuning(field, value):
    with pytest.raises(ValueError, match=f"{field} of a Tuning must be"):
        Tuning(**{field: value})


def test_transposed_and_separable_kernels():
    image = keras.Input((8, 8, 1))
    x = L.SeparableConv2D(8, 3, depth_multiplier=4, name="separable")(image)
    x = L.Conv2DTranspose(6, 3, name="transposed")(x)
    model = keras.Model(image, L.Dense(10)(L.GlobalAveragePooling2D()(x)))
    pruned = prune(model, digits()[0], Pruning(sparsity=0.5), Tuning(epochs=2, batch=256, lr=1e-3))
    assert sparsity(pruned) == {"separable": 0.5, "transposed": 0.5, pruned.layers[-1].name: 0.0}
    assert np.all(np.asarray(pruned.get_layer("separable").depthwise_kernel) != 0)


def test_a_network_of_several_outputs_is_refused():
    image = keras.Input((8, 8, 1))
    x = L.Flatten()(image)
    model = keras.Model(image, [L.Dense(10)(x), L.Dense(10)(L.Dense(4)(x))], name="two_heads")
    with pytest.raises(ValueError, match="two_heads has 2 outputs; a classifier that is tuned here has one"):
        prune(model, digits()[0], Pruning(), SHORT)


def test_classes_of_pixels_by_a_loss_that_is_handed_in():
    """Targets and outputs go by name; the same loss prunes, clusters and tunes."""
    from kerascnn.compression import Clustering, cluster, tuned, values

    image = keras.Input((8, 8, 1))
    x = L.Conv2D(8, 3, padding="same", activation="relu", name="body")(image)
    model = keras.Model(image, {"mask": L.Conv2D(3, 1, name="head")(x)})
    images = digits()[0][0][:64]
    train = images, {"mask": (3 * images[..., 0]).clip(0, 2).astype("int32")}

    def loss(targets, outputs):
        pixels = keras.ops.reshape(outputs["mask"], (-1, 3))
        return keras.losses.sparse_categorical_crossentropy(
            keras.ops.reshape(targets["mask"], (-1,)), pixels, from_logits=True
        )

    learned = tuned(model, train, Tuning(epochs=60, lr=3e-2), loss)
    assert float(np.mean(loss(train[1], learned(images)))) < 0.5 * float(np.mean(loss(train[1], model(images))))
    pruned = prune(learned, train, Pruning(sparsity=0.5), Tuning(epochs=2, lr=1e-3), loss)
    assert sparsity(pruned) == {"body": 0.5, "head": 0.0} and list(pruned.output) == ["mask"]
    assert max(values(cluster(pruned, train, Clustering(clusters=4), SHORT, loss)).values()) <= 4


# Networks that users draw


class Kept(L.Layer):
    """Its configuration lacks the factor, and it has a weight: no copy of it is the same."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

    def call(self, x):
        return x * self.factor * self.scale

    def get_config(self):
        return super().get_config()


def drawn_freely():
    """Operators, a Lambda, a layer that cannot be copied, an activation of one's own, a custom optimizer."""
    image = keras.Input((8, 8, 3))
    y = L.Conv2D(4, 3, padding="same", activation=lambda x: x * keras.ops.sigmoid(x), name="conv")(image)
    y = keras.ops.pad(y[:, 1:] + y[:, :-1], [[0, 0], [1, 0], [0, 0], [0, 0]])
    y = Kept(3.0, name="own")(L.Lambda(lambda x: x + 1, name="plus")(y))
    inner = keras.Sequential([keras.Input((8, 8, 4)), L.Flatten(), L.Dense(8, name="dense"), L.Dense(3, name="last")])
    model = keras.Model(image, {"scores": inner(y)}, name="free")
    model.compile(type("Mine", (keras.optimizers.SGD,), {})(), loss=lambda y, p: keras.ops.mean(p))
    return model


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_what_users_draw_is_pruned_and_computes_the_same(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = drawn_freely()
    finally:
        keras.config.set_dtype_policy("float32")
    images = np.random.default_rng(0).random((8, 8, 8, 3), np.float32)
    before, weights = np.asarray(model(images)["scores"], "float32"), model.get_weights()
    with pytest.warns(UserWarning, match="free shares the weights of 'own'"):
        small = prune(model, (images, np.arange(8) % 3), tuning=Tuning(epochs=1, lr=1e-12, progress=False))
    assert all(np.array_equal(*pair) for pair in zip(weights, model.get_weights(), strict=True))
    zeros = sparsity(small)
    assert zeros.pop("last") == 0 and zeros == pytest.approx({"conv": 0.5, "dense": 0.5}, abs=0.01)
    for new, old, name in ((small, model, "conv"), (small.layers[-1], model.layers[-1], "dense")):
        new.get_layer(name).set_weights(old.get_layer(name).get_weights())
    np.testing.assert_allclose(small(images)["scores"], before, atol=1e-4 if policy == "float32" else 0.2)


def test_adapters_are_merged_and_integers_refused():
    layers = [keras.Input((8, 8, 3)), L.Flatten(), L.Dense(8, name="dense"), L.Dense(3, name="last")]
    model = keras.Sequential(layers, name="own")
    data, once = (np.ones((8, 8, 8, 3), "float32"), np.arange(8) % 3), Tuning(epochs=1, progress=False)
    model.get_layer("dense").enable_lora(2)
    assert [w.shape for w in prune(model, data, tuning=once).get_layer("dense").get_weights()] == [(192, 8), (8,)]
    model = keras.models.clone_model(prune(model, data, tuning=once))
    model.quantize("int8")
    with pytest.raises(ValueError, match="own holds 'dense', which Keras has quantised"):
        prune(model, data, tuning=once)
