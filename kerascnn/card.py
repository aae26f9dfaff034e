"""The card of a model file: what its numbers mean. ``digits.tflite`` has ``digits.tflite.json`` beside it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from kerascnn.errors import suggest
from kerascnn.files import clear_drafts, write_text
from kerascnn.networks.codec import decode_row, encode_row
from kerascnn.spec import Preprocess, Row, expect


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a model file cannot say itself.

    Parameters
    ----------
    model
        Name of the network.
    network
        Its row, which need not stand in the catalogue: family and fields, as ``networks.codec`` encodes them. None: it
        is of no family of this package.
    task
        What its outputs mean: a name in the table of tasks.
    labels
        Class names, in the order of the outputs.
    preprocess
        What images go through before this file sees them.
    facts
        Anything measured or recorded about the file: the recipe it was trained by, its accuracy, how its export was
        verified. Values are what JSON can hold.
    """

    model: str
    labels: tuple[str, ...]
    preprocess: Preprocess
    network: dict[str, Any] | None = None
    task: str = Row.task
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        expect(is_text(self.model), "model", self.model, "a string")
        expect(is_text(self.task), "task", self.task, "a string")
        expect(isinstance(self.network, dict | None), "network", self.network, "an object, or null")
        strings = isinstance(self.labels, tuple | list) and all(map(is_text, self.labels))
        expect(strings, "labels", self.labels, "class names, a string for each")
        expect(isinstance(self.facts, dict), "facts", self.facts, "an object of names and values")

    @property
    def row(self) -> Row | None:
        """The row of the network. Raises ``ValueError`` when it is of no family of this package."""
        return decode_row(self.network) if self.network else None

    @staticmethod
    def path(file: str | Path) -> Path:
        """Where the card of ``file`` lies."""
        return Path(f"{file}.json")

    @classmethod
    def in_the_way(cls, file: Path, work: str) -> Path | None:
        """What a new file, or its card, would replace: one that is there, or what lies in the place of the card.

        A card without its file is in nobody's way where it tells of the same ``work``, a name among its facts: a
        process that was killed while it put both in place left it.
        """
        path = cls.path(file)
        if file.exists() or not path.exists():
            return file if file.exists() else None
        try:
            facts = _parsed(path.read_bytes()).get("facts")
        except (ValueError, OSError):
            return path
        return None if isinstance(facts, dict) and work in facts else path

    def write(self, file: str | Path) -> None:
        """Lay this card beside ``file``."""
        write_text(self.path(file), json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def beside(cls, file: str | Path) -> "Card | None":
        """The card of ``file``; None where it has none. Raises ``ValueError`` when what lies there is not a card."""
        clear_drafts(cls.path(file).parent)
        return cls.read(file) if cls.path(file).is_file() else None

    @classmethod
    def read(cls, file: str | Path) -> "Card":
        """The card that lies beside ``file``.

        Raises
        ------
        FileNotFoundError
            When there is none.
        ValueError
            When it is not a card, naming the field.
        """
        path = cls.path(file)
        clear_drafts(path.parent)
        if not path.is_file():
            raise FileNotFoundError(
                f"{file} has no card: {path} is missing. It holds the class names and the preprocessing; "
                f"copy it along whenever you move the model file."
            )
        try:
            raw = _parsed(path.read_bytes())
            if list(raw) != ["facts"]:
                return cls(**_fields(raw))
        except ValueError as error:
            raise ValueError(
                f"{path} is not a model card: {error} Correct it, or export or train the model again."
            ) from error
        raise ValueError(
            f"{path} is not a model card but the verification report of a file that was exported without one. Export "
            f"it again with the card beside the .keras file."
        )


def is_text(value: Any) -> bool:
    """Whether a value is a string that can be written: JSON may hold half a character."""
    return isinstance(value, str) and not any("\ud800" <= sign <= "\udfff" for sign in value)


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON ({error}).") from error
    expect(isinstance(raw, dict), "it", raw, "an object")
    return raw


def _fields(raw: dict[str, Any]) -> dict[str, Any]:
    """What JSON holds as the fields of a card."""
    _need(raw, "model", "labels", "preprocess")
    _know(raw, "it", Card)
    how = raw["preprocess"]
    expect(isinstance(how, dict), "preprocess", how, "an object")
    _need(how, "size", "mean", "std")
    _know(how, "preprocess", Preprocess)
    return {
        "model": raw["model"],
        "labels": _frozen(raw["labels"]),
        "preprocess": Preprocess(**{name: _frozen(value) for name, value in how.items()}),
        **{name: raw[name] for name in ("network", "task", "facts") if name in raw},
    }


def _know(raw: dict[str, Any], where: str, kind: type) -> None:
    known = [each.name for each in fields(kind)]
    for name in raw:
        if name not in known:
            raise ValueError(f"{where} has no field {name!r:.40}. {suggest(name, known)}")


def _need(raw: dict[str, Any], *names: str) -> None:
    for name in names:
        if name not in raw:
            raise ValueError(f"{name} is missing.")


def _frozen(value: Any) -> Any:
    """A list of JSON as the tuple that it was."""
    return tuple(value) if isinstance(value, list) else value


def as_json(value: Any) -> Any:
    """Records as objects of their fields and the name of their class; rows as cards store them."""
    if isinstance(value, Row):
        return encode_row(value)
    if is_dataclass(value):
        return {
            "class": type(value).__name__,
            **{each.name: as_json(getattr(value, each.name)) for each in fields(value)},
        }
    if isinstance(value, Mapping):
        return {name: as_json(item) for name, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, tuple | list) else value
