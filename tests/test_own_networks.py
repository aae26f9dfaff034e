"""Networks that are no rows: what ends in a softmax, however it is drawn, is trained on its logits, or refused."""

import keras
import numpy as np
import pytest
from keras import layers as L
from test_train import RECIPE, blobs, tiny, trained, weights

from kerascnn.card import Card
from kerascnn.compression.tuning import Tuning, classification_loss
from kerascnn.graph.ending import ending, with_logits
from kerascnn.graph.graph import Graph
from kerascnn.spec import Preprocess
from kerascnn.tasks.classification.prediction import ClassPrediction
from kerascnn.tasks.heads import up_to_logits
from kerascnn.training import Epochs
from kerascnn.training.drawing import configuration
from kerascnn.workflows.predict import predict

ONE = RECIPE.replace(length=Epochs(1))


def logits(shape, classes):
    return tiny(shape, classes, head="")


def with_end(end):
    """The tiny network with an end of one's own."""

    def make(shape, classes):
        network = logits(shape, classes)
        return keras.Model(network.input, end(network.output), name="own")

    return make


def nested(shape, classes):
    image = keras.Input(shape)
    return keras.Model(image, tiny(shape, classes)(image), name="nested")


def twice_nested(shape, classes):
    image = keras.Input(shape)
    return keras.Model(image, L.Activation("linear", dtype="float32")(nested(shape, classes)(image)), name="twice")


def sequential(shape, classes):
    return keras.Sequential([keras.Input(shape), logits(shape, classes), L.Softmax()])


SOFTMAXES = {
    "layer": with_end(L.Softmax()),
    "activation": with_end(L.Activation("softmax")),
    "function of Keras": with_end(L.Activation(keras.ops.softmax)),
    "operation": with_end(keras.ops.softmax),
    "activation as operation": with_end(keras.activations.softmax),
    "float32 after it": with_end(lambda x: L.Activation("linear", dtype="float32")(L.Softmax()(x))),
    "cast after it": with_end(lambda x: keras.ops.cast(keras.ops.softmax(x), "float32")),
    "list": lambda shape, classes: (lambda m: keras.Model(m.input, [L.Softmax()(m.output)]))(logits(shape, classes)),
    "nested": nested,
    "twice nested": twice_nested,
    "sequential": sequential,
}


@pytest.mark.parametrize("way", SOFTMAXES)
def test_a_softmax_is_found_however_it_is_drawn(way):
    model = SOFTMAXES[way]((12, 12, 3), 3)
    graph = Graph(model)
    assert ending(graph, graph.model.outputs[0]).activation == "softmax"
    before = up_to_logits(model)
    images = np.random.default_rng(0).random((5, 12, 12, 3), np.float32)
    scores = np.asarray(before(images)["scores"])
    shares = np.asarray(keras.tree.flatten(model(images))[0])
    np.testing.assert_allclose(np.asarray(keras.ops.softmax(scores)), shares, rtol=1e-5)
    assert np.abs(scores.sum(axis=1) - 1).max() > 0.01
    assert {id(v) for v in before.trainable_variables} == {id(v) for v in model.trainable_variables}


def in_the_layer(shape, classes):
    return with_end(L.Dense(classes, activation="softmax"))(shape, classes)


def in_the_layer_of_another_model(shape, classes):
    image = keras.Input(shape)
    return keras.Model(image, in_the_layer(shape, classes)(image))


def odds_in_another_shape(shape, classes):
    return with_end(lambda x: L.Reshape((1, classes))(L.Dense(classes, activation="sigmoid")(x)))(shape, classes)


LOGITS = SOFTMAXES | {make.__name__: make for make in (in_the_layer, in_the_layer_of_another_model)}


@pytest.mark.parametrize("way", [*LOGITS, "odds_in_another_shape"])
def test_logits_are_given_beside_their_shares(way):
    model = (LOGITS | {"odds_in_another_shape": odds_in_another_shape})[way]((12, 12, 3), 3)
    images = np.random.default_rng(0).random((5, 12, 12, 3), np.float32)
    outputs = with_logits(model)(images)
    (name, shares), (logits, values) = outputs.items()
    assert logits == f"logits of {name}"
    np.testing.assert_allclose(shares, keras.tree.flatten(model(images))[0], rtol=1e-6)
    act = keras.ops.softmax if way in LOGITS else keras.ops.sigmoid
    np.testing.assert_allclose(np.asarray(act(values)), np.asarray(shares), rtol=1e-5)


def test_where_shares_have_no_logits_none_are_given():
    for end in (lambda x: L.Activation("sigmoid")(x) * 0.5, L.Activation("hard_sigmoid"), L.ReLU(), lambda x: x):
        assert len(with_logits(with_end(end)((12, 12, 3), 3)).outputs) == 1


@pytest.mark.parametrize("way", ["operation", "nested"])
def test_what_is_found_is_trained_as_its_logits_are(way, tmp_path):
    plain, history = trained(tmp_path / "plain", ONE, make_model=logits)
    other, same = trained(tmp_path / "other", ONE, make_model=SOFTMAXES[way])
    assert same[0]["loss"] == history[0]["loss"]
    assert all(np.array_equal(*pair) for pair in zip(weights(plain), weights(other), strict=True))


def shares_by_hand(x):
    raised = keras.ops.exp(x)
    return L.Lambda(lambda y: y / keras.ops.sum(y, -1, keepdims=True))(raised)


REFUSED = {
    "inside": (with_end(L.Dense(3, activation="softmax", name="out")), "inside its last layer, 'out'"),
    "sigmoid": (with_end(L.Activation("sigmoid")), "ends in a sigmoid, and is trained on logits"),
    "sigmoid operation": (with_end(keras.ops.sigmoid), "ends in a sigmoid"),
    "sigmoid inside": (with_end(L.Dense(3, activation="sigmoid")), "ends in a sigmoid"),
    "by hand": (with_end(shares_by_hand), "sum to 1 on every image: they are shares"),
    "list": (
        lambda shape, classes: (lambda m: keras.Model(m.input, [m.output, m.output]))(logits(shape, classes)),
        "puts out 2 tensors without names",
    ),
    "no pooling": (
        lambda shape, classes: keras.Sequential([keras.Input(shape), L.Conv2D(classes, 3)]),
        r"puts out \(None, 10, 10, 3\) as its scores; expected \(None, 3\).*GlobalAveragePooling2D",
    ),
    "unbuilt": (lambda shape, classes: keras.Sequential([L.Flatten(), L.Dense(classes)]), "begins with keras.Input"),
    **{
        f"{count} outputs": (
            lambda shape, classes, count=count: logits(shape, count),
            rf"puts out \(None, {count}\) as its scores; expected \(None, 3\)",
        )
        for count in (1, 2, 4)
    },
}


@pytest.mark.parametrize("way", REFUSED)
def test_what_cannot_be_trained_is_refused_before_it_is(way, tmp_path):
    make, message = REFUSED[way]
    with pytest.raises(ValueError, match=message):
        trained(tmp_path, ONE, make_model=make)
    assert not (tmp_path / "checkpoint.npz").exists()


def test_a_model_with_a_call_of_its_own_is_refused(tmp_path):
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.dense = L.Dense(3)

        def call(self, images):
            return self.dense(keras.ops.mean(images, (1, 2)))

    with pytest.raises(ValueError, match="own has no graph of layers"):
        trained(tmp_path, ONE, make_model=lambda shape, classes: Own())


def test_logits_of_unknown_layers_are_trained(tmp_path):
    _, history = trained(tmp_path, ONE, make_model=with_end(L.Lambda(lambda x: 2 * x)))
    assert history[0]["loss"] > 0.1


# Networks that are made smaller


@pytest.mark.parametrize("way", SOFTMAXES)
def test_tuning_takes_no_shares_for_logits(way):
    model = SOFTMAXES[way]((12, 12, 3), 3)
    data = blobs().train
    images, labels = (data.images[:6] / 255).astype("float32"), data.annotations["label"][:6]
    shares = keras.tree.flatten(model(images))[0]
    expected = -np.log(np.asarray(shares)[np.arange(6), labels])
    loss = classification_loss(model)(keras.ops.convert_to_tensor(labels), shares)
    np.testing.assert_allclose(np.asarray(loss), expected, rtol=1e-4)


@pytest.mark.parametrize("count", [1, 2])
def test_tuning_refuses_a_network_of_fewer_outputs_than_classes(count):
    pytest.importorskip("with_toolkit", exc_type=ImportError)
    from kerascnn.compression.tuning import tuned

    data = blobs().train
    pair = (data.images / 255).astype("float32"), data.annotations["label"]
    message = r"puts out \(None, 1\); a classifier" if count == 1 else "2 scores: for 0 to 1"
    with pytest.raises(ValueError, match=message):
        tuned(logits((12, 12, 3), count), pair, Tuning(epochs=1, progress=False))


# Predictions


@pytest.mark.parametrize("make", [logits, tiny])
def test_predictions_are_probabilities_whatever_a_network_ends_in(make, tmp_path):
    model = make((12, 12, 3), 3)
    model.get_layer("head.dense").bias.assign([7.87, -6.62, 1.0])
    model.save(tmp_path / "own.keras")
    Card(model="own", labels=("a", "b", "c"), preprocess=Preprocess(size=12)).write(tmp_path / "own.keras")
    images = [np.full((12, 12, 3), shade, np.uint8) for shade in (0, 90)]
    for prediction in predict(tmp_path / "own.keras", images):
        assert isinstance(prediction, ClassPrediction)
        assert prediction.probabilities.min() >= 0 and prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert prediction.label == "a" and 0.9 < prediction.confidence <= 1


class Scaled(L.Layer):
    """A layer whose configuration forgets what it does."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {"name": self.name}


def other_scaled():
    class Scaled(L.Layer):
        def __init__(self, factor, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x):
            return x + self.factor

        def get_config(self):
            return {"name": self.name}

    return Scaled


def changing(activation="relu", rate=0.2, function=lambda x: 2 * x, scaled=lambda: Scaled(3), crossed=False):
    """A network whose layers Keras names, and which always has the same variables."""
    image = keras.Input((8, 8, 3))
    x, y = (L.Dropout(drop)(L.Conv2D(3, 3, activation=activation)(image)) for drop in (rate, 0.1))
    x, y = (y, x) if crossed else (x, y)
    x = scaled()(L.Lambda(function)(L.Subtract()([x, y])))
    return keras.Model(image, L.Dense(3)(L.Flatten()(x)))


def test_a_network_is_known_by_how_it_is_made_and_not_by_the_names_that_keras_counts_up():
    first = configuration(changing())
    assert first == configuration(changing()) and configuration(nested((8, 8, 3), 3)) != first
    others = [
        changing(activation="tanh"),
        changing(rate=0.3),
        changing(function=lambda x: 3 * x),
        changing(scaled=lambda: Scaled(4)),
        changing(scaled=lambda: other_scaled()(3)),
        changing(crossed=True),
    ]
    found = [first, *map(configuration, others)]
    assert len(set(found)) == len(found)


def test_the_name_of_a_layer_that_is_a_word_of_a_setting_too_is_told_from_it():
    """The first layer Softmax is called as the function is, the second is not."""

    def drawn(function="softmax"):
        image = keras.Input((4,))
        return keras.Model(image, [L.Softmax()(image), L.Activation(function)(image)])

    keras.backend.clear_session()
    first = drawn()
    assert first.layers[1].name == "softmax" != drawn().layers[1].name
    assert configuration(first) == configuration(drawn()) != configuration(drawn("relu"))
