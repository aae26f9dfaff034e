"""Learned group convolution against a plain NumPy reading of the paper, and what is left of it after the training."""

import keras
import numpy as np
import pytest
from parity import randomise
from test_train import RECIPE, blobs, trained

from kerascnn import layers as L
from kerascnn.applications import CondenseNet86, CondenseNet86Converted
from kerascnn.graph.condense import condensed
from kerascnn.graph.cost import cost
from kerascnn.training import Epochs
from kerascnn.training.callbacks import TrainingProgress

TINY = {"depths": (2, 2), "growths": (8, 16)}


def layer(inputs=8, units=6, groups=2, condense=4, **options):
    made = L.LearnedGroupConv2D(units, groups, condense, **options)
    made.build((None, 5, 5, inputs))
    made.kernel.assign(np.random.default_rng(0).normal(size=(inputs, units)).astype("float32"))
    return made


def test_importance_is_the_mean_absolute_weight_that_a_group_gives_an_input():
    made = layer()
    w = np.abs(made.kernel)
    by_hand = [[np.mean([w[i, o] for o in range(6) if o % 2 == g]) for g in range(2)] for i in range(8)]
    np.testing.assert_allclose(made.importance(), by_hand, rtol=1e-6)


def test_each_stage_takes_the_least_important_of_what_is_left_from_each_group():
    made = layer()
    left = [set(range(8)), set(range(8))]
    for stage in (1, 2, 3):
        importance = made.importance()
        made.end_stages(stage)
        for group in range(2):
            left[group] -= set(sorted(left[group], key=lambda i: importance[i, group])[:2])
            assert set(np.flatnonzero(made.kept_now()[:, group])) == left[group]
        made.kernel.assign(made.kernel[::-1])  # the training goes on, and what is gone stays gone
    made.end_stages(1)
    made.end_stages(9)
    assert made.kept_now().sum(axis=0).tolist() == [2, 2]


def test_stages_that_were_missed_are_made_up_for():
    made = layer()
    made.end_stages(3)
    order = np.argsort(np.abs(made.kernel).reshape(8, 3, 2).sum(axis=1), axis=0)
    for group in range(2):
        assert set(np.flatnonzero(made.kept_now()[:, group])) == set(order[6:, group])


@pytest.mark.parametrize("shape", [(2, 3, 4, 8), (5, 8)])
def test_what_is_dropped_counts_for_nothing(shape):
    made = layer(use_bias=True)
    made.end_stages(2)
    kernel = np.array(made.kernel)
    for i in range(8):
        for o in range(6):
            kernel[i, o] *= made.kept_now()[i, o % 2]
    x = np.random.default_rng(1).normal(size=shape).astype("float32")
    np.testing.assert_allclose(made(x), x @ kernel + np.array(made.bias), rtol=1e-5, atol=1e-6)


def test_group_lasso():
    made = layer(group_lasso=0.5)
    made(np.ones((1, 5, 5, 8), "float32"))
    w = np.array(made.kernel)
    by_hand = sum(np.sqrt(sum(w[i, o] ** 2 for o in range(g, 6, 2))) for i in range(8) for g in range(2))
    np.testing.assert_allclose(made.losses, [0.5 * by_hand], rtol=1e-5)


def test_groups_of_unequal_size_are_refused():
    with pytest.raises(ValueError, match="10 inputs and 6 outputs cannot be condensed by 4 in 2 groups"):
        layer(inputs=10)


def test_channels_are_selected_in_order_and_more_than_once():
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype("float32")
    select = L.SelectChannels(6)
    np.testing.assert_array_equal(select(x), x[..., [0, 0, 1, 2, 2, 3]])
    select.set_weights([np.array([3, 3, 0, 1, 2, 0])])
    np.testing.assert_array_equal(select(x), x[..., [3, 3, 0, 1, 2, 0]])


def test_a_training_condenses_in_its_first_half_and_converts_to_the_same():
    model = CondenseNet86.replace(**TINY)(input_shape=(32, 32, 3), classes=5, classifier_activation=None)
    learned = [x for x in model.layers if isinstance(x, L.LearnedGroupConv2D)]
    assert len(learned) == 5
    with pytest.raises(ValueError, match="layer1-conv still keeps 16 of 16 inputs in a group, not one of 4"):
        condensed(model)
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append([int(x.kept_now()[:, 0].sum()) for x in learned])
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = np.random.default_rng(0).normal(size=(8, 32, 32, 3)).astype("float32")
    model.fit(x, np.arange(8) % 5, epochs=8, callbacks=[TrainingProgress(), watch], verbose=0)
    sixteen, *_, classifier = np.transpose(seen)
    assert sixteen.tolist() == [16, 16, 12, 8, 4, 4, 4, 4]  # three stages, which end at 1/6, 2/6 and 3/6 of 8 epochs
    assert classifier.tolist() == [64] * 4 + [32] * 4  # one stage
    for made in learned:
        assert (made.kept_now().sum(axis=0) == len(made.kept_now()) // made.condense).all()

    randomise(model)
    converted = condensed(model)
    np.testing.assert_allclose(converted.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-5)
    drawn = CondenseNet86Converted.replace(**TINY)(input_shape=(32, 32, 3), classes=5, classifier_activation=None)
    assert [w.path for w in converted.weights] == [w.path for w in drawn.weights]
    assert cost(converted) == cost(drawn)
    drawn.set_weights(converted.get_weights())
    np.testing.assert_array_equal(drawn.predict(x, verbose=0), converted.predict(x, verbose=0))


def test_a_training_condenses(tmp_path):
    recipe = RECIPE.replace({"input.size": 32}, length=Epochs(4), batch=16)
    model, _ = trained(tmp_path, recipe, blobs(32, 8), make_model=lambda shape, n: CondenseNet86.replace(**TINY)(
        input_shape=shape, classes=n
    ))  # fmt: skip
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(condensed(model)(x), model(x), rtol=1e-4, atol=1e-6)


def test_a_bias_and_several_groups_survive_the_conversion():
    image = keras.Input((4, 4, 8))
    y = L.LearnedGroupConv2D(6, 2, 4, name="room-conv")(image)
    model = keras.Model(image, y)
    model.layers[-1].bias.assign(np.arange(6))
    model.layers[-1].end_stages(3)
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 8)).astype("float32")
    np.testing.assert_allclose(condensed(model)(x), model(x), rtol=1e-5, atol=1e-6)


def test_a_network_without_learned_groups_is_refused():
    with pytest.raises(ValueError, match="plain has no learned group convolution"):
        image = keras.Input((4,))
        condensed(keras.Model(image, L.Dense(2)(image), name="plain"))
