"""What an exported file computes on the way, by the names of the Keras layers that it was made of."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.deploy.flatbuffer import Graph as FileGraph
from kerascnn.deploy.flatbuffer import read_graphs
from kerascnn.deploy.operators import precision
from kerascnn.deploy.pixels import from_pixels, to_pixels
from kerascnn.deploy.tensor_names import counted, layers_in, output_operations, owners_of
from kerascnn.errors import need
from kerascnn.graph.decompose import ACTIVATION
from kerascnn.graph.fold import pairs
from kerascnn.graph.graph import Graph
from kerascnn.runtime import dequantised, existing, onnx_dtype, quantised, quiet, reading, takes_pixels, typed
from kerascnn.spec import Preprocess

if TYPE_CHECKING:
    import keras


# What a format of ``export`` computes in.
PRECISIONS = {
    "tflite": "float32",
    "tflite-fp16": "float16",
    "tflite-dynamic": "dynamic",
    "tflite-int8": "int8",
    "tflite-int16x8": "int16x8",
}


@dataclass(frozen=True)
class Activations:
    """A file that shows what it computes on the way.

    Parameters
    ----------
    precision
        "float32", "float16", "dynamic", "int8" or "int16x8".
    layers
        Those whose output a tensor of the file holds, in the order of the network, the image's first.
    run
        One image, (1, H, W, C) float32, to the output of each of these layers, float32.
    pixels
        Whether the file itself takes plain pixels, 0 to 255.
    seen
        Images to what the file can be given of them: nearest pixels, where it takes those.
    """

    precision: str
    layers: tuple[str, ...]
    run: Callable[[np.ndarray], dict[str, np.ndarray]]
    pixels: bool
    seen: Callable[[np.ndarray], np.ndarray] = lambda images: images


def open_activations(path: Path, model: "keras.Model", how: Preprocess | None) -> Activations:
    """Open a ``.tflite`` or ``.onnx`` file that was made of ``model``.

    Parameters
    ----------
    how
        How a file of pixels normalises them; None where the model takes pixels too.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is of another kind, damaged, takes other images, or none of its tensors is named after a layer.
    ImportError
        When the runtime of the file is not installed.
    """
    path = existing(path)
    if path.suffix not in OPENERS:
        raise ValueError(f"{path} does not show what it computes on the way: expected a .tflite or an .onnx file.")
    try:
        found = OPENERS[path.suffix](path, model)
    except RuntimeError as error:
        raise ValueError(f"The runtime of {path} does not take it: {str(error).splitlines()[0]}") from error
    if len(found.layers) < 0.2 * len(single_outputs(model)):
        raise ValueError(
            f"The tensors of {path} are not named after the layers of {model.name!r}. Was it made of another model?"
        )
    if not found.pixels:
        return found
    _, size, _, channels = model.inputs[0].shape
    return of_pixels(found, how or Preprocess(size=size, mean=(0.0,) * channels, std=(1 / 255,) * channels))


def of_pixels(file: Activations, how: Preprocess) -> Activations:
    """A file of pixels as one of the images that they normalise to."""
    first = file.layers[0]

    def run(images: np.ndarray) -> dict[str, np.ndarray]:
        values = file.run(to_pixels(images, how))
        return values | {first: from_pixels(values[first], how)}

    return replace(file, run=run, seen=lambda images: from_pixels(to_pixels(images, how), how))


def single_outputs(model: "keras.Model") -> dict[str, tuple[int, ...]]:
    """(1, ...) shape of what each layer gives, in the order of the network; of those used once and with one output."""
    graph = Graph(model)
    return {
        call.operation.name: (1, *call.outputs[0].shape[1:])
        for call in graph.calls
        if len(call.outputs) == 1 and graph.uses[call.operation] == 1 and hasattr(call.outputs[0], "shape")
    }


def placed(
    outputs: Iterable[tuple[Any, Sequence[str]]], model: "keras.Model", shapes: dict[str, tuple[int, ...]]
) -> dict[str, Any]:
    """The tensor that holds each layer's output.

    A tensor holds the output of the last of the layers that it is named after, unless a later one is named after that
    layer too: then the layer was several operations, and this was not the last. One that is named after a convolution
    whose batch norm is named nowhere holds the output of that batch norm, which was folded before.

    Parameters
    ----------
    outputs
        Tensors in the order in which they are computed, with the layers that each is named after.
    """
    found: dict[str, Any] = {}
    named: set[str] = set()
    for tensor, layers in outputs:
        named.update(layers)
        for layer in layers:
            found.pop(layer, None)
        if layers:
            found[layers[-1]] = tensor
    for layer, bn in pairs(Graph(model))[0].items():
        if layer in found and bn.name in shapes and bn.name not in named:
            found[bn.name] = found.pop(layer)
    return found


def open_tflite(path: Path, model: "keras.Model") -> Activations:
    litert = need("ai_edge_litert.interpreter", "litert", "Running a .tflite file")
    shapes = single_outputs(model)
    graph = read_graphs(path)[0]
    with reading(path, "a TensorFlow Lite model"), quiet():
        interpreter = litert.Interpreter(
            str(path),
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        interpreter.allocate_tensors()
    details = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    image = interpreter.get_input_details()[0]
    check_image(path, tuple(image["shape"].tolist()), model)
    tensors = {next(iter(shapes)): image["index"], **placed(tflite_outputs(graph, model, shapes), model, shapes)}
    tensors = {layer: i for layer, i in tensors.items() if i in details and alike(details[i]["shape"], shapes[layer])}

    def run(images: np.ndarray) -> dict[str, np.ndarray]:
        interpreter.set_tensor(image["index"], quantised(images, image))
        interpreter.invoke()
        return {
            layer: dequantised(interpreter.get_tensor(index), details[index]).reshape(shapes[layer])
            for layer, index in tensors.items()
        }

    pixels = takes_pixels(image["dtype"].__name__, image["quantization"][0])
    return Activations(PRECISIONS[precision(path)], tuple(layer for layer in shapes if layer in tensors), run, pixels)


def layers_after(names: Iterable[str], model: "keras.Model", shapes: Iterable[str]) -> tuple[str, ...]:
    """Those of some layers of the model's own graph that tensors are named after; none of a part of a layer's work."""
    known = dict.fromkeys(shapes, ())
    words = {counted(word, known) for name in names for word in re.split("[/:;]", name)}
    if any(not part.endswith(ACTIVATION) for part in owners_of(words, known)):
        return ()
    return layers_in(names, known, model.name)


def tflite_outputs(
    graph: FileGraph, model: "keras.Model", shapes: Collection[str]
) -> Iterator[tuple[int, Sequence[str]]]:
    """What each operator gives, and the layers after which it is named, or else its constants."""
    # of another model's file there may be more outputs, or none
    last = {output.index: each.name for output, each in zip(graph.outputs, output_operations(model), strict=False)}
    for operator in graph.operators:
        output = operator.outputs[0]
        if output.index in last:
            yield output.index, [layer for layer in [last[output.index]] if layer in shapes]
        else:
            named = (layers_after(names, model, shapes) for names in ([output.name], operator.constants))
            yield output.index, next(filter(None, named), ())


def check_image(path: Path, shape: tuple[Any, ...], model: "keras.Model") -> None:
    want = (1, *model.inputs[0].shape[1:])
    if shape != want:
        raise ValueError(
            f"{path} takes images of shape {shape}; layers are compared on one image, {want}, at a time. "
            f"Export it with batch=1."
        )


def alike(shape: Iterable[int], other: Iterable[int]) -> bool:
    """Whether two shapes are the same but for sides of one."""
    return [int(side) for side in shape if side != 1] == [side for side in other if side != 1]


def open_onnx(path: Path, model: "keras.Model") -> Activations:
    onnx = need("onnx", "onnx", "Reading an .onnx file")
    runtime = need("onnxruntime", "onnx", "Running an .onnx file")
    with reading(path, "an ONNX model"):
        proto = onnx.shape_inference.infer_shapes(onnx.load(path))
    known = {info.name: info for info in (*proto.graph.value_info, *proto.graph.output)}
    shapes = single_outputs(model)
    tensors = {
        layer: name
        for layer, name in placed(onnx_outputs(proto.graph, model, shapes), model, shapes).items()
        if name in known and ways(onnx_shape(known[name]), shapes[layer])
    }
    there = {output.name for output in proto.graph.output}
    proto.graph.output.extend(known[name] for name in tensors.values() if name not in there)
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    with reading(path, "an ONNX model"):
        session = runtime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    first, image = next(iter(shapes)), session.get_inputs()[0]
    dtype = onnx_dtype(image.type)
    check_image(path, tuple(image.shape), model)

    def run(images: np.ndarray) -> dict[str, np.ndarray]:
        values = session.run(list(tensors.values()), {image.name: typed(images, dtype)})
        return {first: images} | dict(zip(tensors, values, strict=True))

    layers = tuple(layer for layer in shapes if layer == first or layer in tensors)
    return Activations("float32", layers, run, takes_pixels(dtype))


def onnx_outputs(graph: Any, model: "keras.Model", shapes: Collection[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """What each node gives, and the layers after which it or its constants, which batch norms became, are named."""
    last = {output.name: each.name for output, each in zip(graph.output, output_operations(model), strict=False)}
    constants = {each.name for each in graph.initializer}
    for node in graph.node:
        output, own = node.output[0], [name for name in node.input if name in constants]
        if node.op_type in ("Transpose", "Squeeze", "Unsqueeze", "Identity"):
            continue  # moves what another node computed
        if output in last:
            yield output, [layer for layer in [last[output]] if layer in shapes]
        else:
            yield output, layers_after([output, *own], model, shapes)


def onnx_shape(info: Any) -> tuple[int, ...]:
    return tuple(side.dim_value for side in info.type.tensor_type.shape.dim)


def ways(shape: tuple[int, ...], want: tuple[int, ...]) -> list[tuple[int, ...]]:
    """How the axes of a tensor may have to be moved to be those of a layer's output: ONNX has channels first."""
    ways = [tuple(range(len(shape)))] if shape == want else []
    if len(shape) == 4 and (shape[0], *shape[2:], shape[1]) == want:
        ways.append((0, 2, 3, 1))
    return ways or ([()] if alike(shape, want) else [])


def as_layer(value: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """A tensor of a file with the axes of the layer's own output; where two ways fit, the one that is nearer to it."""
    moved = [
        value.transpose(way) if way else value.reshape(reference.shape) for way in ways(value.shape, reference.shape)
    ]
    return min(moved, key=lambda each: float(np.sum((each - reference) ** 2)))


OPENERS: dict[str, Callable[[Path, "keras.Model"], Activations]] = {".tflite": open_tflite, ".onnx": open_onnx}
