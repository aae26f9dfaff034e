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


def carried(module: Any, model: Any) -> None:
    """Give a torchvision detector's weights to the same network of this package."""
    import torch

    def layers_of(part):
        kinds = (torch.nn.Conv2d, torch.nn.BatchNorm2d)
        return [each for each in part.modules() if isinstance(each, kinds)]

    ours = [layer for layer in model.layers if layer.weights and layer.name != "first-layer_scale"]
    pairs = [
        *zip((each for each in ours if not each.name.startswith("head-")), layers_of(module.backbone), strict=True)
    ]
    for kind, head in (("boxes", module.head.regression_head), ("scores", module.head.classification_head)):
        for number, part in enumerate(head.module_list, 1):
            here = [each for each in ours if each.name.startswith(f"head-map{number}-{kind}-")]
            parts = [part] if isinstance(part, torch.nn.Conv2d) else layers_of(part)
            pairs += zip(here, parts, strict=True)
    for layer, source in pairs:
        if isinstance(source, torch.nn.BatchNorm2d):
            assert layer.epsilon == source.eps
            layer.set_weights([np.asarray(getattr(source, part).detach()) for part in NORM])
            continue
        kernel = np.asarray(source.weight.detach())
        kernel = (
            kernel.transpose(2, 3, 0, 1) if "depthwise" in layer.name.split("-")[-1] else kernel.transpose(2, 3, 1, 0)
        )
        layer.set_weights([kernel] + ([] if source.bias is None else [np.asarray(source.bias.detach())]))
    if hasattr(module.backbone, "scale_weight"):
        model.get_layer("first-layer_scale").set_weights([np.asarray(module.backbone.scale_weight.detach())])


NORM = ("weight", "bias", "running_mean", "running_var")
KEPT: list = []
