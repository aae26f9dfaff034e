"""Every corruption against its definition, by Pillow, SciPy, the standard library or NumPy by hand."""

import colorsys
import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from sklearn.datasets import load_sample_image

from kerascnn.data.transforms import corruptions
from kerascnn.data.transforms.corruptions import CORRUPTIONS, SEVERITIES, corrupt

ORDER = ["noise"] * 3 + ["blur"] * 4 + ["weather"] * 4 + ["digital"] * 4


def photo(side: int, channels: int = 3) -> np.ndarray:
    """The middle of a photograph that scikit-learn carries."""
    picture = Image.fromarray(load_sample_image("china.jpg")).crop((100, 0, 527, 427))
    picture = picture.resize((side, side), Image.Resampling.BOX)
    return np.asarray(picture) if channels == 3 else np.asarray(picture.convert("L"))[..., None]


def flat(value: int = 128, side: int = 224) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_there_are_the_papers_fifteen():
    assert [c.group for c in CORRUPTIONS.values()] == ORDER
    assert all(len(c.constants) == len(SEVERITIES) == 5 for c in CORRUPTIONS.values())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [32, 224])
@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_severity_rises(kind, side, channels):
    """The mean squared change rises with severity, over several draws.

    Not so in two places. Elastic bends as a whole at severities 1 and 2 and in small waves from 3 on. At 32 pixels,
    pixelate leaves 9 pixels at severity 4 and 8 at severity 5, and 8 divide 32.
    """
    image = photo(side, channels)
    draws = range(40 if kind in ("fog", "frost") else 6 if side == 32 else 1)
    errors = [
        np.mean([np.square(corrupt(image, kind, s, index=i) - image.astype(float)).mean() for i in draws])
        for s in SEVERITIES
    ]
    steps = np.diff(errors)
    if kind == "elastic":
        assert steps[0] > 0 > steps[1]
    elif kind == "pixelate" and side == 32:
        assert (steps[:3] > 0).all()
    else:
        assert (steps > 0).all(), errors
    assert errors[0] > 5


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_same_arguments_same_image(kind):
    image = photo(32)
    kept = image.copy()
    one = corrupt(image, kind, 3, seed=1, index=2)
    assert one.dtype == np.uint8 and one.shape == image.shape
    corrupt(image, kind, 3, seed=1, index=3)
    np.testing.assert_array_equal(one, corrupt(image, kind, 3, seed=1, index=2))
    np.testing.assert_array_equal(image, kept)
    drawn = kind not in ("defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg")
    for other in ({"seed": 2, "index": 2}, {"seed": 1, "index": 3}):
        assert (one != corrupt(image, kind, 3, **other)).any() == drawn


def test_any_proportion_and_side():
    for kind in CORRUPTIONS:
        for shape in ((40, 56, 3), (100, 64, 1), (1, 1, 3)):
            image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
            assert corrupt(image, kind, 5).shape == shape


def test_noises_have_their_published_strengths():
    for severity, deviation in enumerate((0.08, 0.12), 1):
        change = corrupt(flat(), "gaussian_noise", severity) / 255 - 128 / 255
        assert change.std() == pytest.approx(deviation, rel=0.01) and abs(change.mean()) < 0.002
    for severity, photons in enumerate((60, 25), 1):
        change = corrupt(flat(100), "shot_noise", severity) / 255 - 100 / 255
        assert change.var() == pytest.approx(100 / 255 / photons, rel=0.02) and abs(change.mean()) < 0.002
    for severity, share in zip(SEVERITIES, (0.03, 0.06, 0.09, 0.17, 0.27), strict=True):
        struck = corrupt(flat(), "impulse_noise", severity)
        assert (struck == 0).mean() == pytest.approx(share / 2, rel=0.05)
        assert (struck == 255).mean() == pytest.approx(share / 2, rel=0.05)
        assert np.isin(struck, (0, 128, 255)).all()


def test_defocus_spreads_a_point_over_a_disk():
    point = np.zeros((225, 225, 1))
    point[112, 112] = 1
    y, x = np.mgrid[-112:113, -112:113]
    for radius in (3, 4, 6, 8, 10):
        spread = corruptions.defocus_blur(point, rng(), 1.0, radius)[..., 0]
        far = np.hypot(x, y)
        np.testing.assert_allclose(spread[far < radius - 0.8], 1 / (np.pi * radius**2), rtol=0.02)
        assert not spread[far > radius + 0.8].any() and spread.sum() == pytest.approx(1)


def test_glass_moves_pixels_and_loses_none():
    order = corruptions.shuffled((50, 60), rng(), reach=2, rounds=1)
    assert sorted(order) == list(range(3000)) and (order != np.arange(3000)).mean() > 0.5
    rows, columns = np.divmod(order, 60)
    assert np.abs(rows - np.arange(3000) // 60).mean() < 4 and np.abs(columns - np.arange(3000) % 60).mean() < 4
    np.testing.assert_array_equal(corrupt(flat(), "glass_blur", 5), flat())


def test_motion_leaves_half_a_gaussian_behind():
    point = np.zeros((41, 41, 1))
    point[20, 30] = 1
    kernel = np.exp(-(np.arange(9) ** 2) / (2 * 3**2))
    row = corruptions.trail(point, 0, radius=4, deviation=3)[20, :, 0]
    np.testing.assert_allclose(row[22:31], kernel[::-1] / kernel.sum())
    down = corruptions.trail(point, 90, radius=4, deviation=3)[:, 30, 0]
    np.testing.assert_allclose(down[12:21], kernel[::-1] / kernel.sum())
    np.testing.assert_array_equal(corrupt(flat(), "motion_blur", 5), flat())


def test_zoom_is_pillows():
    image = photo(64)
    shown = corrupt(image, "zoom_blur", 3) / 255
    total, factors = image / 255, np.arange(1, 1.21, 0.02)
    for factor in factors:
        margin = (64 - 64 / factor) / 2
        box = (margin, margin, 64 - margin, 64 - margin)
        channels = [Image.fromarray(c.astype(np.float32) / 255) for c in np.moveaxis(image, -1, 0)]
        zoomed = [c.resize((64, 64), Image.Resampling.BILINEAR, box=box) for c in channels]
        total = total + np.stack([np.asarray(c) for c in zoomed], axis=-1)
    difference = np.abs(shown - total / (len(factors) + 1))
    assert difference.max() < 0.08 and difference.mean() < 0.004  # Pillow puts the middle of the border elsewhere


def test_snow_falls_on_a_paler_scene():
    for severity, share in zip(SEVERITIES, (0.8, 0.7, 0.7, 0.65, 0.55), strict=True):
        on_black = corrupt(np.zeros((224, 224, 3), np.uint8), "snow", severity) / 255
        pale = (1 - share) / 2
        assert on_black.min() >= pale - 0.003
        np.testing.assert_array_equal(on_black, np.rot90(on_black, 2))  # flakes, and flakes turned by half a turn
        assert on_black.std() > 0.01
    dry = (0.0, 0.0, 1, 0.5, 10, 4, 0.8)  # no flakes
    image = photo(32) / 255
    grey = image @ (0.299, 0.587, 0.114)
    np.testing.assert_allclose(
        corruptions.snow(image, rng(), 1.0, *dry), 0.8 * image + 0.2 * np.maximum(image, (1.5 * grey + 0.5)[..., None])
    )


def test_frost_is_a_weighted_sum_with_ice():
    one, two = photo(32) / 255, np.full((32, 32, 3), 0.2)
    ice = [corruptions.frost(image, rng(), 0.7, 0.6) - 0.7 * image for image in (one, two)]
    np.testing.assert_allclose(*ice, atol=1e-12)
    assert ice[0].min() >= 0 and 0.3 < ice[0].max() <= 0.6 and ice[0].std() > 0.03


def test_fog_keeps_the_lightest_value():
    for side in (32, 256):
        for constants in CORRUPTIONS["fog"].constants:
            thick = corruptions.fog(np.full((side, side, 3), 0.6), rng(), *constants)
            assert thick.max() == pytest.approx(0.6)
            assert thick.min() == pytest.approx(0.6**2 / (0.6 + constants[0]))
    image = photo(64) / 255
    clouds = corruptions.plasma(64, rng(), 2)[..., None]
    expected = (image + 1.5 * clouds) * image.max() / (image.max() + 1.5)
    np.testing.assert_allclose(corruptions.fog(image, rng(), 1.5, 2), expected)


def test_clouds_are_a_fractal():
    fine, coarse = corruptions.plasma(200, rng(), 1.4), corruptions.plasma(200, rng(), 3)
    for clouds in (fine, coarse):
        assert clouds.shape == (256, 256) and clouds.min() == 0 and clouds.max() == 1
        across = np.abs(clouds[0] - clouds[-1]).mean()  # it goes on where it ends
        assert across < 2 * np.abs(clouds[1:] - clouds[:-1]).mean()
    assert np.abs(np.diff(fine)).mean() > 3 * np.abs(np.diff(coarse)).mean()


def test_brightness_raises_the_value_of_hsv():
    image = photo(32)
    for severity, addition in zip(SEVERITIES, (0.1, 0.2, 0.3, 0.4, 0.5), strict=True):
        found = corrupt(image, "brightness", severity)
        for before, after in zip(image.reshape(-1, 3), found.reshape(-1, 3), strict=True):
            hue, saturation, value = colorsys.rgb_to_hsv(*(before / 255))
            expected = colorsys.hsv_to_rgb(hue, saturation, min(value + addition, 1))
            np.testing.assert_allclose(after / 255, expected, atol=0.5 / 255 + 1e-9)


def test_contrast_draws_towards_each_channels_mean():
    image = photo(32)
    for severity, share in zip(SEVERITIES, (0.4, 0.3, 0.2, 0.1, 0.05), strict=True):
        mean = image.mean(axis=(0, 1))
        expected = np.rint(mean + share * (image - mean))
        assert np.abs(corrupt(image, "contrast", severity) - expected).max() <= 1


def test_elastic_moves_three_points_and_then_every_pixel_a_little():
    ramps = np.stack([*np.mgrid[:224, :224].astype(float), np.zeros((224, 224))], axis=-1)
    within = slice(60, 164)
    bent = corruptions.elastic(ramps, rng(), 1.0, 0.0, 1.0, 24.4)[within, within, :2]
    assert np.abs(np.diff(bent, 2, axis=0)).max() < 1e-6 and np.abs(np.diff(bent, 2, axis=1)).max() < 1e-6
    y, x = np.mgrid[within, within]
    plane = np.linalg.lstsq(np.c_[y.ravel(), x.ravel(), np.ones(y.size)], bent.reshape(-1, 2), rcond=None)[0]
    points = 112 + 74 * np.array([[1, 1], [1, -1], [-1, -1]])
    moved = np.linalg.solve(plane[:2].T, (points - plane[2]).T).T
    assert 1 < np.abs(moved - points).max() <= 24.4
    shaken = corruptions.elastic(ramps, rng(), 1.0, 29.28, 2.44, 0.0)[within, within, :2] - ramps[within, within, :2]
    # Uniform noise of variance 1/3 under a Gaussian of variance s^2 has the variance 1 / (12 pi s^2).
    assert shaken.std() == pytest.approx(29.28 / np.sqrt(12 * np.pi) / 2.44, rel=0.1)


@pytest.mark.parametrize("deviation", [1.5, 2.44, 19.5])
def test_diffusion_is_scipys_gaussian(deviation):
    field = np.random.default_rng(0).uniform(-1, 1, (64, 50))
    expected = ndimage.gaussian_filter(field, deviation, mode="reflect", truncate=8)
    np.testing.assert_allclose(corruptions.diffused(field, deviation), expected, atol=1e-5)


def test_lengths_go_with_the_side():
    """What is done to a photograph of 112 pixels is what is done to the same at 224, seen at half the size."""
    large = photo(112).repeat(2, axis=0).repeat(2, axis=1)
    for kind in ("defocus_blur", "glass_blur", "motion_blur", "snow", "elastic"):
        small = corrupt(photo(112), kind, 4).astype(float)
        halved = corrupt(large, kind, 4).reshape(112, 2, 112, 2, 3).mean(axis=(1, 3))
        assert np.abs(small - halved).max() <= 1, kind


@pytest.mark.parametrize("channels", [1, 3])
def test_pixelate_and_jpeg_are_pillows(channels):
    image = photo(60, channels)
    picture = Image.fromarray(image[..., 0] if channels == 1 else image)
    for severity, share, quality in zip(SEVERITIES, (0.6, 0.5, 0.4, 0.3, 0.25), (25, 18, 15, 10, 7), strict=True):
        side = int(60 * share)
        boxed = picture.resize((side, side), Image.Resampling.BOX).resize((60, 60), Image.Resampling.BOX)
        np.testing.assert_array_equal(corrupt(image, "pixelate", severity).squeeze(), np.asarray(boxed))
        stored = io.BytesIO()
        picture.save(stored, "jpeg", quality=quality)
        np.testing.assert_array_equal(corrupt(image, "jpeg", severity).squeeze(), np.asarray(Image.open(stored)))


def test_bad_input_is_told():
    with pytest.raises(ValueError, match=r"no corruption 'frog'\. Did you mean 'fog' or 'frost'"):
        corrupt(flat(), "frog", 1)
    with pytest.raises(ValueError, match="no severity 6; they go from 1 to 5"):
        corrupt(flat(), "fog", 6)
    with pytest.raises(ValueError, match=r"uint8 images .* not to float64 of \(8, 8, 3\)"):
        corrupt(np.zeros((8, 8, 3)), "fog", 1)
