"""A recipe: everything that decides a training, as records that a file can hold and a command line change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from kerascnn.catalogue import find
from kerascnn.data import Data
from kerascnn.errors import suggest
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Preprocess, Row, expect, is_number
from kerascnn.training.recipe.checks import need_augmentations, need_kind, need_number, need_one_of
from kerascnn.training.recipe.dotted import changed
from kerascnn.training.recipe.lengths import Epochs, Steps
from kerascnn.training.recipe.optimizers import Optimizer
from kerascnn.training.recipe.schedules import Cosine, Schedule

DECIDED = ("name", "size", "channels", "classes")  # fields of a row that give way to the recipe and the data


@dataclass(frozen=True)
class Model:
    """The network that is trained, as it stands before the first step.

    Parameters
    ----------
    name
        Name of the network in the catalogue, or a row, which need not stand there: ``scale("efficientnet_b0", 0.5)``.
    weights
        A tag or a file of weights to begin with, as the builders take them; a classifier for other classes starts
        from random weights. None: all start from random weights.
    fields
        Fields of the row to change, such as ``{"drop_path": 0.1}``.
    zero_gamma
        Whether residual blocks begin as their shortcuts: the last batch norm of every branch starts with a scale of 0.
    tiny
        Whether the network is cut down to what fits a unit test, its row's ``tiny``: to try a recipe out.
    """

    name: str | Architecture
    weights: str | None = field(default=None, kw_only=True)
    fields: Mapping[str, Any] = field(default_factory=dict, kw_only=True, hash=False)
    zero_gamma: bool = field(default=False, kw_only=True)
    tiny: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        need_kind(self, "name", str, Row)
        need_kind(self, "weights", str, type(None))
        need_kind(self, "fields", Mapping)
        need_kind(self, "zero_gamma", bool)
        need_kind(self, "tiny", bool)
        if self.weights and self.zero_gamma:
            raise ValueError("Model: zero_gamma would spoil the weights; leave out one of the two.")

    def row(self) -> Architecture:
        """The row that is trained; an unknown network or field is refused, and another kind of number in one."""
        row = find(self.name) if isinstance(self.name, str) else self.name
        for name, value in self.fields.items():
            check_field(row, name, value)
        row = row.replace(**self.fields) if self.fields else row
        return row.replace(**row.tiny) if self.tiny else row


def check_field(row: Architecture, name: str, value: Any) -> None:
    """Refuse a field that a row has not, and another kind of number than it has."""
    known = {each.name: getattr(row, each.name) for each in fields(row) if each.name not in DECIDED}
    if name not in known:
        raise ValueError(f"{row.name} has no field {name!r}. {suggest(name, known)}")
    if is_number(known[name]):
        whole = isinstance(known[name], int)
        fits = is_number(value) and (isinstance(value, int) or not whole)
        expect(fits, f"{name} of {row.name}", value, f"a {'whole ' * whole}number, as in {known[name]!r}")


@dataclass(frozen=True, kw_only=True)
class Input:
    """What images go through before the network. What is None is as recorded of the weights, by tag, card or file.

    Parameters
    ----------
    size
        Side of the square image that the network sees, in pixels. None without weights: the network's own.
    crop
        In evaluation, the fraction of the short side that is seen. None without weights: 0.875.
    interpolation
        How images are resized: "bilinear", "bicubic" or "nearest". None without weights: bilinear.
    mean, std
        Per channel, of pixels scaled to 0..1. One number each reads any data as grey, three as colour. None without
        weights: ImageNet's; for grey data the averages.
    squash
        Whether evaluation resizes the whole image to the square, whatever its proportions; ``crop`` then does nothing.
    bits
        How many bits the numbers in files of 16 bits have, 8 to 16, where a camera gives fewer. None: 16.
    """

    size: int | None = None
    crop: float | None = None
    interpolation: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    squash: bool = False
    bits: int | None = None

    def __post_init__(self) -> None:
        if (self.mean is None) != (self.std is None):
            raise ValueError(f"mean is {self.mean} and std is {self.std}; set both, or none of the two.")
        self.preprocess(Preprocess(size=1))
        channels = 3 if self.mean is None else len(self.mean)
        expect(channels in (1, 3), "mean", self.mean, "one number (grey), three (colour) or None")

    def preprocess(self, default: Preprocess) -> Preprocess:
        """The whole of it, with ``default`` for what is left open."""
        own = {name: value for name, value in vars(self).items() if value is not None}
        return Preprocess(**{**vars(default), **own})


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What holds for one of the equal parts into which a recipe cuts its epochs.

    Parameters
    ----------
    size
        Side of the training images, in pixels.
    augment
        Names of augmentations, as in a recipe.
    dropout
        Rate of every dropout layer; drop-path keeps its own. None: as the network is drawn.
    """

    size: int
    augment: tuple[str, ...] = ()
    dropout: float | None = None

    def __post_init__(self) -> None:
        need_number(self, "size", whole=True, at_least=1)
        need_number(self, "dropout", at_least=0, below=1, optional=True)
        need_augmentations(self)


@dataclass(frozen=True, kw_only=True)
class FineTune:
    """What is frozen while a network that was trained elsewhere learns new classes.

    Parameters
    ----------
    probe
        Updates of the classifier alone before the first epoch, on the features of the training images, which are
        computed once and without augmentation: seconds, where frozen epochs would take minutes. Some 300 are enough.
    frozen_epochs
        At the beginning, in which only the classifier is trained; all else is as it was loaded, to the bit.
    batch_norm
        After the frozen epochs: "frozen" keeps batch norms as they were loaded, in inference mode; "train" trains them.
    """

    probe: int = 0
    frozen_epochs: int = 0
    batch_norm: str = "frozen"

    def __post_init__(self) -> None:
        need_number(self, "probe", whole=True, at_least=0)
        need_number(self, "frozen_epochs", whole=True, at_least=0)
        need_one_of(self, "batch_norm", ("train", "frozen"))


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """A trained network to learn from too: ``(1 - weight) * loss + weight * T^2 * KL(teacher || network)``.

    Parameters
    ----------
    teacher
        Its ``.keras`` file, with its card.
    weight
        Of the teacher in the objective; the rest is the targets'.
    temperature
        T, by which both networks' logits are divided to compare them.
    """

    teacher: str
    weight: float = 0.5
    temperature: float = 1.0

    def __post_init__(self) -> None:
        expect(isinstance(self.teacher, str) and bool(self.teacher), "teacher", self.teacher, "the path of a file")
        need_number(self, "weight", above=0, at_most=1)
        need_number(self, "temperature", above=0)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    Parameters
    ----------
    model
        The network, and what it begins with.
    task
        What is learned: a name in the table of tasks. None: that of the network's row.
    data
        A named source or a folder, as ``open_data`` takes it.
    input
        What images go through before the network.
    augment
        Names from ``AUGMENTATIONS``, in the order in which they are made; some take arguments, as
        in "randaugment:2:9".
    train_size
        Side of the training images, where it differs from the input's, which evaluation and export see. The network
        has to take images of any size. None: the input's.
    repeats
        How often an image comes within an epoch, augmented again each time: repeated augmentation. An epoch is as long
        as ever, so it has fewer different images.
    sampling
        "plain": every image comes once in an epoch. "balanced": every class comes as often as any other, so images of a
        class of few come several times, augmented anew, and of a class of many a part. ``class_weights`` of a loss
        weighs classes without changing which images come.
    stages
        In place of ``train_size`` and ``augment``: each stage holds for an equal part of the epochs, whole ones, and
        the last also for the remainder.
    length
        ``Epochs(90)`` or ``Steps(10_000, every=200)``. None: as ``adapt`` decides.
    batch
        Images per update of the weights, over all devices together.
    accumulate
        Parts into which a batch is cut, one after the other, to need less memory: the same gradient but for batch
        normalisation, which sees a part at a time. Images are mixed and features are dropped as in the whole batch.
        Divides ``batch``.
    optimizer
        ``SGD``, ``RMSProp``, ``AdamW``, ``LARS`` or ``LAMB``, with its rate and weight decay. A rate ``per`` so many
        images goes with those that an update really has, where the data holds fewer than ``batch``.
    schedule
        ``Cosine``, ``Polynomial``, ``StepDecay``, ``Exponential``, ``Plateau`` or ``Constant``, with its warm-up.
    loss
        A record of the task, such as ``CrossEntropy(label_smoothing=0.1)``. None: the task's usual one.
    ema
        The decay of a moving average of weights and batch statistics, 0.9999 for example; early on it is less. The
        averages are evaluated and exported. None: no averages.
    clip_norm
        The greatest norm that the gradient of the loss, over all weights and before weight decay, may have; a longer
        one is scaled down. None: any.
    seed
        Of weights, order, augmentation and dropout; not of the split of the data.
    finetune
        What is frozen meanwhile. None: nothing.
    distill
        The teacher from which the network learns too. None: it has none.
    adapt
        Completes the recipe once the data is known, such as BiT-HyperRule: takes recipe and data, gives a recipe.

    Raises
    ------
    ValueError
        When a value is of the wrong type, out of range or unknown, or two do not go together.
    """

    model: Model
    task: str | None = None
    data: str
    input: Input = Input()
    augment: tuple[str, ...] = ()
    train_size: int | None = None
    repeats: int = 1
    stages: tuple[Stage, ...] = ()
    sampling: str = "plain"
    length: Epochs | Steps | None
    batch: int
    accumulate: int = 1
    optimizer: Optimizer
    schedule: Schedule = Cosine()
    loss: Any = None
    ema: float | None = None
    clip_norm: float | None = None
    seed: int = 0
    finetune: FineTune | None = None
    distill: Distillation | None = None
    adapt: "Callable[[Recipe, Data], Recipe] | None" = None

    def __post_init__(self) -> None:
        none = type(None)
        need_kind(self, "model", Model)
        need_kind(self, "data", str)
        need_kind(self, "input", Input)
        need_augmentations(self)
        need_number(self, "train_size", whole=True, at_least=1, optional=True)
        need_number(self, "repeats", whole=True, at_least=1)
        need_one_of(self, "sampling", ("plain", "balanced"))
        stages = isinstance(self.stages, tuple) and all(isinstance(stage, Stage) for stage in self.stages)
        expect(stages, "stages", self.stages, "a tuple of records, such as (Stage(size=128), Stage(size=224))")
        need_kind(self, "length", Epochs, Steps, *[none] * (self.adapt is not None))
        need_number(self, "batch", whole=True, at_least=1)
        need_number(self, "accumulate", whole=True, at_least=1)
        need_kind(self, "optimizer", Optimizer)
        need_kind(self, "schedule", Schedule)
        need_number(self, "ema", above=0, below=1, optional=True)
        need_number(self, "clip_norm", above=0, optional=True)
        need_number(self, "seed", whole=True, at_least=0, below=2**32)
        need_kind(self, "finetune", FineTune, none)
        need_kind(self, "distill", Distillation, none)
        if self.batch % self.accumulate:
            raise ValueError(
                f"A batch of {self.batch} cannot be cut into {self.accumulate} equal parts; set batch to a multiple of "
                "accumulate."
            )
        if self.length:
            check_lengths(self, self.length.epochs)
        for name in ("train_size", "augment"):
            if self.stages and (value := getattr(self, name)):
                raise ValueError(f"{name} is {value!r}, but stages say so themselves. Leave {name} or stages out.")

    def replace(self, changes: Mapping[str, Any] | None = None, **others: Any) -> "Recipe":
        """The same recipe with other fields, by dotted names: ``recipe.replace({"optimizer.lr": 0.2}, batch=64)``.

        Raises
        ------
        ValueError
            When there is no such field, naming the nearest.
        """
        return changed(self, {**(changes or {}), **others})


def check_lengths(recipe: Recipe, epochs: int) -> None:
    """Refuse parts of a training that are longer than the whole."""
    frozen = recipe.finetune.frozen_epochs if recipe.finetune else 0
    for name, part in (("schedule.warmup", recipe.schedule.warmup), ("finetune.frozen_epochs", frozen)):
        if part > epochs:
            raise ValueError(f"{name} is {part}, longer than all {epochs} epochs. Set both.")
    if len(recipe.stages) > epochs:
        raise ValueError(f"{epochs} epochs cannot be cut into {len(recipe.stages)} stages. Set both.")
