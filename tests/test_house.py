"""The rules of the house: who may import whom, how long a family is, what stands at the front door."""

import ast
import inspect
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import kerascnn
from kerascnn import applications
from kerascnn.applications import FAMILIES, ROWS
from kerascnn.catalogue import plain

pytestmark = pytest.mark.check
ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "kerascnn"
ORDER = [
    "errors",
    "arguments",
    "files",
    "progress",
    "spec",
    "layers",
    "blocks",
    "ledger",
    "runtime",
    "graph",
    "weights",
    "networks",
    "applications",
    "keras_applications",
    "segmentation",
    "detection",
    "catalogue",
    "card",
    "data",
    "evaluation",
    "report",
    "tasks",
    "compression",
    "deploy",
    "training",
    "workflows",
    "cli",
]  # a room imports only from those before it
FILES = sorted(p for p in HOUSE.rglob("*.py") if p.relative_to(HOUSE).parts[0] != "__init__.py")
KERAS_FREE = (
    "errors",
    "arguments",
    "files",
    "progress",
    "spec",
    "blocks",
    "applications",
    "segmentation",
    "catalogue",
    "ledger",
    "card",
)


def room(path: Path) -> str:
    return path.relative_to(HOUSE).with_suffix("").parts[0]


def imports(path: Path):
    """Every module that a file names in an import, with the line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            for alias in node.names:  # from kerascnn import layers names the room layers
                yield (f"kerascnn.{alias.name}" if node.module == "kerascnn" else str(node.module)), node.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(HOUSE)))
def test_imports_keep_to_their_rooms(path):
    here = room(path)
    assert here in ORDER, f"{here} is a new room: say in ORDER where it stands"
    for module, line in imports(path):
        if not module.startswith("kerascnn"):
            continue
        there = module.split(".")[1]
        if there in ("__version__", "build", "list_models"):
            continue
        assert there in ORDER, f"{path.name}:{line}: there is no room {there}"
        assert ORDER.index(there) <= ORDER.index(here), f"{path.name}:{line}: {here} stands below {there}"


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def at_run_time(node: ast.AST):
    """Every import below a node, also those in functions, but for those that only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from at_run_time(child)


def test_no_modules_import_each_other_in_a_circle():
    modules = {name_of(path): path for path in FILES}

    def needs(path):
        for node in at_run_time(ast.parse(path.read_text())):
            module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for name in (module + alias.name for alias in node.names):
                while name and name not in modules:  # a name in a module, or in a package's __init__
                    name = name.rpartition(".")[0]
                yield name

    needed = {module: {*needs(path)} - {module, ""} for module, path in modules.items()}
    try:
        TopologicalSorter(needed).prepare()
    except CycleError as error:
        pytest.fail(" is imported by ".join(error.args[1]))


@pytest.mark.parametrize("path", sorted(HOUSE.rglob("__init__.py")), ids=lambda p: str(p.relative_to(HOUSE)))
def test_a_package_lists_what_is_public(path):
    lines = ast.parse(path.read_text()).body
    assert len(lines) == 1 or any(ast.unparse(line).startswith("__all__ = ") for line in lines)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(HOUSE)))
def test_importing_has_no_effects(path):
    """A module defines names and calls nothing for its effect: it sets no environment, recursion limit or log level.

    But for three: rows are names of their package, each family has what Keras' modules have, and after ``import
    kerascnn`` Keras loads saved models of its layers.
    """
    lines = list(ast.parse(path.read_text()).body)
    for line in lines:
        lines += [
            child for child in ast.iter_child_nodes(line) if isinstance(line, ast.If | ast.For | ast.With | ast.Try)
        ]
        called = isinstance(line, ast.Expr) and isinstance(line.value, ast.Call)
        stored = isinstance(line, ast.Assign) and any(
            isinstance(t, ast.Subscript | ast.Attribute) for t in line.targets
        )
        effects = ("globals().update(ROWS)", "vars(family).update(functions(family))", "register_with_keras()")
        allowed = path.name == "__main__.py" or ast.unparse(line) in effects
        assert allowed or not (called or stored), f"{path.name}:{line.lineno}: {ast.unparse(line)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(HOUSE)))
def test_heavy_imports_wait(path):
    tree = ast.parse(path.read_text())
    top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    names = {alias.name.split(".")[0] for n in top if isinstance(n, ast.Import) for alias in n.names}
    names |= {str(n.module).split(".")[0] for n in top if isinstance(n, ast.ImportFrom)}
    if room(path) in KERAS_FREE:
        assert "keras" not in names, f"{path.name} may import Keras only when it builds a network"
    if room(path) in (*KERAS_FREE, "layers", "weights", "graph"):
        everywhere = {module.split(".")[0] for module, _ in imports(path)}
        assert "tensorflow" not in everywhere, f"{path.name} must work on every backend"


def test_the_toolkit_has_one_door():
    for path in FILES:
        named = {module.split(".")[0] for module, _ in imports(path)} & {"tensorflow_model_optimization", "tf_keras"}
        allowed = {"tf_keras"} if path.parts[-2:] == ("compression", "legacy_layers.py") else set()
        assert named <= allowed, f"{path.name} imports {named}: take them from kerascnn.compression.toolkit"


@pytest.mark.parametrize("path", sorted((HOUSE / "applications").glob("[a-z]*.py")), ids=lambda p: p.stem)
def test_a_family_is_one_short_file_at_the_front_door(path):
    assert len(path.read_text().splitlines()) <= 200
    family = getattr(applications, path.stem)
    assert family in FAMILIES, f"{path.stem} is missing from FAMILIES in applications/__init__.py"
    for module, line in imports(path):
        assert not module.startswith("kerascnn.applications"), f"line {line}: a family imports no other family"


def test_rows_are_named_after_themselves():
    for identifier, row in ROWS.items():
        assert getattr(applications, identifier) is row
        same = [i for i, other in ROWS.items() if other is row]
        assert any(plain(i) == plain(row.name) for i in same), f"{identifier} is called {row.name}"
    rows = {id(row): row for row in ROWS.values()}.values()
    assert len({plain(row.name) for row in rows}) == len(rows), "two rows share a name"


def test_the_files_that_the_lists_for_contributors_name_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = [p for p in re.findall(r"`([\w./<>]+)`", text) if "/" in p and "<" not in p]
    assert len(paths) > 10
    for path in paths:
        assert (ROOT / path).exists(), f"CONTRIBUTING.md names {path}, which is not there"


def test_the_front_door_opens():
    for name in kerascnn.__all__:
        assert getattr(kerascnn, name) is not None and name in dir(kerascnn)
    with pytest.raises(AttributeError, match="no attribute 'bild'"):
        _ = kerascnn.bild


@pytest.mark.parametrize("command", [["list", "eff*"], ["info", "--ledger", "eff*"]], ids=" ".join)
def test_listing_imports_nothing_heavy(command):
    code = (
        f"import sys; from kerascnn.cli import main; assert main({command}) == 0;"
        "print(sorted({'keras', 'tensorflow', 'numpy', 'rich', 'h5py'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert ran.stdout.splitlines()[-1] == "[]", ran.stdout + ran.stderr


def test_what_tools_write_is_current():
    command = [sys.executable, "tools/front_door.py", "--check"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    assert ran.returncode == 0, ran.stderr


def completions(line: str) -> dict:
    jedi = pytest.importorskip("jedi")
    script = jedi.Script(f"import kerascnn\n{line}", path=ROOT / "example.py", project=jedi.Project(ROOT))
    return {completion.name: completion for completion in script.complete(2, len(line))}


def test_editors_complete_the_front_door():
    assert set(kerascnn.__all__) <= set(completions("kerascnn."))


def test_what_stands_at_the_front_door_is_documented():
    for name in kerascnn.__all__:
        assert inspect.getdoc(getattr(kerascnn, name)), f"kerascnn.{name} has no docstring"


def test_editors_complete_the_builders_with_paper_and_size():
    found = {name: c.docstring() for name, c in completions("kerascnn.applications.EfficientNetV2").items()}
    assert {"EfficientNetV2S", "EfficientNetV2M", "EfficientNetV2B0"} <= set(found)
    said = found["EfficientNetV2S"]
    assert all(words in said for words in ("include_top", "Tan & Le 2021", "21.5 M parameters", "384 x 384")), said


@pytest.mark.parametrize("command", [["ruff", "check"], ["ruff", "format", "--check"]], ids=" ".join)
def test_style(command):
    ran = subprocess.run([sys.executable, "-m", *command, "."], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stdout


def test_types():
    ran = subprocess.run(
        [sys.executable, "-m", "pyright", "-p", ".", "--pythonpath", sys.executable],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stdout
