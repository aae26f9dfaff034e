"""Layers that stay float32 in a file of integers, by their Keras names."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from kerascnn.deploy.flatbuffer import graphs_in
from kerascnn.deploy.ranges import measured
from kerascnn.deploy.request import ENDING, ExportRequest
from kerascnn.deploy.tensor_names import layers_in, output_operations, owners_of
from kerascnn.deploy.verification import ExportError
from kerascnn.errors import suggest
from kerascnn.graph.fake_quantised import is_fake_quantised

if TYPE_CHECKING:
    import keras


def check_float_layers(
    model: "keras.Model", patterns: Sequence[str], format: str, types: tuple[str, str]
) -> frozenset[str]:
    """The names of layers, those of inner models too, that match a shell pattern.

    Raises
    ------
    ValueError
        When a pattern matches none, or layers cannot stay float in such a file.
    """
    if patterns and (format != "tflite-int8" or types[0] != "int8"):
        way = "Pass io='int8' (--io int8); pixels then go in minus 128." if format == "tflite-int8" else ""
        raise ValueError(
            f"float_layers go with tflite-int8 and io='int8'; this is {format} of {types[0]}. {way}".rstrip()
        )
    if patterns and is_fake_quantised(model):
        raise ValueError(f"Model {model.name!r} was tuned for integers throughout: none of its layers can stay float.")
    names = layer_names(model)
    chosen: set[str] = set()
    for pattern in patterns:
        matching = {name for name in names if fnmatchcase(name, pattern)}
        if not matching:
            raise ValueError(f"No layer of {model.name!r} is named {pattern!r}. {suggest(pattern, names)}".rstrip())
        chosen |= matching
    return frozenset(chosen)


def layer_names(model: "keras.Model") -> dict[str, set[str]]:
    """The names of all layers, those of inner models too, and of the layers inside each."""
    names: dict[str, set[str]] = {}
    for layer in model._flatten_layers(include_self=False):
        inside = {each.name for each in layer._flatten_layers(include_self=False, recursive=False)}
        names[layer.name] = names.get(layer.name, set()) | inside
    return names


def source_layers(request: ExportRequest) -> Callable[[Iterable[str]], tuple[str, ...]]:
    """A function from names of tensors to the layers of the request's source that they, or parts of them, come of."""
    source = request.source or request.model
    known = layer_names(source)
    converted = layer_names(request.model) | known
    owners = owners_of(converted, known)

    def layers_of(names: Iterable[str]) -> tuple[str, ...]:
        found = [owners.get(name, name) for name in layers_in(names, converted, source.name)]
        return tuple(name for name in dict.fromkeys(found) if name in known)

    return layers_of


def quantiser(converter: Any, request: ExportRequest) -> Callable[[Collection[str]], bytes]:
    """A function from names of layers to the file in which all is quantised but the operators that came of these.

    What a file makes of its outputs stays float too. Where both meet, they are converted. The ranges are measured once.
    It raises ``ExportError`` when no operator came of the layers: they are merged into others, or do nothing at
    inference.
    """
    from tensorflow.lite.python.convert import deduplicate_readonly_buffers, mlir_quantize

    content = measured(converter)
    types = {"input_data_type": converter.inference_input_type, "output_data_type": converter.inference_output_type}

    def quantised(layers: Collection[str]) -> bytes:
        nodes = list(outputs_of(content, request, layers)) if layers else []
        if layers and not nodes:
            raise ExportError(f"no operator comes of the layers that shall stay float, {', '.join(layers)}")
        nodes += outputs_of_ending(content) if request.ending else []
        return deduplicate_readonly_buffers(mlir_quantize(content, **types, denylisted_nodes=nodes))

    return quantised


def outputs_of(content: bytes, request: ExportRequest, kept: Collection[str]) -> Iterator[str]:
    """Names of the tensors that come out of the operators that were made of some layers of the request's source.

    An operator is named after its output, or else after its constants, which equal ones of several layers may share.
    An output of the graph has a name of its own; it comes of a last layer.
    """
    graph = graphs_in(content)[0]
    operations = output_operations(request.source or request.model)
    last = (
        {}
        if request.ending
        else {
            output.name: last_layer(operation).name for output, operation in zip(graph.outputs, operations, strict=True)
        }
    )
    layers_of = source_layers(request)
    for operator in graph.operators:
        name = operator.outputs[0].name
        named = (layers_of(names) for names in ([name], operator.constants))
        sources = {*next(filter(None, named), ()), last.get(name)}
        if sources.intersection(kept):
            yield name


def outputs_of_ending(content: bytes) -> list[str]:
    """Names of the tensors that come out of the operators of what a file makes of its outputs."""
    graph = graphs_in(content)[0]
    last = {output.name for output in graph.outputs}
    names = (output.name for operator in graph.operators for output in operator.outputs)
    return [name for name in names if name in last or name.startswith(f"{ENDING}/")]


def last_layer(operation: Any) -> Any:
    """The layer that makes an output, of an inner model where one does."""
    import keras

    return last_layer(output_operations(operation)[0]) if isinstance(operation, keras.Model) else operation
