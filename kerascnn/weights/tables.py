"""How other packages name the layers: the tables in ``names/``, one file a family.

A section ``[timm torchvision: resnet50*]`` applies to those sources, and to networks whose name in the catalogue or in
the source matches its patterns. Its lines are ``target  source``, a layer here and the module that it is there:

    count n stage{s}-block{b}                  n is 1, 2, 3 ... over the blocks of the network
    count m stage4-block{b} stage5-block{b}    m goes on from one pattern to the next
    leave aux1.*                               keys of the source that have no variable here
    also stem-relu                conv1_relu   what stands in few files or in none: a layer without weights
    was denselayer{n}.norm.{c}  denselayer{n}.norm{c}    what older files of the source call a module, and newer ones
    of resnet resnet50 backbone.               the trunk's lines of another family's table for such a network and this
                                               source, behind "backbone."; a fifth word is what that stands instead of
    stem-conv                     conv1
    stage{s}-block{b}-conv{c}     layer{s}.{b-1}.conv{c}
    head-dense                    fc

``{s}`` stands for digits, and for 1 where there are none; ``{m:text}`` for anything up to the next dash. On the right
stand sums such as ``{2*n+s-1}``, ``{b:letter}``, and ``{network}``, the name in the catalogue. What follows the names
says how their tensor is laid out: ``part=2/3`` is the second third of it, ``chw`` a dense layer whose inputs were
flattened channels first, ``coco`` scores of COCO's 91 category numbers, of which 80 are in use, ``coco=4`` four numbers
of each; ``or=norm`` is what the layer is called in other files. A name that begins with ``=`` is a whole key, of a
layer or of one variable here such as ``attention/query/bias``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

HOLE = re.compile(r"\{(.*?)\}")
TERM = re.compile(r"([+-]?)(?:(\d+)\*)?(\w+)")
Place = tuple[int, tuple[str, ...]]  # which of a counter's patterns, and what stands in its braces


@dataclass(frozen=True)
class SourceKey:
    """The name under which a layer or a variable stands in the files of a source."""

    name: str  # of a module; or a whole key
    whole: bool = False
    chw: bool = False
    coco: int = 0  # numbers of each of COCO's categories
    part: tuple[int, int] | None = None  # (2, 3): the second of three
    other: str = ""  # its name in files that lack the first


@dataclass(frozen=True)
class Line:
    target: re.Pattern  # what matches the path of a variable of the model
    source: SourceKey


@dataclass
class Section:
    """What one table says for some sources and networks."""

    sources: tuple[str, ...]
    networks: tuple[str, ...]
    lines: list[Line] = field(default_factory=list)
    also: list[Line] = field(default_factory=list)
    counters: dict[str, list[re.Pattern]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    renamed: list[Line] = field(default_factory=list)  # from what modules were called before

    def covers(self, source: str, *names: str) -> bool:
        return source in self.sources and any(fnmatchcase(n, pattern) for n in names for pattern in self.networks)

    def take_trunk(self, family: str, network: str, prefix: str, instead: str = "") -> None:
        """Add what another table says of a network, but for its heads, with ``prefix`` before the names of modules."""
        other = section(family, self.sources[0], network)
        assert other, f"the table of {family} says nothing of {network}"
        for line in other.lines:
            if not line.target.pattern.startswith(("head", "auxiliary")):
                name = prefix + line.source.name.removeprefix(instead)
                self.lines.append(replace(line, source=replace(line.source, name=name)))
        self.counters |= other.counters

    def landmarks(self) -> set[str]:
        """Names that every file of the source must have, with or without classifiers."""
        lines = (line for line in self.lines if not line.target.pattern.startswith(("head", "auxiliary")))
        return {line.source.name for line in lines if "{" not in line.source.name and not line.source.other}

    def of(self, network: str) -> "Section":
        """The same for one network of the catalogue."""

        def named(line: Line) -> Line:
            return replace(line, source=replace(line.source, name=line.source.name.replace("{network}", network)))

        return replace(self, lines=[*map(named, self.lines)], also=[*map(named, self.also)])

    def is_head(self, key: str) -> bool:
        """Whether a key of the source belongs to the classifier."""
        heads = (line.source.name for line in self.lines if line.target.pattern.startswith("head"))
        return any(fnmatchcase(key, HOLE.sub("*", name) + "*") for name in heads)

    def known(self, keys: Iterable[str]) -> set[str]:
        """Those of a source's keys that the table may mean, whatever the numbers in them."""
        said = {name for line in self.lines for name in (line.source.name, line.source.other) if name}
        names = {"[^./]+".join(map(re.escape, HOLE.split(name)[::2])) for name in said}
        named = re.compile("|".join(names))
        modules = {key: (key, key.rpartition(".")[0], key.rpartition("/")[0]) for key in keys}
        return {key for key, places in modules.items() if any(map(named.fullmatch, places)) or self.leaves(key)}

    def modern(self, key: str) -> str:
        """What newer files of the source call the value of a key."""
        module, sign, part = key.rpartition("/" if "/" in key else ".")
        for line in self.renamed:
            if found := line.target.fullmatch(module):
                values = {name: number(text) for name, text in found.groupdict().items()}
                return HOLE.sub(lambda hole, values=values: fill(hole[1], values), line.source.name) + sign + part
        return key

    def leaves(self, key: str) -> bool:
        """Whether the table says that a key of the source is not loaded."""
        return any(fnmatchcase(key, pattern) for pattern in self.left)

    def translate(self, paths: Iterable[str]) -> dict[str, SourceKey | None]:
        """The source key of each variable, by the variable's path; None where the table does not say."""
        return self.places(paths, (*self.lines, *self.also))

    def layers(self, names: Iterable[str]) -> dict[str, SourceKey | None]:
        """What the source calls each layer, also those without weights; None where the table does not say."""
        return self.places(names, (*self.also, *self.lines))

    def places(self, paths: Iterable[str], lines: tuple[Line, ...]) -> dict[str, SourceKey | None]:
        paths = list(paths)
        order = {name: count(patterns, paths) for name, patterns in self.counters.items()}
        return {path: self.place(path, order, lines) for path in paths}

    def place(self, path: str, order: dict[str, dict[Place, int]], lines: tuple[Line, ...]) -> SourceKey | None:
        for line in lines:
            for text in (path, path.rpartition("/")[0]):
                if found := line.target.fullmatch(text):
                    values = {name: number(text) for name, text in found.groupdict().items()}
                    for name, patterns in self.counters.items():
                        if place := place_of(path, patterns):
                            values[name] = order[name][place]
                    name = HOLE.sub(lambda hole, values=values: fill(hole[1], values), line.source.name)
                    return replace(line.source, name=name)
        return None


def count(patterns: list[re.Pattern], paths: list[str]) -> dict[Place, int]:
    places = {place for path in paths if (place := place_of(path, patterns))}
    return {place: i for i, place in enumerate(sorted(places, key=numerically), 1)}


def place_of(path: str, patterns: list[re.Pattern]) -> Place | None:
    """Which pattern the path begins with, and what its braces hold."""
    return next(((i, found.groups()) for i, p in enumerate(patterns) if (found := p.match(path))), None)


def numerically(place: Place) -> tuple[int, list[tuple[int, str]]]:
    i, texts = place
    return i, [(value, "") if isinstance(value := number(text), int) else (0, value) for text in texts]


def number(text: str) -> int | str:
    return int(text or 1) if text.isdigit() or not text else text


def fill(hole: str, values: dict[str, int | str]) -> str:
    """What ``{2*n+s-1}`` or ``{b:letter}`` comes to."""
    expression, _, form = hole.partition(":")
    if isinstance(value := values.get(expression), str):
        return value
    total = 0
    for sign, times, name in TERM.findall(expression):
        value = int(name) if name.isdigit() else values[name]
        total += (-1 if sign == "-" else 1) * int(times or 1) * int(value)
    return chr(ord("a") + total - 1) if form == "letter" else str(total)


def pattern(text: str) -> re.Pattern:
    """The left side of a line as an expression."""
    parts = re.split(r"\{(.*?)\}", text)
    for i in range(1, len(parts), 2):
        name, _, kind = parts[i].partition(":")
        parts[i] = f"(?P<{name}>[^-/]+)" if kind == "text" else rf"(?P<{name}>\d*)"
    return re.compile("".join(part if i % 2 else re.escape(part).replace(r"\-", "-") for i, part in enumerate(parts)))


@cache
def sections(family: str) -> tuple[Section, ...]:
    """The sections of a family's table; none when it has no table."""
    path = files("kerascnn.weights").joinpath(f"names/{family}.txt")
    if not path.is_file():
        return ()
    found: list[Section] = []
    for row in path.read_text(encoding="utf-8").splitlines():
        words = row.partition("#")[0].split()
        if not words:
            continue
        if words[0].startswith("["):
            sources, _, networks = row.strip().strip("[]").partition(":")
            found.append(Section(tuple(sources.split()), tuple(networks.split()) or ("*",)))
        elif words[0] == "count":
            found[-1].counters[words[1]] = [pattern(word) for word in words[2:]]
        elif words[0] == "leave":
            found[-1].left += words[1:]
        elif words[0] == "of":
            found[-1].take_trunk(*words[1:])
        elif words[0] == "was":
            found[-1].renamed.append(Line(pattern(words[1]), source_key(words[2])))
        else:
            lines, words = (found[-1].also, words[1:]) if words[0] == "also" else (found[-1].lines, words)
            lines.append(Line(pattern(words[0]), source_key(*words[1:])))
    return tuple(found)


def source_key(name: str, *options: str) -> SourceKey:
    part, other, coco = None, "", 0
    for option in options:
        if option.startswith("part="):
            i, n = option[5:].split("/")
            part = int(i), int(n)
        elif option.startswith("or="):
            other = option[3:]
        elif option.startswith("coco"):
            coco = int(option[5:] or 1)
        elif option != "chw":
            raise ValueError(f"{name}: {option!r} is no option of a name; known are chw, coco, part=1/3 and or=name.")
    return SourceKey(name.removeprefix("="), name.startswith("="), "chw" in options, coco, part, other)


def section(family: str, source: str, *names: str) -> Section | None:
    """The first section of the family's table that applies to this source and network, by any of its names.

    The first name is that in the catalogue.
    """
    return next((s.of(names[0]) for s in sections(family) if s.covers(source, *names)), None)
