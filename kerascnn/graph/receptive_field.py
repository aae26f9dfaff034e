"""What one output pixel sees of the image. Araujo, Norris & Sim 2019, https://doi.org/10.23915/distill.00021."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor, inf, lcm
from typing import Any, NamedTuple

import keras

from kerascnn import layers as L
from kerascnn.arguments import checked
from kerascnn.graph.graph import Graph
from kerascnn.graph.rewrite import at_size, with_fixed_size

Number = int | float | Fraction


@dataclass(frozen=True)
class ReceptiveField:
    """The window of the image that a pixel of a map sees, in pixels of the image.

    Each number is one where height and width agree, and a pair ``(height, width)`` where they do not.

    Parameters
    ----------
    size
        Side of the window. It is infinite from the first layer on that gives up height and width: a global pool, a
        flatten, an attention over the whole map. Where branches meet, the window holds the windows of all of them;
        on a map that was enlarged, where pixels see windows of different sizes, it is the largest.
    stride
        How far the windows of neighbours lie apart.
    start
        Where the first pixel's window begins: negative where it begins in the padding.
    context
        Whether something that saw the whole map also joins in: the gate of squeeze-and-excitation, a pooled branch,
        the statistics of a group normalisation. Strictly each pixel then sees the whole image; ``size``, ``stride``
        and ``start`` are those of the other paths.
    """

    size: Number | tuple[Number, Number]
    stride: Number | tuple[Number, Number]
    start: Number | tuple[Number, Number]
    context: bool = False


@checked
def receptive_field(model: keras.Model, layer: str | None = None, size: int | None = None) -> ReceptiveField:
    """What one pixel of ``layer``'s output sees, or of the last map's: the last layer that does not see everything.

    Parameters
    ----------
    model
        Any functional or sequential model that takes one image.
    layer
        Name of a layer of the model.
    size
        Side of the image in pixels, for a model that takes any: "same" padding lies otherwise at another size.

    Raises
    ------
    ValueError
        When there is no such layer, or the graph holds one that there is no rule for.
    """
    fields = receptive_fields(model, size)
    if layer is None:
        return [field for field in fields.values() if field.size != inf][-1]
    if layer not in fields:
        raise ValueError(f"{model.name} has no layer {layer!r}. See receptive_fields(model) for all.")
    return fields[layer]


def receptive_fields(model: keras.Model, size: int | None = None) -> dict[str, ReceptiveField]:
    """The receptive field of every layer by its name, in order; of a layer that is used twice, the last use's."""
    fixed = with_fixed_size(model, size)
    named, _ = trace(fixed, View(PIXEL, PIXEL))
    return {name: field_of(view) for name, view in named.items()}


# -- one axis ---------------------------------------------------------------------------------------------------------


class Axis(NamedTuple):
    """The windows of a row of pixels, which repeat: pixel ``i + len(windows)`` sees ``advance`` pixels further on.

    One window is enough until a map is enlarged; then neighbours see alike, and it takes a few to say how.
    """

    windows: tuple[tuple[int, int], ...]  # first pixel and the one after the last
    advance: int

    def window(self, i: int) -> tuple[int, int]:
        turns, place = divmod(i, len(self.windows))
        first, end = self.windows[place]
        return first + turns * self.advance, end + turns * self.advance

    def through(self, sources: Callable[[int], Sequence[int]], out: int, taken: int) -> "Axis":
        """The axis after a layer of whose every ``out`` pixels the next ``out`` take ``taken`` pixels further on.

        ``sources(o)`` are the pixels of this axis that its pixel ``o`` takes.
        """
        turns = lcm(taken, len(self.windows)) // taken
        seen = [[self.window(i) for i in sources(o)] for o in range(turns * out)]
        windows = tuple((min(first for first, _ in s), max(end for _, end in s)) for s in seen)
        return Axis(windows, turns * taken * self.advance // len(self.windows))

    def repeated(self, times: int) -> "Axis":
        return Axis(tuple(self.window(i) for i in range(times * len(self.windows))), times * self.advance)


PIXEL = Axis(((0, 1),), 1)


def union(axes: Sequence[Axis]) -> Axis:
    """What a pixel sees that is made of one pixel of each of several maps."""
    period = lcm(*(len(axis.windows) for axis in axes))
    axes = [axis.repeated(period // len(axis.windows)) for axis in axes]
    pairs = zip(*(axis.windows for axis in axes), strict=True)
    return Axis(tuple((min(f for f, _ in p), max(e for _, e in p)) for p in pairs), max(a.advance for a in axes))


class View(NamedTuple):
    """What the pixels of a map see along its height and its width; no axes for what sees everything."""

    height: Axis | None
    width: Axis | None
    context: bool = False


EVERYTHING = View(None, None, context=True)


def field_of(view: View) -> ReceptiveField:
    if view.height is None or view.width is None:
        return ReceptiveField(inf, inf, -inf, context=True)
    axes = (view.height, view.width)
    return ReceptiveField(
        size=both(*(max(end - first for first, end in axis.windows) for axis in axes)),
        stride=both(*(whole(Fraction(axis.advance, len(axis.windows))) for axis in axes)),
        start=both(*(axis.windows[0][0] for axis in axes)),
        context=view.context,
    )


def both(height: Number, width: Number) -> Number | tuple[Number, Number]:
    return height if height == width else (height, width)


def whole(number: Fraction) -> Number:
    return number.numerator if number.denominator == 1 else number


# -- one layer --------------------------------------------------------------------------------------------------------

CONVOLUTIONS = (L.Conv2D, L.DepthwiseConv2D, L.SeparableConv2D)
POOLS = (L.MaxPooling2D, L.AveragePooling2D)
REACH = {"nearest": 0, "bilinear": 1, "bicubic": 2}  # pixels to each side that interpolation takes


def trace(model: keras.Model, image: View) -> tuple[dict[str, View], list[View]]:
    """What each layer's output sees, by its name, and what the model's outputs see, when its input sees ``image``."""
    first, *beside = model.inputs
    seen = {id(first): image, **{id(x): EVERYTHING for x in beside}}
    named = {}
    for call in Graph(model).calls:
        if call.inputs:
            views = step(call.operation, [seen[id(x)] for x in call.inputs], call.inputs, call.outputs)
            seen |= {id(x): view for x, view in zip(call.outputs, views, strict=True)}
        named[call.operation.name] = seen[id(call.outputs[0])]
    return named, [seen[id(x)] for x in model.outputs]


def step(op: Any, sources: list[View], inputs: list, outputs: list) -> list[View]:
    """What an operation's outputs see, from what its inputs see."""
    if isinstance(op, L.SpectralNormalization):
        op = op.layer
    if isinstance(op, L.CropLike | L.ResizeLike):  # of the second map they take the size alone
        sources, inputs = sources[:1], inputs[:1]
    if isinstance(op, keras.Model) and len(inputs) == 1:
        return trace(at_size(op, inputs[0].shape[1:]), sources[0])[1]
    wide = [(v, x) for v, x in zip(sources, inputs, strict=True) if v.height and not is_spread(x, inputs)]
    tokens = any(len(x.shape) == 3 for x in inputs)  # what is made of them sees all that they see
    if not wide or not is_map(outputs[0]) or is_global(op, wide[0][1], outputs[0]) or tokens:
        return [EVERYTHING] * len(outputs)
    others = [x for x in inputs if len(x.shape) > 1]  # a number or a row of them without a batch is no image's
    context = isinstance(op, L.GroupNormalization) or len(wide) < len(others) or any(view.context for view, _ in wide)
    rules = rules_of(op, wide[0][1], outputs[0])
    height = rules[0](union([view.height for view, _ in wide if view.height]))
    width = rules[1](union([view.width for view, _ in wide if view.width]))
    return [View(height, width, context)] * len(outputs)


def is_spread(tensor, others: list) -> bool:
    """Whether this is one pixel that meets every pixel of a larger map."""
    return tuple(tensor.shape[1:-1]) == (1, 1) and any(tuple(x.shape[1:-1]) != (1, 1) for x in others)


def is_map(tensor) -> bool:
    return len(tensor.shape) == 4


def is_global(op: Any, source, result) -> bool:
    """Whether ``op`` takes the whole map into every output."""
    kind = op.__class__.__name__
    if not is_map(source) or kind.startswith("Global") or "Attention" in kind:
        return True
    known = (*CONVOLUTIONS, *POOLS, L.Cropping2D)
    return tuple(result.shape[1:3]) == (1, 1) != tuple(source.shape[1:3]) and not isinstance(op, known)


def rules_of(op: Any, source, result) -> list[Callable[[Axis], Axis]]:
    """What ``op`` does to the windows along height and along width.

    A layer that Keras lacks says it itself, ``window = (size, stride, padding)``, unless it keeps every pixel in place.
    """
    sides = [(source.shape[axis], result.shape[axis]) for axis in (1, 2)]
    if getattr(op, "data_format", "channels_last") == "channels_first":
        raise ValueError(f"There is no rule for the receptive field of {op.name!r}, whose maps have channels first.")
    if hasattr(op, "window"):
        size, stride, padding = op.window
        return [slide(size, stride, 1, padding, *side) for side in sides]
    if isinstance(op, L.Conv2DTranspose):
        return [enlarge_by_kernel(op, axis, *side) for axis, side in enumerate(sides)]
    if isinstance(op, CONVOLUTIONS):
        return [slide(op.kernel_size[a], op.strides[a], op.dilation_rate[a], op.padding, *sides[a]) for a in (0, 1)]
    if isinstance(op, POOLS):
        return [slide(op.pool_size[a], op.strides[a], 1, op.padding, *sides[a]) for a in (0, 1)]
    if isinstance(op, L.ZeroPadding2D):
        return [shift(-before) for before, _ in op.padding]
    if isinstance(op, L.Cropping2D):
        return [shift(before) for before, _ in op.cropping]
    if isinstance(op, L.CropLike):
        return [shift(op.offset)] * 2
    if isinstance(op, L.UpSampling2D) and op.interpolation in REACH:
        return [resize(1, op.size[a], REACH[op.interpolation]) for a in (0, 1)]
    if isinstance(op, L.ResizeLike):
        return [resize(*side, REACH[op.interpolation]) for side in sides]
    if all(before == after for before, after in sides):
        return [lambda axis: axis] * 2
    raise ValueError(f"There is no rule for the receptive field of {op.__class__.__name__} {op.name!r}.")


def slide(kernel: int, stride: int, dilation: int, padding: str, before: int, after: int) -> Callable[[Axis], Axis]:
    """A window of ``kernel`` pixels that moves by ``stride``."""
    reach = (kernel - 1) * dilation
    padded = max((after - 1) * stride + reach + 1 - before, 0) // 2 if padding == "same" else 0
    return lambda axis: axis.through(lambda o: (o * stride - padded, o * stride - padded + reach), 1, stride)


def shift(pixels: int) -> Callable[[Axis], Axis]:
    return lambda axis: axis.through(lambda o: (o + pixels,), 1, 1)


def resize(before: int, after: int, reach: int) -> Callable[[Axis], Axis]:
    """Interpolation between the centres of pixels: of every ``before`` of them ``after`` are made."""
    ratio = Fraction(before, after)

    def sources(o: int) -> Sequence[int]:
        if not reach:
            return (floor(o * ratio),)
        centre = (o + Fraction(1, 2)) * ratio - Fraction(1, 2)
        return (int(centre),) * 2 if centre.denominator == 1 else (floor(centre) - reach + 1, floor(centre) + reach)

    return lambda axis: axis.through(sources, ratio.denominator, ratio.numerator)


def enlarge_by_kernel(op: Any, axis: int, before: int, after: int) -> Callable[[Axis], Axis]:
    """A transposed convolution: pixel i is written to ``i * stride - cut`` and the ``kernel - 1`` pixels after it."""
    kernel, stride, dilation = op.kernel_size[axis], op.strides[axis], op.dilation_rate[axis]
    full = (before - 1) * stride + (kernel - 1) * dilation + 1
    cut = max(full - after, 0) // 2 if op.padding == "same" else 0

    def sources(o: int) -> Sequence[int]:
        taps = [o + cut - t * dilation for t in range(kernel)]
        return [place // stride for place in taps if place % stride == 0] or [taps[0] // stride]

    return lambda windows: windows.through(sources, stride, 1)
