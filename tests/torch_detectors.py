"""torchvision's detectors, whose suppression runs here although torchvision was built for another torch."""

from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from references import import_torchvision


@cache
def detection() -> Any:
    """``torchvision.models.detection``, with a suppression in plain Python where its own operator is not to be had."""
    import torch

    torchvision = import_torchvision()
    if not torchvision.extension._has_ops():
        KEPT.append(library := torch.library.Library("torchvision", "IMPL"))
        library.impl("nms", lambda *given: torch.tensor(nms(*(np.asarray(x) for x in given))), "CPU")
        import_module("torchvision.ops.boxes")._assert_has_ops = lambda: None
    return import_module("torchvision.models.detection")


def nms(boxes: np.ndarray, scores: np.ndarray, overlap: float) -> np.ndarray:
    """The numbers of the boxes that are kept, the surest first: one after the other, as the definition says."""
    left, kept = np.argsort(-scores, kind="stable"), []
    while len(left):
        kept.append(left[0])
        left = left[1:][ious(boxes[left[0]], boxes[left[1:]]) <= overlap]
    return np.array(kept, np.int64)


def ious(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    sides = np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])
    both = np.maximum(sides, 0).prod(axis=1)
    either = (one[2:] - one[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1) - both
    return both / np.maximum(either, 1e-12)


def python_of(name: str) -> Any:
    """An operator of torchvision as it is written in Python, which runs without being compiled."""
    detection()
    return getattr(import_module(f"torchvision.ops.{name}"), f"_{name}").__wrapped__


def of_maps(decode: Any, offsets: Any) -> list[Any]:
    """Offsets of all default boxes, (B, A, 4), map by map, as a layer ``DecodeBoxes`` takes them."""
    return np.split(np.asarray(offsets), np.cumsum(decode.counts)[:-1], axis=1)


def as_published(module: Any) -> Any:
    """A torchvision detector whose batch norms are frozen and have no epsilon, as in some of its files for COCO."""
    frozen = import_module("torchvision.ops").FrozenBatchNorm2d
    import torch

    for part in list(module.modules()):
        for name, norm in part.named_children():
            if isinstance(norm, torch.nn.BatchNorm2d):
                instead = frozen(norm.num_features, eps=0.0)
                instead.load_state_dict({key: norm.state_dict()[key] for key in NORM})
                setattr(part, name, instead)
    return module


NORM = ("weight", "bias", "running_mean", "running_var")
KEPT: list = []
