"""A model file that is ready to run, in whichever runtime, and what all runtimes do alike."""

import logging
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.files import is_special
from kerascnn.spec import PROPOSALS

BATCH = 16  # images at once, where a file takes any number
OUTPUT = "scores"  # what the output of a model is called that has one
LOGITS = "logits of {}"  # what those behind an output are called, where a model gives them too

Outputs = dict[str, np.ndarray]


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
        Maps one batch to its outputs, by name.
    steps
        By name, the distance between neighbouring values of the outputs that are quantised.
    types
        What the file itself takes, then what it gives: "float32", or integers, which are rounded to on the way in and
        scaled back on the way out. Outputs of one type count once.
    pixels
        Whether it takes plain pixels, 0 to 255, as one that was exported with ``pixels=True``.
    proposals
        How many boxes to be looked at the file takes with each image; 0: it takes images alone.
    given
        Boxes for every call, (N, M, 4); None: they come with the call.
    """

    path: Path
    format: str
    input_shape: tuple[int | None, ...]
    batch: int | None
    infer: Callable[..., Outputs]
    steps: Mapping[str, float] = field(default_factory=dict)
    types: tuple[str, ...] = ("float32", "float32")
    pixels: bool = False
    proposals: int = 0
    given: np.ndarray | None = None

    def __call__(self, images: np.ndarray, proposals: np.ndarray | None = None) -> Outputs:
        """Run the file.

        Parameters
        ----------
        images
            (N, H, W, C) float32, preprocessed as the file expects.
        proposals
            (N, M, 4) float32, boxes to be looked at: x1, y1, x2, y2 in pixels of the images, and zeros behind the last.
            Of more than the file takes, the first count; one that takes none does not heed them.

        Returns
        -------
        dict of np.ndarray
            (N, ...) float32 by name. A single output is called "scores", whatever the file calls it.

        Raises
        ------
        ValueError
            When the images have another shape or another dtype.
        RuntimeError
            When the file's runtime fails, as with a damaged file.
        """
        check_images(images, self.input_shape)
        size, rows = self.batch or BATCH, [images]
        if self.proposals:
            boxes: Any = self.given if proposals is None else proposals
            check_proposals(boxes, len(images), self.path)
            rows.append(as_many(boxes, self.proposals))
        parts = [self._few(*(each[start : start + size] for each in rows)) for start in range(0, len(images), size)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _few(self, *rows: np.ndarray) -> Outputs:
        """Run one batch; what is missing to a fixed one is filled up with its last image."""
        count = len(rows[0])
        missing = max(0, (self.batch or 0) - count)
        full = [np.pad(each, [(0, missing), *[(0, 0)] * (each.ndim - 1)], mode="edge") for each in rows]
        try:
            outputs = self.infer(*full)
        except Exception as error:  # each runtime has classes of its own
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise RuntimeError(f"{self.path} cannot be run on images of shape {full[0].shape}: {reason}") from error
        return {name: values[:count] for name, values in outputs.items()}


def latencies(runners: Sequence[Runner], *, repeats: int = 50) -> np.ndarray:
    """Milliseconds of a single image, or of a whole batch where a file takes no less, (files, repeats).

    In turns, because a machine that is slowed down for a second then slows all of them; in another order each time, and
    each after a run that is not timed, because a large network leaves the next one a cold cache.

    Raises
    ------
    ValueError
        When a file takes images of any size: the time depends on it.
    """
    random = np.random.default_rng(0)
    images = []
    for runner in runners:
        sizes = [size for size in runner.input_shape if size is not None]
        if len(sizes) < len(runner.input_shape):
            raise ValueError(
                f"{runner.path} takes images of any size, so it has no one latency. Build it for one size."
            )
        images.append([random.standard_normal((1, *sizes), dtype=np.float32)])
        if runner.proposals:
            images[-1].append(random_boxes(random, (1, runner.proposals), sizes[:2]))
        for _ in range(5):  # to warm the runtime up
            runner(*images[-1])
    times = np.empty((len(runners), repeats))
    for turn in range(repeats):
        for number in random.permutation(len(runners)):
            runners[number](*images[number])
            start = time.perf_counter()
            runners[number](*images[number])
            times[number, turn] = 1e3 * (time.perf_counter() - start)
    return times


def check_images(images: np.ndarray, shape: tuple[int | None, ...]) -> None:
    """Compare images with the (H, W, C) that a model takes.

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


def check_proposals(boxes: Any, images: int, model: Path | str) -> None:
    """Refuse what are no boxes of as many images. Raises ``ValueError``."""
    if boxes is None:
        raise ValueError(
            f"{model} looks at boxes that are given with each image, and none were: pass proposals, (N, M, 4) float32."
        )
    if not isinstance(boxes, np.ndarray) or boxes.ndim != 3 or boxes.shape[2] != 4 or len(boxes) != images:
        got = f"an array of shape {boxes.shape}" if isinstance(boxes, np.ndarray) else type(boxes).__name__
        raise ValueError(f"Expected proposals, (N, M, 4), of {images} images; got {got}.")


def as_many(boxes: np.ndarray, count: int) -> np.ndarray:
    """The first so many boxes of each image, (N, count, 4) float32, with zeros where there are fewer."""
    lacking = max(0, count - boxes.shape[1])
    return np.pad(boxes[:, :count], [(0, 0), (0, lacking), (0, 0)]).astype(np.float32, copy=False)


def random_boxes(random: np.random.Generator, shape: tuple[int, ...], size: Sequence[int]) -> np.ndarray:
    """Boxes of at least a pixel within images of a height and width, (*shape, 4) float32."""
    height, width = size
    ends = np.sort(random.uniform(0, 1, (*shape, 2, 2)), axis=-2) * [width - 1, height - 1]
    ends[..., 1, :] += 1
    return ends.reshape(*shape, 4).astype(np.float32)


def existing(path: str | os.PathLike) -> Path:
    """The path, when something is there.

    Raises
    ------
    FileNotFoundError
        When nothing is.
    ValueError
        When it is neither a file nor a folder.
    """
    path = Path(path)
    if is_special(path):
        raise ValueError(f"{path} is a pipe or a device. A model is a file, or the folder of a SavedModel.")
    if not path.exists():
        raise FileNotFoundError(f"There is no model file {path}.")
    return path


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what TensorFlow and its runtimes print while they work. What goes wrong comes as an exception.

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


@contextmanager
def reading(path: str | os.PathLike, kind: str) -> Iterator[None]:
    """Turn whatever a runtime raises about a file into the one error that names it."""
    try:
        yield
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path} is damaged, or is not {kind}: {reason}") from error


def inputs_of(named: Iterable[tuple[str, Any]]) -> list[Any]:
    """The input of images, and that of proposals where there is one behind it, of all inputs with their names."""
    found = list(named)
    beside = [x for name, x in found if len(found) > 1 and name.partition(":")[0].endswith(PROPOSALS)]
    images = [x for _, x in found if not any(x is other for other in beside)]
    if len(images) != 1:
        raise ValueError(f"it has {len(found)} inputs where one is expected.")
    return [*images, *beside]


def count_of(shapes: Sequence[Any]) -> int:
    """How many proposals an input takes, of the shapes of all inputs behind that of images; 0 where there is none."""
    for _, count, *rest in shapes:
        if not isinstance(count, int) or count < 1 or [*rest] != [4]:
            raise ValueError("it takes proposals of another shape than (N, count, 4), with a fixed count.")
        return count
    return 0


def named(names: Sequence[str]) -> list[str]:
    """What a file's outputs are called here, in the order of their names in the file."""
    if not names or len({*names}) < len(names):
        raise ValueError(f"its outputs need names that differ; they are {', '.join(names) or 'none'}.")
    return [OUTPUT] if len(names) == 1 else list(names)


def image_shape(shape: Sequence[Any]) -> tuple[int | None, tuple[int | None, ...]]:
    """Take a shape of any runtime apart: the batch, and (H, W, C). What is not fixed has a name, or None, or -1."""
    batch, *image = [int(size) if isinstance(size, int) and size > 0 else None for size in shape]
    if len(image) != 3:
        raise ValueError(f"it takes arrays of shape {tuple(shape)} where images, (1, H, W, C) or (N, H, W, C), go.")
    return batch, tuple(image)


def takes_pixels(dtype: str, step: float = 0.0) -> bool:
    """Whether an input of this type, and of this step where it is quantised, is plain pixels: bytes as they are."""
    return dtype in ("uint8", "int8") and step in (0, 1)


def typed(images: np.ndarray, dtype: str) -> np.ndarray:
    """Images in the type that a file takes, rounded where that is of integers."""
    return rounded(images, dtype) if "int" in dtype else images.astype(dtype, copy=False)


def rounded(values: np.ndarray, dtype: Any) -> np.ndarray:
    """Values as the nearest that an integer type holds."""
    limits = np.iinfo(dtype)
    return np.clip(np.round(values), limits.min, limits.max).astype(dtype)
