"""The calibration linter: images that a file is to be quantised with, held against what its network takes.

A range that was measured on images of another kind makes a file that runs, and answers nonsense. Everything that is
checked here, somebody has done.
"""

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.arguments import checked
from kerascnn.card import Card
from kerascnn.deploy.calibration.rules import CERTAINTIES, Finding, findings
from kerascnn.runtime import load_keras
from kerascnn.spec import Preprocess

if TYPE_CHECKING:
    import keras

__all__ = ["check_calibration", "need_sound"]


@checked
def check_calibration(
    images: np.ndarray | Iterable[Any],
    model_or_card: "keras.Model | Card | Preprocess | str | os.PathLike",
    reference: np.ndarray | None = None,
    *,
    targets: np.ndarray | None = None,
) -> list[Finding]:
    """Look for mistakes in the images that a file is to be calibrated with.

    Parameters
    ----------
    images
        As they would be passed to ``export``: an array (N, H, W, C), or an iterable of (H, W, C).
    model_or_card
        What the images are for. A card, or its ``preprocess``, says how images have to be made; a Keras model says
        their size and, by the moving statistics of its first batch norm, what its training images were like. The path
        of a ``.keras`` file gives both, where its card lies beside it.
    reference
        Images that are surely right, (N, H, W, C) float32: what the network was trained on, as it saw them. With them
        exchanged colours, squashed and enlarged images, and a set of one class are found more surely.
    targets
        (N,) the class of each image, where it is known.

    Returns
    -------
    list of Finding
        The surest first. Empty for images that are right.

    Raises
    ------
    ValueError
        When there are no images, the reference has another shape or dtype than these, or targets are not one for each.
    FileNotFoundError
        When there is no such model file.
    """
    preprocess, model = _contract(model_or_card)
    images = _listed(images)
    if targets is not None and len(targets) != len(images):
        raise ValueError(f"targets are one class for each image; got {len(targets)} for {len(images)} images.")
    found = list(findings(images, preprocess, model, reference, targets))
    surest: dict[str, Finding] = {}
    for finding in sorted(found, key=lambda finding: CERTAINTIES.index(finding.certainty)):
        surest.setdefault(finding.mistake, finding)
    return list(surest.values())


def _contract(what: Any) -> tuple[Preprocess | None, "keras.Model | None"]:
    if isinstance(what, Preprocess):
        return what, None
    if isinstance(what, Card):
        return what.preprocess, None
    if isinstance(what, str | os.PathLike):
        path = Path(what)
        card = Card.beside(path)
        return card.preprocess if card else None, load_keras(path)
    return None, what


def _listed(images: np.ndarray | Iterable[Any]) -> np.ndarray | list[np.ndarray]:
    """One array where all images have one shape, else a list of them."""
    if not isinstance(images, np.ndarray):
        images = [np.asarray(image) for image in images]
        if len({(image.shape, image.dtype) for image in images}) == 1:
            images = np.stack(images)
    if not len(images):
        raise ValueError("There are no calibration images. Pass about 100, an array (N, H, W, C) or one by one.")
    return images


def need_sound(images: np.ndarray, model: "keras.Model", card: Card | None) -> None:
    """Warn of what may be wrong with calibration images.

    Raises
    ------
    ValueError
        When something is wrong with them for certain.
    """
    found = list(findings(images, card.preprocess if card else None, model, None, None))
    if certain := [finding for finding in found if finding.certainty == "certain"]:
        raise ValueError("The calibration images cannot be right. " + " ".join(map(str, certain)))
    for finding in found:
        warnings.warn(f"Calibration images: {finding}", stacklevel=3)
