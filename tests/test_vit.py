"""The Vision Transformer's own layers, and what it makes of a change of size."""

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn import layers as L
from kerascnn.layers.tokens import bicubic, resize_positions


def test_patches_become_tokens_and_a_map_again():
    image = keras.Input((3, 2, 5))
    tokens = L.Reshape((-1, 5))(image)
    tokens = L.ClassToken()(tokens)
    tokens = L.PositionEmbedding()([tokens, image])
    model = keras.Model(image, [tokens, L.FirstToken()(tokens), L.TokensToMap()([tokens, image])])
    random = np.random.default_rng(0)
    token, position = (random.normal(size=w.shape).astype("float32") for w in model.weights)
    model.set_weights([token, position])
    x = random.normal(size=(4, 3, 2, 5)).astype("float32")
    row, first, back = model.predict(x, verbose=0)
    np.testing.assert_allclose(first, np.tile(token[0] + position[:, 0], (4, 1)), rtol=1e-6)
    np.testing.assert_allclose(row[:, 1:], x.reshape(4, 6, 5) + position[:, 1:], rtol=1e-6)
    np.testing.assert_array_equal(back, row[:, 1:].reshape(4, 3, 2, 5))


def test_without_its_head_it_gives_the_patches_of_the_image():
    whole = kerascnn.build("vit_ti16", input_shape=(48, 80, 3))
    trunk = kerascnn.build("vit_ti16", input_shape=(48, 80, 3), include_top=False)
    assert trunk.output_shape == (None, 3, 5, 192)
    assert {w.path for w in whole.weights} - {w.path for w in trunk.weights} == {"head-dense/kernel", "head-dense/bias"}


def test_positions_of_another_grid_keep_the_class_token_and_what_is_level():
    old = np.full((1, 1 + 49, 3), 2.0)
    old[:, 0] = 7
    new = resize_positions(old, (4, 9))
    assert new.shape == (1, 1 + 36, 3)
    np.testing.assert_array_equal(new[:, 0], old[:, 0])
    np.testing.assert_allclose(new[:, 1:], 2)
    np.testing.assert_array_equal(resize_positions(new[:, :37], (6, 6))[0, 0], old[0, 0])


def test_a_larger_grid_goes_through_the_kernel_of_keys():
    t = np.array([1.75, 0.75, 0.25, 1.25])  # of the point at 1.25 between the old ones at 0, 1, 2 and 3 ...
    by_hand = [-0.5 * t[0] ** 3 + 2.5 * t[0] ** 2 - 4 * t[0] + 2, 1.5 * t[1] ** 3 - 2.5 * t[1] ** 2 + 1,
               1.5 * t[2] ** 3 - 2.5 * t[2] ** 2 + 1, -0.5 * t[3] ** 3 + 2.5 * t[3] ** 2 - 4 * t[3] + 2]  # fmt: skip
    np.testing.assert_allclose(bicubic(4, 8)[4], by_hand)  # ... is the fifth of twice as many: (4 + 0.5) / 2 - 0.5


@pytest.mark.parametrize("grid", [(7, 7), (12, 10), (24, 24), (3, 20), (14, 14)])
def test_positions_are_resized_as_timm_resizes_them(grid):
    torch = pytest.importorskip("torch")
    old = np.random.default_rng(0).normal(size=(1, 1 + 14 * 14, 8)).astype("float32")
    image = torch.tensor(old[0, 1:].reshape(1, 14, 14, 8)).permute(0, 3, 1, 2)
    theirs = torch.nn.functional.interpolate(image, size=grid, mode="bicubic", antialias=True, align_corners=False)
    ours = resize_positions(old, grid)
    assert ours.dtype == "float32"
    np.testing.assert_allclose(ours[0, 1:].reshape(*grid, 8), theirs[0].permute(1, 2, 0).numpy(), atol=1e-5)


def test_positions_of_no_square_are_refused():
    with pytest.raises(ValueError, match="12 positions are not those of one token and a square grid"):
        resize_positions(np.zeros((1, 12, 4)), (3, 3))
