"""A recipe: everything that decides a training, as one plain record that a file can hold and a command line change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_type_hints

from kerascnn.data.transforms.registry import parse_all
from kerascnn.errors import suggest
from kerascnn.spec import Preprocess
from kerascnn.training.fields import KINDS, RANGES, TABLES, USED_BY
from kerascnn.training.schedule import Course, share
from kerascnn.training.stages import Stage


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    Parameters
    ----------
    model
        Name of the network in the catalogue.
    columns
        Columns of the network's row to change, such as ("drop_path:0.1", "dropout:0.3"). Only those that hold numbers.
    tiny
        Whether the network is cut down to what fits a unit test, its row's ``tiny``: to try a recipe out.
    weights
        A tag or a file of weights to begin with, as the builders take them; a classifier for other classes starts anew.
    frozen_epochs
        At the beginning, in which only the classifier is trained; all else is as it was loaded, to the bit.
    batch_norm
        After the frozen epochs: "train", or "frozen" to keep batch norms as they were loaded, in inference mode.
    rule
        "bit": BiT-HyperRule decides ``epochs``, ``size`` and what belongs to them, each where it is left at 0; see
        ``kerascnn.training.hyperrule``.
    zero_gamma
        Whether residual blocks begin as their shortcuts: the last batch norm of every branch starts with a scale of 0.
    data
        A named source or a folder, as ``open_data`` takes it.
    size
        Side of the square image that the network sees, in pixels. 0: that of the weights' tag, else of the network.
    squash
        Whether evaluation resizes the whole image to the square, whatever its proportions; ``crop`` then does nothing.
    crop
        In evaluation, the share of the short side that is seen. 0: that of the weights' tag, else 0.875.
    interpolation
        How images are resized: "bilinear", "bicubic" or "nearest". Left empty, as for the weights' tag, else bilinear.
    mean, std
        Per channel, of pixels scaled to 0..1. One number each reads any data as grey, three as colour. Left empty,
        they are those of the weights' tag, else ImageNet's, and for grey data the averages of these.
    train_size
        That side in training, where it differs from ``size``, which evaluation and export see. The network has to
        take images of any size. 0: ``size``.
    augment
        Names from ``AUGMENTATIONS``, in the order in which they are made; some take arguments, as
        in "randaugment:2:9".
    repeats
        How often an image comes within an epoch, augmented anew each time: repeated augmentation. An epoch is as long
        as ever, so it has fewer different images.
    stages
        Records of :class:`Stage`, in place of ``train_size`` and ``augment``: each holds for an
        equal share of the epochs, whole ones, and the last also for the remainder. See ``progressive``.
    epochs
        Passes over the training images, unless ``steps_per_epoch`` says otherwise. 0, with a rule: as that decides.
    steps_per_epoch
        Updates of the weights between two looks at the held-out images, from as many passes over the training images as
        it takes; every batch is full. 0: one pass, of which what is left over after the last full batch is left out.
    batch
        Images per update of the weights, over all devices together.
    accumulate
        Parts into which a batch is cut, one after the other, to need less memory: the same gradient but for batch
        normalisation, which sees a part at a time. Divides ``batch``.
    optimizer
        "sgd" (with Nesterov's momentum), "momentum" (Polyak's), "rmsprop" (as TensorFlow 1 has it), "adamw", "lars"
        or "lamb".
    lr
        The full learning rate, reached after warm-up.
    lr_batch
        The batch that ``lr`` is meant for: with 256, the full rate is ``lr * batch / 256``. 0: ``lr`` is as it is.
    momentum
        Also the first beta of "adamw" and "lamb".
    epsilon
        Keeps the divisor of "rmsprop" (1e-3, inside its root), "adamw" (1e-7) and "lamb" (1e-6) off zero. 0: these.
    weight_decay
        Of kernels only. For "sgd", "momentum" and "rmsprop" coupled (L2, its gradient added to the loss's), for "adamw"
        decoupled, for "lars" and "lamb" within the step that they adapt.
    clip_norm
        The greatest length that the gradient of the loss, over all weights and before weight decay, may have; longer,
        it is scaled down. 0: any.
    schedule
        "cosine" or "polynomial" to zero, both from the end of warm-up; "step" (falls at milestones) or "exponential"
        (falls every ``decay_epochs``), both counted from the start; "plateau" (falls when the held-out loss gets no
        better) or "constant".
    decay_rate
        What the rate is multiplied by at every fall of "step", "exponential" or "plateau".
    decay_epochs
        Between two falls of "exponential"; may be a fraction.
    milestones
        Epochs at whose beginning "step" falls; may be fractions. Left empty, 1/3, 2/3 and 8/9 of the training.
    patience
        Epochs in a row without a better held-out loss after which "plateau" falls.
    power
        Of "polynomial": 1 is a straight line.
    warmup_epochs
        Over which the rate climbs evenly from zero; may be a fraction.
    loss
        "softmax": cross-entropy of one choice. "sigmoid": binary cross-entropy of every class, mean over the classes;
        the network keeps its softmax, whose order of classes is the same.
    label_smoothing
        The share of every target spread evenly over all classes.
    auxiliary
        What the loss of each auxiliary head weighs beside the head's, for networks that have some: 0.3 in GoogLeNet,
        0.4 in Inception v3. Meters measure the head, and the network that is left has no other. 0: none are there.
    teacher
        The ``.keras`` file of a trained network, with its card, from which this one learns too.
    distill
        The share of the teacher in the loss, the rest is the targets': ``(1 - distill) * loss + distill * T^2 *
        KL(teacher at T || network at T)``.
    temperature
        T, by which both networks' logits are divided to compare them.
    ema
        The decay of a moving average of weights and batch statistics, 0.9999 for example; early on it is less. The
        averages are measured and exported. 0: none.
    precision
        In which layers compute: "float32", "bfloat16", or "float16" with dynamic loss scaling. Weights, logits and
        loss are float32, and so is all of the network that is exported.
    xla
        Whether steps are compiled. On one device only; the numbers are the same but for dropout, which draws others.
    seed
        Of weights, order, augmentation and dropout; not of the split of the data.
    export
        Formats to export afterwards.

    Raises
    ------
    ValueError
        When a value is of the wrong type, out of range or unknown.
    """

    model: str
    columns: tuple[str, ...] = ()
    tiny: bool = False
    weights: str = ""
    frozen_epochs: int = 0
    batch_norm: str = "train"
    rule: str = ""
    zero_gamma: bool = False
    data: str
    size: int = 0
    train_size: int = 0
    squash: bool = False
    crop: float = 0.0
    interpolation: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    augment: tuple[str, ...] = ()
    repeats: int = 1
    stages: tuple[Stage, ...] = ()
    epochs: int = 0
    steps_per_epoch: int = 0
    batch: int
    accumulate: int = 1
    optimizer: str = "sgd"
    lr: float
    lr_batch: int = 0
    momentum: float = 0.9
    epsilon: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    schedule: str = "cosine"
    decay_rate: float = 0.1
    decay_epochs: float = 1.0
    milestones: tuple[float, ...] = ()
    patience: int = 10
    power: float = 1.0
    warmup_epochs: float = 0.0
    loss: str = "softmax"
    label_smoothing: float = 0.0
    auxiliary: float = 0.0
    teacher: str = ""
    distill: float = 0.0
    temperature: float = 1.0
    ema: float = 0.0
    precision: str = "float32"
    xla: bool = False
    seed: int = 0
    export: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(Recipe).items():
            if not KINDS[kind].holds(value := getattr(self, name)):
                raise ValueError(f"Recipe: {name} is {value!r}; expected {KINDS[kind].name}.")
        for name, (allowed, expected) in RANGES.items():
            if not allowed(value := getattr(self, name)):
                raise ValueError(f"Recipe: {name} is {value!r}; expected {expected}.")
        for name, table in TABLES.items():
            if (value := getattr(self, name)) not in table:
                raise ValueError(f"Recipe: there is no {name} {value!r}. {suggest(value, table)}")
        for name, (chooser, users) in USED_BY.items():
            value, choice = getattr(self, name), getattr(self, chooser)
            if choice not in users and value != getattr(Recipe, name):
                raise ValueError(
                    f"Recipe: {name} is {value!r}, but the {chooser} {choice!r} does not use it; only "
                    f"{', '.join(users)} would. Leave {name} out, or take another {chooser}."
                )
        if not self.epochs and not self.rule:
            raise ValueError("Recipe: epochs is 0; expected at least 1.")
        if len(self.mean) != len(self.std):
            raise ValueError(f"Recipe: mean has {len(self.mean)} numbers and std {len(self.std)}; expected as many.")
        if self.weights and self.zero_gamma:
            raise ValueError("Recipe: zero_gamma would spoil the weights; leave out one of the two.")
        if self.batch % self.accumulate:
            raise ValueError(
                f"Recipe: a batch of {self.batch} cannot be cut into {self.accumulate} equal parts; set batch to a "
                "multiple of accumulate."
            )
        if self.warmup_epochs > self.epochs:
            raise ValueError(
                f"Recipe: warmup_epochs is {self.warmup_epochs}, longer than all {self.epochs} epochs. Set both."
            )
        if self.frozen_epochs > self.epochs:
            raise ValueError(
                f"Recipe: frozen_epochs is {self.frozen_epochs}, longer than all {self.epochs} epochs. Set both."
            )
        parse_all(self.augment)
        check_stages(self)
        check_teacher(self)

    def stage(self, epoch: int) -> Stage:
        """What holds in an epoch, counted from 0."""
        if not self.stages:
            return Stage(size=self.train_size or self.size, augment=self.augment)
        return self.stages[min(epoch // (self.epochs // len(self.stages)), len(self.stages) - 1)]

    def preprocess(self, channels: int) -> Preprocess:
        """What images go through before the network, for data of so many channels."""
        how = Preprocess(
            size=self.size, crop=self.crop or 0.875, interpolation=self.interpolation or "bilinear", squash=self.squash
        )
        if self.mean:
            return replace(how, mean=self.mean, std=self.std)
        return replace(how, mean=(0.449,), std=(0.226,)) if channels == 1 else how

    def updates(self, images: int) -> tuple[int, int]:
        """Images per update of the weights, and updates per epoch, with so many images to learn from."""
        if self.steps_per_epoch:
            return self.batch, self.steps_per_epoch
        batch = min(self.batch, images) // self.accumulate * self.accumulate
        return batch, images // max(batch, 1)

    def rate(self, step: int, steps_per_epoch: int, losses: Sequence[float] = ()) -> float:
        """The learning rate of a step, counted from 0 over the whole training, after epochs of such held-out losses."""
        course = Course(
            warmup=round(self.warmup_epochs * steps_per_epoch),
            total=self.epochs * steps_per_epoch,
            milestones=tuple(epoch * steps_per_epoch for epoch in self.milestones),
            decay_rate=self.decay_rate,
            decay_steps=self.decay_epochs * steps_per_epoch,
            power=self.power,
            patience=self.patience,
            losses=losses,
        )
        full = self.lr * self.batch / self.lr_batch if self.lr_batch else self.lr
        return full * share(self.schedule, step, course)


def check_stages(recipe: Recipe) -> None:
    """Refuse stages that have no epoch, and what stands beside them in vain."""
    if not (stages := recipe.stages):
        return
    if len(stages) > recipe.epochs:
        raise ValueError(f"Recipe: {recipe.epochs} epochs cannot be cut into {len(stages)} stages. Set both.")
    for name in ("train_size", "augment"):
        if value := getattr(recipe, name):
            raise ValueError(f"Recipe: {name} is {value!r}, but stages say so themselves. Leave {name} or stages out.")


def check_teacher(recipe: Recipe) -> None:
    """Refuse half of what distillation needs."""
    if recipe.teacher and not recipe.distill:
        raise ValueError(f"Recipe: distill is 0, so the teacher {recipe.teacher!r} has no say. Set it, such as to 0.5.")
    for name in ("distill", "temperature"):
        if not recipe.teacher and (value := getattr(recipe, name)) != getattr(Recipe, name):
            raise ValueError(f"Recipe: {name} is {value!r}, but there is no teacher. Set teacher, or leave {name} out.")
