"""Model files, run in the runtime they are made for: what a phone or a server computes, computed here."""

import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn import layers
from kerascnn.errors import need
from kerascnn.runtime import flex

if TYPE_CHECKING:
    import keras

sys.setrecursionlimit(max(sys.getrecursionlimit(), 20_000))  # Keras walks a graph with a frame for each layer in line
BATCH = 16  # images at once, where a file takes any number


@dataclass(frozen=True)
class Runner:
    """A model file that is ready to run: call it with images.

    Parameters
    ----------
    path
        The file, or the folder of a SavedModel.
    format
        "keras", "tflite", "onnx" or "saved_model".
    input_shape
        (H, W, C) of an image; H and W are None where any size goes.
    batch
        How many images the file takes at a time, mostly 1; None for any number.
    infer
        Maps one batch to its outputs.
    output_step
        Distance between neighbouring values of a quantised output, 0 for a float one.
    types
        What the file itself takes and gives: "float32", or integers, which are rounded to on the way in and scaled
        back on the way out.
    pixels
        Whether it takes plain pixels, 0 to 255, as one that was exported with ``pixels=True``.
    """

    path: Path
    format: str
    input_shape: tuple[int | None, ...]
    batch: int | None
    infer: Callable[[np.ndarray], np.ndarray]
    output_step: float = 0.0
    types: tuple[str, str] = ("float32", "float32")
    pixels: bool = False

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Run the file.

        Parameters
        ----------
        images
            (N, H, W, C) float32, preprocessed as the file expects.

        Returns
        -------
        np.ndarray
            (N, classes) float32.

        Raises
        ------
        ValueError
            When the images have another shape or another dtype.
        """
        check_images(images, self.input_shape)
        size = self.batch or BATCH
        return np.concatenate([self._few(images[start : start + size]) for start in range(0, len(images), size)])

    def _few(self, images: np.ndarray) -> np.ndarray:
        """Run one batch; what is missing to a fixed one is filled up with its last image."""
        missing = max(0, (self.batch or 0) - len(images))
        return self.infer(np.pad(images, [(0, missing), (0, 0), (0, 0), (0, 0)], mode="edge"))[: len(images)]


def open_model(path: str | os.PathLike, *, threads: int | None = None) -> Runner:
    """Open a ``.keras``, ``.tflite`` or ``.onnx`` file, or the folder of a SavedModel, to run it.

    TensorFlow's own operators in a ``.tflite`` file, called Flex, run in TensorFlow, and the others in LiteRT.

    Parameters
    ----------
    threads
        CPU threads of a ``.tflite`` or ``.onnx`` file; None leaves the number to its runtime.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is of an unknown kind, damaged, or takes anything but images; or when ``threads`` cannot be set.
    ImportError
        When the runtime of the file is not installed.
    """
    path = existing(path)
    if path.suffix in _THREADED and path.is_file():
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be 1 or more, got {threads}.")
        return _THREADED[path.suffix](path, threads)
    if threads is not None:
        raise ValueError(f"threads goes with {' and '.join(_THREADED)} files; {path} runs on TensorFlow's own threads.")
    if path.is_dir():
        return _saved_model(path)
    if path.suffix == ".keras":
        return keras_runner(load_keras(path), path)
    known = ", ".join([".keras", *_THREADED])
    raise ValueError(f"{path} is of no known kind. A model is a file that ends in {known}, or a SavedModel folder.")


def latency(runner: Runner, *, repeats: int = 30) -> float:
    """Median time of a single image in milliseconds, or of a whole batch where the file takes no less.

    Five runs come before, to warm the runtime up.

    Raises
    ------
    ValueError
        When the file takes images of any size: the time depends on it.
    """
    sizes = [size for size in runner.input_shape if size is not None]
    if len(sizes) < len(runner.input_shape):
        raise ValueError(f"{runner.path} takes images of any size, so it has no one latency. Build it for one size.")
    image = np.random.default_rng(0).standard_normal((1, *sizes), dtype=np.float32)
    for _ in range(5):
        runner(image)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        runner(image)
        seconds.append(time.perf_counter() - start)
    return 1e3 * median(seconds)


def check_images(images: np.ndarray, shape: tuple[int | None, ...]) -> None:
    """Hold images against the (H, W, C) that a model takes.

    Raises
    ------
    ValueError
        Saying what was expected and what came.
    """
    if (
        not isinstance(images, np.ndarray)
        or images.dtype != np.float32
        or images.ndim != 4
        or not len(images)
        or any(want not in (None, got) for want, got in zip(shape, images.shape[1:], strict=True))
    ):
        got = f"{images.dtype} of shape {images.shape}" if isinstance(images, np.ndarray) else type(images).__name__
        want = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(f"Expected preprocessed images, a float32 array of shape (N, {want}); got {got}.")


def existing(path: str | os.PathLike) -> Path:
    """The path, when something is there.

    Raises
    ------
    FileNotFoundError
        When nothing is.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no model file {path}.")
    return path


def load_keras(path: str | os.PathLike) -> "keras.Model":
    """Read a ``.keras`` file, without its optimizer.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is not a Keras model.
    """
    import keras

    for name in layers.OURS:  # a file names the layers of the house, and Keras knows those it has seen
        getattr(layers, name)
    path = existing(path)
    if path.suffix in _THREADED or path.is_dir():
        raise ValueError(f"Expected a .keras file, got {path}.")
    with reading(path, "a Keras model"):
        model: Any = keras.models.load_model(path, compile=False)
    return model


def keras_runner(model: "keras.Model", path: str | os.PathLike) -> Runner:
    """Run a model that is in memory, in inference mode, as if it had been read from ``path``."""
    import tensorflow as tf

    with reading(path, "a classifier of images"):
        _only(model.outputs, "outputs")
        batch, shape = _image(_only(model.inputs, "inputs").shape)
    signature = [tf.TensorSpec((batch, *shape), tf.float32)]
    graph = tf.function(lambda images: model(images, training=False), input_signature=signature).get_concrete_function()
    return Runner(Path(path), "keras", shape, batch, lambda images: np.asarray(graph(tf.constant(images)), np.float32))


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what TensorFlow and its runtimes say while they work. What goes wrong comes as an exception.

    Standard error is that of the whole process, so this is for short blocks in one thread.
    """
    level, terminal = logging.root.manager.disable, os.dup(2)
    with open(os.devnull, "wb") as nowhere, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        os.dup2(nowhere.fileno(), 2)  # native code writes past sys.stderr
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            logging.disable(level)


def _tflite(path: Path, threads: int | None) -> Runner:
    litert = need("ai_edge_litert.interpreter", "litert", "Running a .tflite file")
    with reading(path, "a TensorFlow Lite model"), quiet():
        interpreter = litert.Interpreter(model_path=str(path), num_threads=threads)
        image = _only(interpreter.get_input_details(), "inputs")
        scores = _only(interpreter.get_output_details(), "outputs")
        batch, shape = _image(image["shape_signature"].tolist())
        if flex.holds_flex(interpreter):
            steps = list(flex.steps(path, threads))
        else:
            steps = [flex.litert_step(interpreter, [image["index"]], [scores["index"]])]

    def infer(images: np.ndarray) -> np.ndarray:
        values = {image["index"]: quantised(images, image)}
        for step in steps:
            values |= step(values)
        return dequantised(values[scores["index"]], scores)

    types = image["dtype"].__name__, scores["dtype"].__name__
    pixels = takes_pixels(types[0], image["quantization"][0])
    return Runner(path, "tflite", shape, batch, infer, scores["quantization"][0], types, pixels)


def takes_pixels(dtype: str, step: float = 0.0) -> bool:
    """Whether an input of this type, and of this step where it is quantised, is plain pixels: bytes as they are."""
    return dtype in ("uint8", "int8") and step in (0, 1)


def quantised(values: np.ndarray, tensor: dict[str, Any]) -> np.ndarray:
    """Values as a tensor of a ``.tflite`` file holds them, by its details."""
    if tensor["dtype"] == np.float32:
        return values
    scale, zero_point = tensor["quantization"]
    return _rounded(values / (scale or 1) + zero_point, tensor["dtype"])


def _rounded(values: np.ndarray, dtype: Any) -> np.ndarray:
    limits = np.iinfo(dtype)
    return np.clip(np.round(values), limits.min, limits.max).astype(dtype)


def dequantised(values: np.ndarray, tensor: dict[str, Any]) -> np.ndarray:
    """What a tensor of a ``.tflite`` file stands for, float32."""
    scale, zero_point = tensor["quantization"]
    values = values.astype(np.float32, copy=False)
    return (values - zero_point) * np.float32(scale) if scale else values


def _onnx(path: Path, threads: int | None) -> Runner:
    runtime = need("onnxruntime", "onnx", "Running an .onnx file")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or 0  # 0: as many as there are cores
    options.log_severity_level = 4  # what is wrong comes as an exception
    with reading(path, "an ONNX model"):
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        image, scores = _only(session.get_inputs(), "inputs"), _only(session.get_outputs(), "outputs")
        batch, shape = _image(image.shape)
        types = onnx_dtype(image.type), onnx_dtype(scores.type)

    def infer(images: np.ndarray) -> np.ndarray:
        return session.run([scores.name], {image.name: typed(images, types[0])})[0]

    return Runner(path, "onnx", shape, batch, infer, types=types, pixels=takes_pixels(types[0]))


def onnx_dtype(onnx: str) -> str:
    """NumPy's name of a type that onnxruntime writes as "tensor(float)"."""
    name = onnx.removeprefix("tensor(").removesuffix(")")
    return {"float": "float32", "double": "float64"}.get(name, name)


def typed(images: np.ndarray, dtype: str) -> np.ndarray:
    """Images in the type that a file takes, rounded where that is of integers."""
    return _rounded(images, dtype) if "int" in dtype else images.astype(dtype, copy=False)


def _saved_model(path: Path) -> Runner:
    import tensorflow as tf

    with reading(path, "a SavedModel"), quiet():
        loaded = tf.saved_model.load(str(path))
        serve = loaded.signatures["serving_default"]
        name, image = _only(serve.structured_input_signature[1].items(), "inputs")
        output = _only(serve.structured_outputs, "outputs")
        batch, shape = _image(image.shape)

    def infer(images: np.ndarray) -> np.ndarray:
        # Through ``loaded``, which holds the weights: a signature alone lets go of them.
        return loaded.signatures["serving_default"](**{name: tf.constant(typed(images, types[0]))})[output].numpy()

    types = image.dtype.name, serve.structured_outputs[output].dtype.name
    return Runner(path, "saved_model", shape, batch, infer, types=types, pixels=takes_pixels(types[0]))


_THREADED: dict[str, Callable[[Path, int | None], Runner]] = {".tflite": _tflite, ".onnx": _onnx}


@contextmanager
def reading(path: str | os.PathLike, kind: str) -> Iterator[None]:
    """Turn whatever a runtime raises about a file into the one error that names it."""
    try:
        yield
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path} is damaged, or is not {kind}: {reason}") from error


def _only(things: Any, what: str) -> Any:
    things = list(things)
    if len(things) != 1:
        raise ValueError(f"it has {len(things)} {what} where one is expected.")
    return things[0]


def _image(shape: Sequence[Any]) -> tuple[int | None, tuple[int | None, ...]]:
    """Take a shape of any runtime apart: the batch, and (H, W, C). What is not fixed has a name, or None, or -1."""
    batch, *image = [int(size) if isinstance(size, int) and size > 0 else None for size in shape]
    if len(image) != 3:
        raise ValueError(f"it takes arrays of shape {tuple(shape)} where images, (1, H, W, C) or (N, H, W, C), go.")
    return batch, tuple(image)
