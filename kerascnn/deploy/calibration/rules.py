"""What is looked for in calibration images, a generator of findings for each kind of mistake.

How sure a finding is says what it rests on. *Certain*: such images cannot be right, whatever they show. *Likely*:
statistics of these images, or of the network, speak for the mistake and against chance. *Possible*: photographs are
mostly otherwise, and a set may be an exception.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from kerascnn.deploy.calibration import evidence as of
from kerascnn.deploy.calibration.moving_statistics import doubt
from kerascnn.deploy.images import spread_out
from kerascnn.spec import Preprocess

if TYPE_CHECKING:
    import keras

CERTAINTIES = ("certain", "likely", "possible")
SEEN = 128  # images at most that statistics are made of
ENOUGH = 32  # images; about 100 are usual
PHOTOGRAPH = 96  # pixels of a side, from which on images that show little detail are enlarged ones
CHANCE = 4.5  # standard errors that chance does not reach
RISE = 2.5  # standard errors that chance reaches in one set of a hundred, where two such signs are asked for


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing about calibration images that is not as it should be.

    Parameters
    ----------
    mistake
        What it is, in a word or two: "range", "layout", "size", "colours", "one class", ...
    certainty
        "certain", "likely" or "possible": how sure it is that a file calibrated so is the worse for it.
    found, expected, fix
        What these images are, what they should be, and what to do.
    """

    mistake: str
    certainty: str
    found: str
    expected: str
    fix: str

    def __str__(self) -> str:
        return f"{self.mistake} ({self.certainty}): {self.found}. Expected {self.expected}. {self.fix}."

    def as_dict(self) -> dict[str, str]:
        """The finding as JSON can hold it."""
        return asdict(self)


def findings(
    images: np.ndarray | list[np.ndarray],
    preprocess: Preprocess | None,
    model: "keras.Model | None",
    reference: np.ndarray | None,
    targets: np.ndarray | None,
) -> Iterator[Finding]:
    """All that is wrong with images, more than once where it shows in several ways. Arguments as in the linter."""
    wrong = list(_shape(images, _size(preprocess, model)))
    yield from wrong or _kind(images)
    if wrong or isinstance(images, list):
        return  # what follows compares pixels, and these are not where they should be
    yield from _set(images, targets)
    if not np.issubdtype(images.dtype, np.number) or not np.isfinite(images).all():
        return
    images = spread_out(images, SEEN).astype(np.float32)
    flat = list(_content(images, preprocess))
    yield from flat
    if any(finding.certainty == "certain" for finding in flat):
        return  # statistics of such images say nothing
    form = of.contract(preprocess) if preprocess else None
    scaled = list(_range(images, form)) if form else []
    yield from scaled
    if scaled:
        return
    if model is not None:
        yield from _against_model(images, form, model)
    if form:
        yield from _colours(form.pixels(images))
    if reference is not None:
        yield from _against_reference(images, _checked(reference, images), form)


def _size(preprocess: Preprocess | None, model: "keras.Model | None") -> tuple[int | None, ...]:
    """(H, W, C) that images must have."""
    if model is not None:
        return tuple(model.inputs[0].shape[1:])
    if preprocess is None:
        raise ValueError("Nothing says what the images are for: pass a model, a card, or its preprocess.")
    return preprocess.size, preprocess.size, preprocess.channels


def _checked(reference: np.ndarray, images: np.ndarray) -> np.ndarray:
    if reference.shape[1:] != images.shape[1:] or reference.dtype != np.float32 or not len(reference):
        raise ValueError(
            f"The reference is {reference.dtype} of shape {reference.shape}; expected float32 images of shape "
            f"(N, {', '.join(map(str, images.shape[1:]))}), prepared as in training."
        )
    return spread_out(reference, 2 * SEEN)


def _shape(images: np.ndarray | list[np.ndarray], want: tuple[int | None, ...]) -> Iterator[Finding]:
    expected = f"(N, {', '.join('any' if side is None else str(side) for side in want)})"
    shapes = {image.shape for image in images}

    def fits(shape: tuple[int, ...]) -> bool:
        return len(shape) == len(want) and all(w in (None, g) for w, g in zip(want, shape, strict=True))

    odd = [shape for shape in shapes if not fits(shape)]
    if not odd:
        return
    if all(len(shape) == 3 and fits((*shape[1:], shape[0])) for shape in odd):
        yield Finding(
            mistake="layout",
            certainty="certain",
            found=f"images of shape {odd[0]}, channels first",
            expected=f"channels last, {expected}",
            fix="Transpose them: images.transpose(0, 2, 3, 1)",
        )
        return
    yield Finding(
        mistake="size",
        certainty="certain",
        found=f"images of shape {', '.join(map(str, sorted(odd)[:3]))}{', ...' * (len(odd) > 3)}",
        expected=expected,
        fix="Prepare them as the card's preprocess says: short side resized to size / crop, centre cut out",
    )


def _kind(images: np.ndarray | list[np.ndarray]) -> Iterator[Finding]:
    types = {image.dtype for image in images}
    if types != {np.dtype(np.float32)}:
        yield Finding(
            mistake="type",
            certainty="certain",
            found=f"numbers of type {', '.join(sorted(map(str, types)))}",
            expected="float32, after normalisation",
            fix="Normalise the images, then images.astype('float32')",
        )
    if any(not np.isfinite(image).all() for image in images if np.issubdtype(image.dtype, np.floating)):
        bad = sum(not np.isfinite(image).all() for image in images)
        yield Finding(
            mistake="not finite",
            certainty="certain",
            found=f"{bad} of {len(images)} images hold NaN or infinity",
            expected="finite numbers",
            fix="Find what divides by zero; an image that is all one value must not be divided by its own deviation",
        )


def _set(images: np.ndarray, targets: np.ndarray | None) -> Iterator[Finding]:
    count = len(images)
    different = len({image.tobytes() for image in images})
    if different <= 0.9 * count:
        yield Finding(
            mistake="duplicates",
            certainty="likely",
            found=f"{different} different images among {count}",
            expected="images that differ",
            fix="Draw them without repetition, over the whole training set",
        )
    if different < ENOUGH:
        yield Finding(
            mistake="too few",
            certainty="likely",
            found=f"{different} different images",
            expected=f"at least {ENOUGH}, about 100",
            fix="Take more: ranges of activations are measured on their extremes",
        )
    if targets is not None and count > 1 and len(set(np.asarray(targets).tolist())) == 1:
        yield Finding(
            mistake="one class",
            certainty="likely",
            found=f"{count} images of one class",
            expected="images of all classes",
            fix="Shuffle before you take the first ones: files often lie in the order of their classes",
        )


def _content(images: np.ndarray, preprocess: Preprocess | None) -> Iterator[Finding]:
    flat = of.contrast(images) * (max(preprocess.std) if preprocess else 1.0) < 1e-6
    if flat.mean() > 0.1:
        yield Finding(
            mistake="constant",
            certainty="certain" if flat.all() else "likely",
            found=f"{flat.mean():.0%} of the images are of one colour throughout",
            expected="images that show something",
            fix="Look at them; a reader that fails may give black ones",
        )
    if flat.all():
        return
    shown = images[~flat]
    if np.median(of.smoothness(shown)) < 0.2:
        yield Finding(
            mistake="noise",
            certainty="likely",
            found="neighbouring pixels have nothing in common, as in noise",
            expected="images",
            fix="Calibrate with training images: of noise no range of activations can be learnt",
        )
    if of.planes_read_as_pixels(shown):
        yield Finding(
            mistake="layout",
            certainty="certain",
            found="(channels, height, width) images that were reshaped to (height, width, channels)",
            expected="images that were transposed",
            fix="Transpose them instead of reshaping: images.transpose(0, 2, 3, 1)",
        )
    if min(shown.shape[1:3]) >= 8 and (part := of.repeated(shown)) > 0.45:
        yield Finding(
            mistake="enlarged",
            certainty="likely",
            found=f"{part:.0%} of the columns repeat their neighbours, as in small images whose pixels were repeated",
            expected="images of at least the network's size",
            fix="Take larger originals",
        )
    elif min(shown.shape[1:3]) >= PHOTOGRAPH and (times := of.enlarged(shown)) >= 4:
        yield Finding(
            mistake="enlarged",
            certainty="possible",
            found=f"images as blurred as if they had been enlarged at least {times} times",
            expected="images of at least the network's size",
            fix="Take larger originals",
        )


def _range(images: np.ndarray, right: of.Form) -> Iterator[Finding]:
    """Whether values can be pixels in the form that is asked for, and in which other form they are likely to be."""
    ends = of.ends(images)
    own = right.misfit(ends)
    other = min(of.wrong_forms(right), key=lambda form: form.misfit(ends))
    apart = other.misfit(ends)
    low, high = right.pixels(ends)
    impossible = low.min() < -of.OVERSHOOT or high.max() > 1 + of.OVERSHOOT
    dull = (high - low).max() < of.SPAN
    known = apart < own / 3 and own > 0.35
    if not (impossible or dull or known):
        return
    made = f"values from {images.min():.4g} to {images.max():.4g}"
    white, black = right.values(np.ones(images.shape[-1])), right.values(np.zeros(images.shape[-1]))
    yield Finding(
        mistake="range",
        certainty="certain" if impossible or other.exact(images) else "likely",
        found=f"{made}: {other.said}" if known else made,
        expected=f"{right.said}: values from {black.min():.4g} to {white.max():.4g}",
        fix="Prepare them as in training; kerascnn.data.pipeline.load_image(path, card.preprocess) does",
    )


def _against_model(images: np.ndarray, right: of.Form | None, model: "keras.Model") -> Iterator[Finding]:
    usual, ends = of.usual_forms(images.shape[-1]), of.ends(images)
    # Without a card either side of the mistake is unknown: which form the network asks for, and which was fed.
    wanted = [right] if right else usual
    possible = [form for form in ([right, *of.wrong_forms(right)] if right else usual) if form.misfit(ends) < 0.5]
    found = doubt(model, spread_out(images, SEEN // 2), possible, wanted)
    if found is None:
        return
    scaled = f"are {found.fed.said}; the network was trained on {found.right.said}"
    exchanged = "have red and blue exchanged"
    said = [exchanged] * found.exchanged + [scaled] * (found.fed != found.right)
    yield Finding(
        mistake="colours" if found.exchanged else "range",
        certainty="likely",
        found=f"by the moving statistics of its first batch norm these images {' and '.join(said)} "
        f"(off by {found.distance:.2g} as they are, by {found.distance_right:.2g} when that is undone)",
        expected="images as the network saw them in training",
        fix="Exchange the channels: images[..., ::-1]" if found.exchanged else "Prepare them as in training",
    )


def _colours(pixels: np.ndarray) -> Iterator[Finding]:
    """Whether the ground is blue where in photographs it is brown, and yet the sky is less so.

    Skies and seas are as blue above as below; only with red and blue exchanged does blue ground lie under a warm sky.
    """
    if pixels.shape[-1] != 3:
        return
    warm, cold = of.earthy(pixels)
    coloured = np.maximum(warm, cold) > 0.05
    count, blue = int(coloured.sum()), int((cold > warm)[coloured].sum())
    rises = -np.diff(of.warmth(pixels), axis=1)
    warmer_above = rises.mean() * np.sqrt(len(rises)) > RISE * rises.std()
    if count and warmer_above and (blue - count / 2) / np.sqrt(count / 4) > CHANCE:
        yield Finding(
            mistake="colours",
            certainty="possible",
            found=f"in {blue} of {count} images the lower half is blue where photographs are mostly brown, and more so "
            f"than the upper half",
            expected="red, green, blue, in this order",
            fix="Look at one of them; if it is blue, images[..., ::-1]. Pass reference= to be sure",
        )


def _against_reference(images: np.ndarray, reference: np.ndarray, form: of.Form | None) -> Iterator[Finding]:
    if images.shape[-1] == 3:
        pixels = [form.pixels(each) if form else each for each in (images, reference)]
        if _exchanged(*(of.warmth(each) for each in pixels)):
            yield Finding(
                mistake="colours",
                certainty="certain",
                found="red and blue are exchanged: with them put back, the colours are those of the reference",
                expected="red, green, blue",
                fix="Exchange the channels: images[..., ::-1]",
            )
    softer = _apart(of.sharpness(reference), of.sharpness(images))
    if softer > np.log(2.5):
        yield Finding(
            mistake="enlarged",
            certainty="likely",
            found=f"images with {np.exp(softer):.1f} times less fine detail than the reference has",
            expected="images of at least the network's size",
            fix="Take larger originals, and resize them as the card's preprocess says",
        )
    slanted = _apart(of.slant(images), of.slant(reference))
    if abs(slanted) > 0.25:
        yield Finding(
            mistake="squashed",
            certainty="likely",
            found=f"images that are narrower or flatter than the reference: across they change "
            f"{np.exp(slanted):.2f} times as much",
            expected="the proportions of the reference",
            fix="Resize the short side and cut out the centre, or as the card's preprocess says",
        )
    usual = [of.spread(drawn) for drawn in of.draws(reference, len(images))]
    if of.spread(images) < np.mean(usual) - 2 * CHANCE * np.std(usual):
        yield Finding(
            mistake="one class",
            certainty="possible",
            found=f"images that differ less from each other than those of the reference: a variance of "
            f"{of.spread(images):.2g}, where sets of the reference have {np.mean(usual):.2g}",
            expected="images of all classes",
            fix="Draw them over the whole training set",
        )


def _apart(first: np.ndarray, second: np.ndarray) -> float:
    """By how much the first mean is larger, where that is beyond chance; else 0."""
    difference = float(first.mean() - second.mean())
    error = np.sqrt(first.var() / len(first) + second.var() / len(second))
    return difference if abs(difference) > CHANCE * error else 0.0


def _exchanged(warmth: np.ndarray, usual: np.ndarray) -> bool:
    """Whether red less blue, (N, 2), is that of the reference with its sign turned, and not as it is."""
    covariance = np.cov(warmth.T) / len(warmth) + np.cov(usual.T) / len(usual) + 1e-9 * np.eye(2)
    precision = np.linalg.inv(covariance)
    as_is, turned = (
        difference @ precision @ difference
        for difference in (warmth.mean(axis=0) - usual.mean(axis=0), warmth.mean(axis=0) + usual.mean(axis=0))
    )
    return bool(as_is > CHANCE**2 + 2 * turned)
