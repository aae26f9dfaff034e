"""Every network by name, of every task, and what is known of it."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from kerascnn import applications, detection, segmentation
from kerascnn.arguments import checked
from kerascnn.errors import suggest
from kerascnn.ledger import Entry, entries, published
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import expect, plain
from kerascnn.weights.records import Record, all_records

if TYPE_CHECKING:
    import keras

# Packages of families, each with its ROWS by identifier. A package may also make rows out of others, such as a head on
# any backbone: derive(name, find) returns the row that a name means, or None.
PACKAGES: tuple[Any, ...] = (applications, segmentation, detection)
ROWS: dict[str, Architecture] = {name: row for package in PACKAGES for name, row in package.ROWS.items()}


@dataclass(frozen=True)
class Description:
    """What is known of a network without building it."""

    row: Architecture  # the network: its task, paper, image size and number of classes, among others
    identifiers: tuple[str, ...]  # its names in Python: ("ResNet50",)
    counted: Entry | None  # the row of the ledger that counts as this network does, at its size or the nearest, if any
    ledger: tuple[Entry, ...]  # what every other implementation of it counts
    weights: tuple[Record, ...]  # published weights with the classifier, the default first

    @property
    def parameters(self) -> int | None:
        """Trainable parameters; None where nobody else has counted them."""
        return self.counted.trainable if self.counted else None

    @property
    def macs(self) -> int | None:
        """Multiply-adds for an image of ``counted.size`` pixels a side; None where nobody else has counted them."""
        return round(1e9 * self.counted.gmacs) if self.counted else None


SPELLINGS = {plain(spelling): row for identifier, row in ROWS.items() for spelling in (identifier, row.name)}


@checked
def list_models(pattern: str = "*", task: str | None = None) -> list[str]:
    """Names of the networks that match a shell pattern such as ``"eff*"``, in the order of their publication.

    Parameters
    ----------
    pattern
        Case, ``_``, ``-`` and dots do not matter.
    task
        Only the networks of this task, such as "classification".

    Raises
    ------
    ValueError
        When there is no such task.
    """
    tasks = dict.fromkeys(row.task for row in ROWS.values())
    if task not in (None, *tasks):
        raise ValueError(f"There is no network of the task {task!r}. {suggest(str(task), tasks)}")
    names = dict.fromkeys(row.name for row in ROWS.values() if task in (None, row.task))
    return [name for name in names if fnmatchcase(plain(name), plain(pattern))]


def matching(pattern: str, task: str | None = None) -> list[str]:
    """As :func:`list_models`, where something has to match.

    Raises ``ValueError`` when nothing does; it suggests the nearest name.
    """
    if names := list_models(pattern, task):
        return names
    raise ValueError(f"No network matches {pattern!r}. {suggest(pattern, list_models(task=task))}".rstrip())


def find(name: str) -> Architecture:
    """The row that ``name`` means, whatever its case, ``_``, ``-`` and dots.

    Raises ``ValueError`` when there is none; it suggests the nearest.
    """
    derived = (package.derive(name, find) for package in PACKAGES if hasattr(package, "derive"))
    if row := SPELLINGS.get(plain(name)) or next(filter(None, derived), None):
        return row
    raise ValueError(f"There is no model {name!r}. {suggest(name, list_models())}".rstrip())


@checked
def describe(name: str) -> Description:
    """All that is known of a network without building it: paper, size, cost, published weights, other implementations.

    Raises
    ------
    ValueError
        When there is no such network.
    """
    row = find(name)
    return Description(
        row,
        tuple(identifier for identifier, other in ROWS.items() if other is row),
        published(row.name, row.size),
        tuple(entry for entry in entries() if entry.name == row.name),
        tuple(record for record in all_records() if record.network == row.name and record.top),
    )


@checked
def list_weights(network: str) -> list[str]:
    """Tags of the published weights of a network, its default first.

    Raises
    ------
    ValueError
        When there is no such network.
    """
    name = find(network).name
    return list(dict.fromkeys(record.tag for record in all_records() if record.network == name))


@checked
def build(model: str, /, **arguments: Any) -> "keras.Model":
    """Build the network that ``model`` names.

    Parameters
    ----------
    model
        A name in the catalogue: ``"resnet50"``, ``"EfficientNetV2-S"``, ``"mobilenet_v2_1.40"``. With published
        weights, after a dot: ``"resnet50_v1_5.tv_in1k_v2"``.
    **arguments
        Those of the builders: ``include_top``, ``weights``, ``input_tensor``, ``input_shape``, ``pooling``,
        ``classes``, ``classifier_activation``, ``name``.

    Raises
    ------
    ValueError
        When there is no such network, or an argument is out of range.
    """
    name, _, tag = model.rpartition(".")
    if plain(model) not in SPELLINGS and plain(name) in SPELLINGS:
        return find(name)(weights=tag, **arguments)
    return find(model)(**arguments)


@checked
def scale(
    model: Architecture | str, phi: float, *, alpha: float = 1.175, beta: float = 1.101, gamma: float = 1.1535
) -> Architecture:
    """The row of a network that costs about ``2**phi`` times as much, to be called like any other.

    >>> from kerascnn import scale
    >>> row = scale("efficientnet_b0", 1.5)
    >>> row.width, row.depth, row.size
    (1.2, 1.3, 276)
    >>> row(classes=10).name
    'efficientnet_b0_phi1_5'

    The multiplier of the repeats grows by ``alpha**phi`` and that of the widths by ``beta**phi``, each rounded to a
    tenth; the side of the image by ``gamma**phi``, rounded to the nearest multiple of 4. Drop rates stay those of
    ``model``: the authors raise them with the size.

    The paper prints alpha = 1.2, beta = 1.1 and gamma = 1.15. The defaults round to these, and are from the narrow
    range that gives the authors' own networks: with phi = 0.5, 1, 2, 3.5, 5, 6 and 7, EfficientNetB0 becomes B1 to B7
    in depth and width, and so in parameters. In size too, but for two: the authors train B4 at 380 pixels and B7 at
    600, where the rule comes to 368 and 608, and no gamma gives all seven. With the printed constants, widths are the
    published ones up to B6, depths up to B3 only (1.9, 2.5, 3.0 and 3.6 for 1.8, 2.2, 2.6 and 3.1), and among the
    sizes only that of B1.

    Parameters
    ----------
    model
        A row, or the name of a network, that has multipliers of its widths and repeats: the EfficientNets.
    phi
        How many times the cost is doubled; negative for a smaller network.
    alpha, beta, gamma
        What depth, width and image are multiplied by for each doubling.

    Raises
    ------
    ValueError
        When the network has no such multipliers, or comes out without layers, channels or pixels.
    """
    for name, factor in (("alpha", alpha), ("beta", beta), ("gamma", gamma)):
        expect(factor > 0, name, factor, "above 0")
    row: Any = find(model) if isinstance(model, str) else model
    if not all(isinstance(getattr(row, field, None), float) for field in ("width", "depth")):
        raise ValueError(
            f"{row.name} cannot be scaled: its table has no multipliers of width and depth. "
            f"EfficientNet, EfficientNetV2 and EfficientNet-EdgeTPU have; others come in the widths of their papers."
        )
    fields = {
        "width": round(row.width * beta**phi, 1),
        "depth": round(row.depth * alpha**phi, 1),
        "size": 4 * round(row.size * gamma**phi / 4),
    }
    if min(fields["width"], fields["depth"]) <= 0 or fields["size"] < row.min_size:
        raise ValueError(f"phi={phi:g} leaves too little of {row.name}: {fields}.")
    return row.replace(name=f"{row.name}_phi{phi:g}".replace(".", "_"), **fields)
