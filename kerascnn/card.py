"""The card of a model file: what its numbers mean. ``digits.tflite`` has ``digits.tflite.json`` beside it."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kerascnn.files import write_text
from kerascnn.spec import Preprocess


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a model file cannot say itself.

    Parameters
    ----------
    model
        Name of the architecture in the catalogue.
    labels
        Class names, in the order of the outputs.
    preprocess
        What images go through before this file sees them.
    facts
        Anything measured or recorded about the file: the recipe it was trained by, its accuracy, the proof of its
        export. Values are what JSON can hold.
    """

    model: str
    labels: tuple[str, ...]
    preprocess: Preprocess
    facts: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def path(file: str | Path) -> Path:
        """Where the card of ``file`` lies."""
        return Path(f"{file}.json")

    def write(self, file: str | Path) -> None:
        """Lay this card beside ``file``."""
        write_text(self.path(file), json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, file: str | Path) -> "Card":
        """The card that lies beside ``file``.

        Raises
        ------
        FileNotFoundError
            When there is none.
        ValueError
            When it is not a card.
        """
        path = cls.path(file)
        if not path.is_file():
            raise FileNotFoundError(
                f"{file} has no card: {path} is missing. It holds the class names and the preprocessing; "
                f"copy it along whenever you move the model file."
            )
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            how = raw["preprocess"]
            preprocess = Preprocess(**{**how, "mean": tuple(how["mean"]), "std": tuple(how["std"])})
            return cls(
                model=raw["model"], labels=tuple(raw["labels"]), preprocess=preprocess, facts=raw.get("facts", {})
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a model card ({error!r}). Export or train the model again.") from error
