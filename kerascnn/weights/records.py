"""Published weights: where each file is, what its images must go through, and what was measured with it.

``records.csv`` is written by ``tools/weight_records.py``. A tag names a training: ``resnet50_v1_5`` with the tag
``tv2_in1k``. The first record of a network with ImageNet's thousand classes is its default, the tag ``"imagenet"``; of
networks for COCO, which has that in its tag, the first is also the tag ``"coco"``.
"""

import csv
import hashlib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from kerascnn.arguments import checked
from kerascnn.errors import suggest
from kerascnn.files import changes
from kerascnn.ledger import Entry, entries
from kerascnn.spec import Preprocess

COCO = "coco"


@dataclass(frozen=True)
class Record:
    """One published file."""

    network: str  # in the catalogue
    tag: str  # the name of the training
    source: str  # whose implementation it was trained with, as the ledger has it
    source_name: str  # what the network is called there
    top: bool  # whether the file has the classifier
    url: str  # where it is published; ``package:module/path`` for a file in a package of the Python index
    # ``md5:`` or ``sha256:`` and what is published of the digest, maybe only its first digits; empty when nothing is.
    hash: str
    preprocess: Preprocess  # what an image goes through before the network sees it
    # Whether the network was trained on blue, green, red. Loading reverses its first kernel, so that the network takes
    # red, green, blue as always.
    bgr: bool
    classes: int  # of its classifier
    licence: str  # as the publisher states it
    top1: float | None  # accuracy on ImageNet's validation images, in percent; None where nobody published one

    @property
    def name(self) -> str:
        return f"{self.network}.{self.tag}"

    @property
    def file(self) -> str:
        """The file's name in the cache: the publisher's, or the network's where that says nothing."""
        last = self.url.rpartition("/")[2]
        return f"{self.source_name}.{self.tag}.safetensors" if last == "model.safetensors" else last

    @property
    def package(self) -> str:
        """The package that brings the file, as pip knows it; empty when it is published on a server."""
        place = self.url.removeprefix("package:")
        return "" if place == self.url else place.partition("/")[0].replace("_", "-")

    @property
    def installed(self) -> Path | None:
        """The file in its package; None where that is not installed."""
        module, _, place = self.url.removeprefix("package:").partition("/")
        found = find_spec(module) if self.package else None
        return Path(found.origin).parent / place if found and found.origin else None

    @property
    def entry(self) -> Entry:
        """The implementation, in the ledger."""
        mine = self.network, self.source, self.source_name
        return next(e for e in entries() if (e.name, e.source, e.source_name) == mine and e.loads)


@cache
def all_records() -> tuple[Record, ...]:
    """Every record, the default of each network first."""
    text = files("kerascnn.weights").joinpath("records.csv").read_text(encoding="utf-8")
    return tuple(record(row) for row in csv.DictReader(text.splitlines()))


def record(row: dict[str, str]) -> Record:
    preprocess = Preprocess(
        size=int(row["size"]),
        crop=float(row["crop"]),
        interpolation=row["interpolation"],
        mean=tuple(float(v) for v in row["mean"].split()),
        std=tuple(float(v) for v in row["std"].split()),
        squash=row["squash"] == "yes",
    )
    texts = {name: row[name] for name in ("network", "tag", "source", "source_name", "url", "hash", "licence")}
    return Record(
        **texts,
        top=row["top"] == "yes",
        preprocess=preprocess,
        bgr=row["channels"] == "bgr",
        classes=int(row["classes"]),
        top1=float(row["top1"]) if row["top1"] else None,
    )


def has_record(network: str, tag: str) -> bool:
    """Whether weights of a network were published under a tag of their own, "imagenet" not counted."""
    return any(r.network == network and (r.tag == tag or (tag == COCO and learned_on_coco(r))) for r in all_records())


def learned_on_coco(record: Record) -> bool:
    return COCO in record.tag.split("_")


def record_of(network: str, path: Path) -> Record | None:
    """The record of a file of ``network``'s published weights, by its name or, if it was renamed, by its hash."""
    mine = [r for r in all_records() if r.network == network]
    named = next((r for r in mine if path.name == r.file), None)
    return named or next((r for r in mine if r.hash and is_published(path, r)), None)


def is_published(path: Path, record: Record) -> bool:
    """Whether a file has the digest of a record, as far as that is published."""
    kind, _, published = record.hash.partition(":")
    return digest(path, kind, changes(path)).startswith(published)


@lru_cache(256)
def digest(path: Path, kind: str, changed: tuple[int, int]) -> str:
    """The hash of a file as it is since it ``changed``."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


@checked
def find_record(network: str, tag: str = "imagenet", include_top: bool = True) -> Record:
    """The record of ``network``'s weights that ``tag`` names; ``"imagenet"`` is the default, and so is ``"coco"``.

    Without top, the publisher's file without the classifier where there is one. Of weights that a package brings, its
    file where it is installed, else the one on a server.

    Raises
    ------
    ValueError
        When there is none; it suggests the nearest.
    """
    mine = [r for r in all_records() if r.network == network]
    if not mine:
        raise ValueError(
            f"{network} has no published weights {tag!r} that are known here. weights must be None, or the path of a "
            f"file of kerascnn, keras.applications, timm, torchvision or pytorchcv."
        )
    if tag == "imagenet":
        tag = next((r.tag for r in mine if r.classes == 1000), mine[0].tag)
    if tag == COCO:
        tag = next((r.tag for r in mine if learned_on_coco(r)), tag)
    named = [r for r in mine if r.tag == tag]
    if not named:
        raise ValueError(
            f"{network} has no published weights {tag!r}. {suggest(tag, {'imagenet', *(r.tag for r in mine)})} "
            f"weights can be None or the path of a file, too."
        )
    named = [r for r in named if not r.package or r.installed] or named
    return next((r for r in named if r.top == include_top), named[0])
