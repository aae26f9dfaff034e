"""Darknet's networks as its cfg files list them, layer after layer, computed by torch; and its losses, read in NumPy.

A network is a text of steps, in the order of its file in https://github.com/pjreddie/darknet:

``64x3`` a convolution of 64 channels and 3 x 3 pixels, with batch norm and a leaky ReLU; ``64x3/2`` at stride 2;
``64x3-`` with a bias and no batch norm; ``64x3=`` with a bias alone. ``M2`` and ``M1`` a max pool at that stride;
``S`` what came three steps before, added; ``R-4,61`` what other steps gave, side by side; ``U`` doubled; ``reorg``;
``4096fc-`` and ``1470fc=`` fully connected layers; ``Y`` an output, of the step before.
"""

from collections.abc import Iterator

import numpy as np

RESIDUAL = "{half}x1 {width}x3 S"
TURNS = "{half}x1 {width}x3 " * 3
DARKNET53 = "32x3 " + " ".join(
    f"{width}x3/2 " + " ".join([RESIDUAL.format(half=width // 2, width=width)] * depth)
    for width, depth in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4))
)
DARKNET19 = (
    "32x3 M2 64x3 M2 128x3 64x1 128x3 M2 256x3 128x1 256x3 M2 512x3 256x1 512x3 256x1 512x3 M2 "
    "1024x3 512x1 1024x3 512x1 1024x3"
)
TINY = "16x3 M2 32x3 M2 64x3 M2 128x3 M2 256x3 M2 512x3 M1 1024x3"
V1 = (
    "64x7/2 M2 192x3 M2 128x1 256x3 256x1 512x3 M2 " + "256x1 512x3 " * 4 + "512x1 1024x3 M2 "
    "512x1 1024x3 512x1 1024x3 1024x3 1024x3/2 1024x3 1024x3"
)
CFGS = {
    "yolov1": V1.replace(" ", "- ").replace("M2-", "M2") + "- 4096fc- {cells}fc= Y",
    "yolov1_tiny": TINY.replace("M1", "M2") + " 256x3 {cells}fc= Y",
    "yolov2": f"{DARKNET19} 1024x3 1024x3 R-9 64x1 reorg R-1,-4 1024x3 425x1= Y",
    "yolov2_tiny": f"{TINY} 512x3 425x1= Y",
    "yolov3": (
        f"{DARKNET53} {TURNS.format(half=512, width=1024)} 255x1= Y R-4 256x1 U R-1,61 "
        f"{TURNS.format(half=256, width=512)} 255x1= Y R-4 128x1 U R-1,36 {TURNS.format(half=128, width=256)} 255x1= Y"
    ),
    "yolov3_tiny": f"{TINY} 256x1 512x3 255x1= Y R-4 128x1 U R-1,8 256x3 255x1= Y",
}  # fmt: skip


def computed(cfg: str, images: np.ndarray, kernels: Iterator) -> list[np.ndarray]:
    """What a network gives for images (B, H, W, C): its outputs, (B, H, W, C) or (B, N), in their order.

    ``kernels`` gives of each layer in turn its kernel and bias, or kernel, gamma, beta, mean and variance, as Keras
    has them.
    """
    import torch
    from torch.nn.functional import conv2d, interpolate, leaky_relu, linear, max_pool2d, pad

    def convolved(x, step):
        width, _, rest = step.partition("x")
        side, stride, (kernel, *others) = int(rest[0]), 2 if "/2" in step else 1, next(kernels)
        assert kernel.shape == (side, side, x.shape[1], int(width)), (step, kernel.shape)
        x = conv2d(x, torch.tensor(kernel.transpose(3, 2, 0, 1)), stride=stride, padding=side // 2)
        return normed(x, step, [torch.tensor(each)[:, None, None] for each in others])

    def normed(x, step, others):
        if step[-1] in "-=":
            return x + others[0] if step[-1] == "=" else leaky_relu(x + others[0], 0.1)
        gamma, beta, mean, variance = others
        return leaky_relu((x - mean) / torch.sqrt(variance + 1e-5) * gamma + beta, 0.1)

    def connected(x, step):
        kernel, bias = next(kernels)
        assert kernel.shape[1] == int(step.partition("fc")[0])
        x = x.permute(0, 2, 3, 1) if x.ndim == 4 else x  # the order of Keras' map, by which its kernel goes
        x = linear(x.flatten(1), torch.tensor(kernel.T), torch.tensor(bias))
        return x if step[-1] == "=" else leaky_relu(x, 0.1)

    x, given, outputs = torch.tensor(images.transpose(0, 3, 1, 2)), [], []
    for step in cfg.split():
        if step[0] == "M":
            odd = [int(step == "M1" or side % 2) for side in x.shape[2:]]  # one more than that on the far sides
            x = max_pool2d(pad(x, (0, odd[1], 0, odd[0]), value=-np.inf), 2, int(step[1]))
        elif step == "S":
            x = x + given[-3]
        elif step[0] == "R":
            places = [int(place) for place in step[1:].split(",")]
            x = torch.cat([given[place] for place in places], 1)
        elif step == "U":
            x = interpolate(x, scale_factor=2, mode="nearest")
        elif step == "reorg":  # as the paper has it; see recipes/yolo_v2.py
            x = torch.cat([x[:, :, down::2, right::2] for down in (0, 1) for right in (0, 1)], 1)
        elif step == "Y":
            outputs.append(x.permute(0, 2, 3, 1).numpy() if x.ndim == 4 else x.numpy())
        else:
            x = connected(x, step) if "fc" in step else convolved(x, step)
        given.append(x)
    return outputs


# -- losses: what each number is to become, less what it is, as src/yolo_layer.c and src/region_layer.c have it --------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def overlap(a, b):
    """IoU of two boxes, middle x and y, width and height."""
    wide = min(a[0] + a[2] / 2, b[0] + b[2] / 2) - max(a[0] - a[2] / 2, b[0] - b[2] / 2)
    high = min(a[1] + a[3] / 2, b[1] + b[3] / 2) - max(a[1] - a[3] / 2, b[1] - b[3] / 2)
    both = max(wide, 0) * max(high, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def said_box(t, row, column, grid, anchor):
    """The box of a cell as fractions of the image; ``anchor`` is one too."""
    middle = (column + sigmoid(t[0])) / grid[1], (row + sigmoid(t[1])) / grid[0]
    return np.array([*middle, np.exp(t[2]) * anchor[0], np.exp(t[3]) * anchor[1]])


def place_of(t, truth, row, column, grid, anchor, scale):
    """What the four numbers of a box lack."""
    wanted = truth[0] * grid[1] - column, truth[1] * grid[0] - row, *np.log(truth[2:] / anchor)
    return scale * (np.array(wanted) - [sigmoid(t[0]), sigmoid(t[1]), t[2], t[3]])


def yolo_deltas(maps, anchors, truths, classes, ignore, also=1.0):
    """YOLOv3: of each map (H, W, boxes, 5 + K), with anchors of each as fractions of the image.

    ``also`` is ``iou_thresh`` of https://github.com/AlexeyAB/darknet, of which anchors that are free take part.
    """
    deltas = [np.zeros_like(each) for each in maps]
    for given, delta, of_map in zip(maps, deltas, anchors, strict=True):
        for row, column, n in np.ndindex(given.shape[:3]):
            box = said_box(given[row, column, n], row, column, given.shape, of_map[n])
            best = max((overlap(box, truth) for truth in truths), default=0)
            delta[row, column, n, 4] = 0 if best > ignore else -sigmoid(given[row, column, n, 4])
    every = [(number, n, anchor) for number, of_map in enumerate(anchors) for n, anchor in enumerate(of_map)]
    asked = []  # by each object in turn, of which it is the best
    for truth, kind in zip(truths, classes, strict=True):
        fits = [overlap([0, 0, *anchor], [0, 0, *truth[2:]]) for _, _, anchor in every]
        for fit, (number, n, anchor) in zip(fits, every, strict=True):
            grid = maps[number].shape
            cell = number, int(truth[1] * grid[0]), int(truth[0] * grid[1]), n
            asked.append((fit, fit == max(fits), cell, anchor, truth, kind))
    taken = {cell for _, best, cell, *_ in asked if best}
    for fit, best, (number, row, column, n), anchor, truth, kind in asked:
        if not best and (fit <= also or (number, row, column, n) in taken):
            continue
        t, delta = maps[number][row, column, n], deltas[number][row, column, n]
        delta[:4] = place_of(t, truth, row, column, maps[number].shape, anchor, 2 - truth[2] * truth[3])
        delta[4] = 1 - sigmoid(t[4])
        if not delta[5] or not best:  # no class yet
            delta[5:] = -sigmoid(t[5:])
        delta[5 + kind] = 1 - sigmoid(t[5 + kind])
    return deltas


def region_deltas(given, anchors, truths, classes, ignore):
    """YOLOv2: of a map (H, W, boxes, 5 + K), with the scales of its cfg files."""
    delta, grid = np.zeros_like(given), given.shape
    for row, column, n in np.ndindex(given.shape[:3]):
        box = said_box(given[row, column, n], row, column, grid, anchors[n])
        best = max((overlap(box, truth) for truth in truths), default=0)
        delta[row, column, n, 4] = 0 if best > ignore else -sigmoid(given[row, column, n, 4])
    for truth, kind in zip(truths, classes, strict=True):
        row, column = int(truth[1] * grid[0]), int(truth[0] * grid[1])
        n = int(np.argmax([overlap([0, 0, *anchor], [0, 0, *truth[2:]]) for anchor in anchors]))
        t = given[row, column, n]
        shares = np.exp(t[5:]) / np.exp(t[5:]).sum()
        fits = overlap(said_box(t, row, column, grid, anchors[n]), truth)
        delta[row, column, n, :4] = place_of(t, truth, row, column, grid, anchors[n], 2 - truth[2] * truth[3])
        delta[row, column, n, 4] = 5 * (fits - sigmoid(t[4]))
        delta[row, column, n, 5:] = (np.arange(len(shares)) == kind) - shares
    return delta


def squared_errors(sure, shares, roots, truths, classes):
    """Redmon et al. 2015, equation 3, of one image: (S, S, boxes), (S, S, K) and (S, S, boxes, 4)."""
    total, seen = 0.5 * (sure**2).sum(), set()
    rows, columns = sure.shape[:2]
    for truth, kind in zip(truths, classes, strict=True):
        row, column = int(truth[1] * rows), int(truth[0] * columns)
        if (row, column) in seen:  # a cell says one object
            continue
        seen.add((row, column))
        boxes = [
            np.array([(column + x) / columns, (row + y) / rows, wide**2, high**2])
            for x, y, wide, high in roots[row, column]
        ]
        fits = [overlap(box, truth) for box in boxes]
        far = [((box - truth) ** 2).sum() for box in boxes]
        best = int(np.argmax(fits)) if max(fits) > 0 else int(np.argmin(far))
        x, y, wide, high = roots[row, column, best]
        total += 5 * ((x - (truth[0] * columns - column)) ** 2 + (y - (truth[1] * rows - row)) ** 2)
        total += 5 * ((wide - truth[2] ** 0.5) ** 2 + (high - truth[3] ** 0.5) ** 2)
        total += (sure[row, column, best] - fits[best]) ** 2 - 0.5 * sure[row, column, best] ** 2
        total += ((shares[row, column] - (np.arange(shares.shape[-1]) == kind)) ** 2).sum()
    return total
