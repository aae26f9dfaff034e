"""Boxes of an image in which an object may be, of whatever class. Uijlings et al. 2013, selective search, section 3.

https://doi.org/10.1007/s11263-013-0620-5. An image is parted into segments of like colour, and the two neighbours that
are most alike become one, again and again, until one is left; the box round each of all these segments is a proposal.

Of the paper's variants the colours are red, green and blue, texture is not looked at, and neighbours are likened in two
ways, of which each gives its own boxes: by colour, size and how well they fill their common box, and without colour.
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

import numpy as np

SIDE = 256  # pixels: larger images are looked at smaller
SCALES = (100.0, 300.0)  # of what is tolerated within a segment, by its pixels: larger ones are of larger segments
LEAST = 12  # pixels of a segment
SIGMA = 0.8  # pixels by which an image is smoothed, as in Felzenszwalb & Huttenlocher
BINS = 16  # of the colours of a channel
THIN = 4.0  # pixels that a box has across


def selective_search(pixels: np.ndarray) -> np.ndarray:
    """Boxes of an image, (H, W, 1 or 3) uint8, largest segments first: (n, 4) float32, x1, y1, x2, y2 in pixels."""
    height, width = pixels.shape[:2]
    step = -(-max(height, width) // SIDE)
    small = np.broadcast_to(pixels, (height, width, 3))[::step, ::step].astype(np.float32)
    boxes: dict[tuple[int, ...], None] = {}
    smooth = smoothed(small)
    for scale in SCALES:
        segments = segmented(smooth, scale)
        for ways in ((1.0, 1.0, 1.0), (0.0, 1.0, 1.0)):
            boxes |= dict.fromkeys(grouped(small, segments, ways))
    found = np.array([*boxes], np.float32).reshape(-1, 4) * step
    found = np.minimum(found, [width, height, width, height])
    sides = found[:, 2:] - found[:, :2]
    kept = found[(sides >= min(THIN, height, width)).all(axis=1)]
    order = np.argsort(-(kept[:, 2:] - kept[:, :2]).prod(axis=1), kind="stable")
    return kept[order].astype(np.float32)


def smoothed(image: np.ndarray) -> np.ndarray:
    """(H, W, C) under a Gaussian of ``SIGMA``."""
    reach = np.arange(-3, 4)
    weights = np.exp(-((reach / SIGMA) ** 2) / 2)
    weights /= weights.sum()
    for axis in (0, 1):
        around = [(3, 3) if each == axis else (0, 0) for each in range(3)]
        padded, count = np.pad(image, around, mode="edge"), image.shape[axis]
        parts = (w * padded.take(range(k, k + count), axis) for k, w in enumerate(weights))
        image = np.sum([*parts], axis=0)
    return image


def segmented(image: np.ndarray, scale: float) -> np.ndarray:
    """The number of its segment for each pixel of (H, W, C), from 0: (H, W). Felzenszwalb & Huttenlocher 2004.

    https://doi.org/10.1023/B:VISI.0000022288.19776.77, section 4. Pixels are joined in the order of the distances of
    colours between neighbours, where two segments differ by no more than each does in itself, and ``scale`` by its
    pixels. Afterwards those of less than ``LEAST`` pixels join the neighbour that is nearest.
    """
    height, width, _ = image.shape
    numbers = np.arange(height * width).reshape(height, width)
    pairs = [(numbers[:, 1:], numbers[:, :-1]), (numbers[1:], numbers[:-1])]
    pairs += [(numbers[1:, 1:], numbers[:-1, :-1]), (numbers[1:, :-1], numbers[:-1, 1:])]
    first, second = (np.concatenate([pair[end].ravel() for pair in pairs]) for end in (0, 1))
    colours = image.reshape(height * width, -1)
    distance = np.sqrt(((colours[first] - colours[second]) ** 2).sum(axis=1))
    order = np.argsort(distance, kind="stable")
    edges = first[order].tolist(), second[order].tolist(), distance[order].tolist()
    above, size, most = [*range(height * width)], [1] * (height * width), [scale] * (height * width)

    def root(place: int) -> int:
        while above[place] != place:
            above[place] = place = above[above[place]]
        return place

    for a, b, weight in zip(*edges, strict=True):
        a, b = root(a), root(b)
        if a != b and weight <= most[a] and weight <= most[b]:
            above[b], size[a] = a, size[a] + size[b]
            most[a] = weight + scale / size[a]
    roots = np.array([root(place) for place in range(height * width)])
    between = order[roots[first[order]] != roots[second[order]]]
    for a, b in zip(first[between].tolist(), second[between].tolist(), strict=True):
        a, b = root(a), root(b)
        if a != b and (size[a] < LEAST or size[b] < LEAST):
            above[b], size[a] = a, size[a] + size[b]
    roots = np.array([root(place) for place in range(height * width)])
    return np.unique(roots, return_inverse=True)[1].reshape(height, width)


def grouped(image: np.ndarray, segments: np.ndarray, ways: Sequence[float]) -> list[tuple[int, ...]]:
    """Boxes of all segments, (H, W), and of those that they are joined to: x1, y1, x2, y2, whole pixels.

    ``ways`` are the weights of colour, size and fill, equations 2, 5 and 6.
    """
    height, width = segments.shape
    count = int(segments.max()) + 1
    room = 2 * count - 1
    sizes, colours = np.zeros(room), np.zeros((room, 3 * BINS), np.float32)
    boxes = np.zeros((room, 4), np.int64)
    flat = segments.ravel()
    sizes[:count] = np.bincount(flat, minlength=count)
    for channel in range(3):
        kinds = (image[..., channel].ravel() * (BINS / 256)).astype(np.int64) + BINS * flat
        of_channel = np.bincount(kinds, minlength=BINS * count).reshape(count, BINS)
        colours[:count, channel * BINS : (channel + 1) * BINS] = of_channel / (3 * sizes[:count, None])
    rows, columns = (each.ravel() for each in np.indices((height, width)))
    boxes[:count, :2] = [width, height]
    for place, least, values in ((0, np.minimum, columns), (1, np.minimum, rows), (2, np.maximum, columns + 1),
                                 (3, np.maximum, rows + 1)):  # fmt: skip
        least.at(boxes[:, place], flat, values)
    near: list[set[int]] = [set() for _ in range(room)]
    sides = (segments[:, 1:], segments[:, :-1]), (segments[1:], segments[:-1])
    for a, b in {
        *zip(*(np.concatenate([side[end].ravel() for side in sides]).tolist() for end in (0, 1)), strict=True)
    }:
        if a != b:
            near[a].add(b)
            near[b].add(a)

    def alike(one: int, others: list[int]) -> np.ndarray:
        of_colour = np.minimum(colours[one], colours[others]).sum(axis=1)
        both = sizes[one] + sizes[others]
        low = np.minimum(boxes[one, :2], boxes[others, :2])
        around = (np.maximum(boxes[one, 2:], boxes[others, 2:]) - low).prod(axis=1)
        total = height * width
        return ways[0] * of_colour + ways[1] * (1 - both / total) + ways[2] * (1 - (around - both) / total)

    pairs = [
        (-value, one, other)
        for one in range(count)
        if (later := sorted(each for each in near[one] if each > one))
        for other, value in zip(later, alike(one, later).tolist(), strict=True)
    ]
    heapify(pairs)
    gone, new = [False] * room, count
    while pairs:
        _, one, other = heappop(pairs)
        if gone[one] or gone[other]:
            continue
        gone[one] = gone[other] = True
        sizes[new] = sizes[one] + sizes[other]
        colours[new] = (sizes[one] * colours[one] + sizes[other] * colours[other]) / sizes[new]
        boxes[new, :2] = np.minimum(boxes[one, :2], boxes[other, :2])
        boxes[new, 2:] = np.maximum(boxes[one, 2:], boxes[other, 2:])
        near[new] = (near[one] | near[other]) - {one, other}
        for each in near[new]:
            near[each] -= {one, other}
            near[each].add(new)
        others = sorted(near[new])
        for each, value in zip(others, alike(new, others).tolist() if others else (), strict=True):
            heappush(pairs, (-value, each, new))
        new += 1
    return [tuple(row) for row in boxes[:new].tolist()]
