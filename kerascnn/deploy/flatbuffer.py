"""What stands in a .tflite file: operators in the order they run, with their tensors and options.

Read from the file itself, for an interpreter shows what its delegates made of it. The schema is LiteRT's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.errors import need


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of a graph.

    Parameters
    ----------
    index, name
        Its number and name in the graph.
    shape
        Sizes; -1 where the file leaves one open.
    dtype
        As numpy spells it: "int8", "float32".
    scales
        Of quantised values: one, or one for each channel; empty where values stand for themselves.
    constant
        Whether the file holds its values.
    value
        These values, where numpy has the type; None otherwise.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    constant: bool
    value: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Operator:
    """One operator of a graph.

    Parameters
    ----------
    index
        Its place in the order of execution.
    kind
        The schema's name: "CONV_2D"; "CUSTOM" for one that is not built in.
    version
        Of its definition: newer features of an operator have higher ones, and an older runtime refuses them.
    inputs, outputs
        Tensors; None for an input that is left out.
    options
        By the schema's names: ``{"strideW": 2, ...}``.
    custom
        Name of a custom operator.
    """

    index: int
    kind: str
    version: int
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: dict[str, Any] = field(default_factory=dict)
    custom: str = ""

    @property
    def constants(self) -> list[str]:
        """The names of the inputs whose values the file holds."""
        return [tensor.name for tensor in self.inputs if tensor is not None and tensor.constant]

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Inputs that are there, then outputs."""
        return tuple(tensor for tensor in (*self.inputs, *self.outputs) if tensor is not None)


@dataclass(frozen=True, eq=False)
class Graph:
    """One graph of a file; most files have one."""

    operators: tuple[Operator, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def read_graphs(path: Path) -> tuple[Graph, ...]:
    """Read a .tflite file.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is no TensorFlow Lite file, is damaged, or holds no graph.
    ImportError
        When LiteRT is not installed.
    """
    content = path.read_bytes()
    if content[4:8] != b"TFL3":
        raise ValueError(f"{path} is damaged, or is not a TensorFlow Lite model: it does not begin like one.")
    try:
        graphs = graphs_in(content)
    except ImportError:
        raise
    except Exception as error:  # of many classes: the reader follows whatever offsets and numbers it finds
        raise ValueError(f"{path} is damaged, or is not a TensorFlow Lite model: {error!r}") from error
    if not graphs:
        raise ValueError(f"{path} is damaged, or is not a TensorFlow Lite model: it holds no graph.")
    return graphs


def graphs_in(content: bytes) -> tuple[Graph, ...]:
    """The graphs of a sound .tflite file, by its content."""
    schema = need("ai_edge_litert.schema_py_generated", "litert", "Reading a .tflite file")
    model = schema.ModelT.InitFromPackedBuf(content)
    kinds = _names(schema.BuiltinOperator)
    # Codes below 127 may stand in either field, later ones only in the wider.
    codes = [
        (kinds[max(code.builtinCode, code.deprecatedBuiltinCode)], code.version, _text(code.customCode))
        for code in model.operatorCodes or []
    ]
    return tuple(_graph(graph, codes, model.buffers, _names(schema.TensorType)) for graph in model.subgraphs or [])


def _graph(raw: Any, codes: list[tuple[str, int, str]], buffers: list[Any], dtypes: dict[int, str]) -> Graph:
    tensors = {index: _tensor(index, tensor, buffers, dtypes) for index, tensor in enumerate(raw.tensors)}
    optional = tensors | {-1: None}

    def those(indices: Any, among: Mapping[int, Any] = tensors) -> tuple[Any, ...]:
        return tuple(among[index] for index in ([] if indices is None else indices))

    operators = []
    for index, operator in enumerate(raw.operators or []):
        kind, version, custom = codes[operator.opcodeIndex]
        options = operator.builtinOptions or operator.builtinOptions2
        operators.append(
            Operator(
                index=index,
                kind=kind,
                version=version,
                inputs=those(operator.inputs, optional),
                outputs=those(operator.outputs),
                options=vars(options) if options else {},
                custom=custom,
            )
        )
    return Graph(tuple(operators), those(raw.inputs), those(raw.outputs))


def _tensor(index: int, raw: Any, buffers: list[Any], dtypes: dict[int, str]) -> Tensor:
    sizes = raw.shape if raw.shapeSignature is None else raw.shapeSignature
    shape = tuple(int(size) for size in ([] if sizes is None else sizes))
    dtype, data = dtypes[raw.type].lower(), buffers[raw.buffer].data
    scales = raw.quantization.scale if raw.quantization is not None else None
    return Tensor(
        index=index,
        name=_text(raw.name),
        shape=shape,
        dtype=dtype,
        scales=tuple(float(scale) for scale in ([] if scales is None else scales)),
        constant=data is not None and len(data) > 0,
        value=_value(data, dtype, shape),
    )


def _value(data: Any, dtype: str, shape: tuple[int, ...]) -> np.ndarray | None:
    if data is None or not len(data) or not hasattr(np, dtype):
        return None
    values = np.frombuffer(np.asarray(data, np.uint8), dtype)
    return values.reshape(shape) if values.size == np.prod(shape) else None


def _names(enumeration: Any) -> dict[int, str]:
    return {code: name for name, code in vars(enumeration).items() if isinstance(code, int)}


def _text(raw: Any) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw or ""
