"""Every public function and command, called with each of its parameters wrong: one clear error of our own each time.

``FUNCTIONS`` and ``COMMANDS`` are the tables: a call that is right, and for every parameter values that are not. That
no parameter is missing is a test too. An error is clear when this package raises it, as a type that the docstrings
name, and its text names the parameter, or what was given.
"""

import inspect
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

import kerascnn
from kerascnn.cli import main, parser
from kerascnn.deploy import ExportError
from kerascnn.workflows.compress import Plan

HOUSE = Path(kerascnn.__file__).parent
ERRORS = (ValueError, TypeError, OSError, ImportError, ExportError)
NO_FILE = "no-such-file"
NAN, INF = float("nan"), float("inf")


@dataclass(frozen=True)
class Wrong:
    """Values that a parameter refuses; ``names`` is what the message says instead of the parameter or the value."""

    values: tuple
    names: tuple[str, ...] = ()


def wrong(*values, names=()):
    return Wrong(values, names)


@dataclass(frozen=True)
class Call:
    """A call that is right, and what is wrong for each parameter; ``free`` are those for which nothing is."""

    right: dict = field(default_factory=dict)
    wrong: dict = field(default_factory=dict)
    free: tuple[str, ...] = ()


@pytest.fixture(scope="module")
def at_hand(tmp_path_factory):
    """What calls are made with, by the names that stand in the tables with an @."""
    import keras

    from kerascnn.card import Card
    from kerascnn.spec import Preprocess

    folder = tmp_path_factory.mktemp("bad_inputs")
    keras.utils.set_random_seed(0)
    L = keras.layers
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), L.Conv2D(4, 3, activation="relu"), L.Flatten(), L.Dense(10, activation="softmax")]
    )
    path = folder / "net.keras"
    model.save(path)
    prep = Preprocess(size=8, mean=(0.0,), std=(1.0,))
    card = Card(model="net", task="classification", labels=tuple(map(str, range(10))), preprocess=prep)
    card.write(path)
    kerascnn.export(path, folder / "net.tflite")
    images = np.random.default_rng(0).uniform(0, 1, (12, 8, 8, 1)).astype("float32")
    np.save(folder / "images.npy", images)
    (folder / "text.txt").write_text("words\n")
    (folder / "empty").mkdir()
    keras.utils.save_img(folder / "image.png", np.zeros((8, 8, 1)))
    return {
        "model": model,
        "keras": path,
        "tflite": folder / "net.tflite",
        "images": images,
        "npy": folder / "images.npy",
        "pairs": (images, np.arange(12) % 10),
        "text": folder / "text.txt",
        "empty": folder / "empty",
        "out": folder / "new.tflite",
        "card": card,
        "recipe": Path(__file__).parents[2] / "recipes" / "digits.py",
        "new": folder / "new.keras",
        "new_tflite": folder / "new_too.tflite",
        "svg": folder / "chart.svg",
        "folder": folder / "results",
        "png": folder / "image.png",
        "scores": np.full((1, 1000), 0.001, "float32"),
        "photo": np.zeros((8, 8, 1), "uint8"),
    }


NO_MODEL = wrong(3, None, NO_FILE, names=("model",))
NO_KERAS_MODEL = wrong(3, "mobilenet_v2", None, names=("Keras model",))
NO_PAIRS = wrong(3, (np.zeros((2, 8, 8, 1)), np.zeros(3)), (np.zeros((2, 8)), np.zeros(2)), names=("Training data",))
NO_TUNING = wrong(3, "fast", {"epochs": 1}, names=("Tuning",))
FUNCTIONS = {
    "build": Call({"model": "lenet5"}, {"model": wrong("lenet55", 3, "", None), "arguments": Wrong(())}),
    "describe": Call({"name": "lenet5"}, {"name": wrong("lenet55", 3, "", None, names=("model",))}),
    "features": Call({"model": "lenet5"}, {"model": wrong("resnet51", 3, None), "arguments": Wrong(())}),
    "list_models": Call({}, {"pattern": wrong(3, None), "task": wrong("segmentatoin", 3)}),
    "scale": Call(
        {"model": "efficientnet_b0", "phi": 1.0},
        {
            "model": wrong("efficientnet_b99", 3),
            "phi": wrong("a", NAN, INF, -100.0),
            **{name: wrong("a", NAN, -1.0, 0) for name in ("alpha", "beta", "gamma")},
        },
    ),
    "check_calibration": Call(
        {"images": "@images", "model_or_card": "@card"},
        {
            "images": wrong(3, np.zeros((0, 8, 8, 1), "float32"), "words"),
            "model_or_card": wrong(3, NO_FILE),
            "reference": wrong(3, np.zeros(3)),
            "targets": wrong(3, np.zeros(3), names=("one class for each",)),
        },
    ),
    "check_delegates": Call(
        {"path": "@tflite"},
        {
            "path": wrong(NO_FILE, "@text", "@empty", 3),
            "delegates": wrong(["edgetpus"], 3, names=("edgetpus",)),
        },
    ),
    **{
        verb: Call(
            {"model": "@model", "train": "@pairs"},
            {
                "model": NO_KERAS_MODEL,
                "train": NO_PAIRS,
                settings: wrong(3, "much", names=(record,)),
                "tuning": NO_TUNING,
                "loss": wrong(3, "crossentropy"),
            },
        )
        for verb, settings, record in [("prune", "pruning", "Pruning"), ("cluster", "clustering", "Clustering")]
    },
    "quantize_aware": Call(
        {"model": "@model", "train": "@pairs"},
        {"model": NO_KERAS_MODEL, "train": NO_PAIRS, "tuning": NO_TUNING, "loss": wrong(3, "crossentropy")},
    ),
    "remove_filters": Call(
        {"model": "@model"}, {"model": NO_KERAS_MODEL, "filters": wrong(3, "half", names=("Filters",))}
    ),
    "compare_layers": Call(
        {"model": "@keras", "file": "@tflite", "images": "@images"},
        {
            "model": NO_MODEL,
            "file": wrong(NO_FILE, "@text", 3),
            "images": wrong(3, np.zeros(3), np.zeros((0, 8, 8, 1), "float32"), np.zeros((2, 9, 9, 3), "float32")),
            "card": wrong(3, "card"),
        },
    ),
    "compress": Call(
        {"model": "@keras", "data": "digits", "plan": Plan(int8=True)},
        {
            "model": wrong(NO_FILE, "@text", 3),
            "data": wrong(NO_FILE, 3, "@empty"),
            "plan": wrong(3, "small"),
            "out": wrong(3, "@text"),
            "log": wrong(3),
        },
        free=("overwrite",),
    ),
    "cost": Call({"model": "@model"}, {"model": NO_KERAS_MODEL, "size": wrong(0, -3, 2.5, "big")}),
    "decode_predictions": Call(
        {"preds": "@scores"},
        {
            "preds": wrong(3, np.zeros((2, 7)), np.zeros(1000), names=("decode_predictions",)),
            "top": wrong(0, -1, 2.5, "many"),
        },
    ),
    "edge_safe": Call({"model": "@model"}, {"model": NO_KERAS_MODEL}),
    "evaluate": Call(
        {"model": "@keras", "source": "digits"},
        {
            "model": wrong(NO_FILE, "@text", 3),
            "source": wrong(NO_FILE, 3, "@empty"),
            "split": wrong("dev", 3),
            "crops": wrong(0, 3, "ten"),
            "corruptions": wrong(("fogg",), 3, names=("fogg",)),
            "severities": wrong((0,), (6,), 3, names=("severity",)),
            "on_corrupt": wrong("ignore", 3),
            "report": wrong(3),
        },
        free=("command",),
    ),
    "export": Call(
        {"model": "@keras", "path": "@out"},
        {
            "model": wrong(NO_FILE, "@text", 3),
            "path": wrong(3, "@text"),
            "format": wrong("tflight", 3),
            "calibration": wrong(3, np.zeros(3), np.zeros((0, 8, 8, 1), "float32"), names=("calibration",)),
            "card": wrong(3, "card"),
            "batch": wrong(0, -1, 2.5, "any"),
            "nms": wrong(True, "yes"),
            "io": wrong("float", 3),
            "float_layers": wrong(["conv99"], 3, names=("conv99",)),
        },
        free=("pixels", "select_tf_ops", "overwrite"),
    ),
    "find_record": Call(
        {"network": "resnet50"}, {"network": wrong("resnet51", 3), "tag": wrong("imagenat", 3)}, free=("include_top",)
    ),
    "as_keras_cv": Call({"model": "@model"}, {"model": NO_KERAS_MODEL}),
    "fold_batch_norm": Call({"model": "@model"}, {"model": NO_KERAS_MODEL}),
    "list_weights": Call({"network": "resnet50"}, {"network": wrong("resnet51", 3)}),
    "load_keras": Call({"path": "@keras"}, {"path": wrong(NO_FILE, "@text", "@empty", "@tflite", 3)}),
    "load_recipe": Call({"page": "@recipe"}, {"page": wrong(NO_FILE, "@text", "@empty", 3)}),
    "lower": Call({"model": "@model"}, {"model": NO_KERAS_MODEL}),
    "open_data": Call(
        {"source": "digits"},
        {
            "source": wrong(NO_FILE, 3, "@empty", "@text", None),
            "validation": wrong(0.0, 1.0, -0.5, NAN, "some"),
            "seed": wrong(2.5, "a"),
            "on_corrupt": wrong("ignore", 3),
        },
        free=("progress", "proposals"),
    ),
    "open_model": Call(
        {"path": "@tflite"}, {"path": wrong(NO_FILE, "@text", "@empty", 3), "threads": wrong(0, -1, 2.5, "all")}
    ),
    "predict": Call(
        {"model": "@keras", "images": "@photo"},
        {
            "model": wrong(NO_FILE, "@text", 3, "resnet50.imagenat", names=("imagenat",)),
            "images": wrong(NO_FILE, 3, "@text", "@empty", np.zeros(3, "uint8")),
        },
    ),
    "preprocess_input": Call(
        {"images": "@photo", "weights": "resnet50.imagenet"},
        {
            "images": wrong("words", np.zeros(4)),
            "weights": wrong("resnet51", 3, "resnet50.imagenat", names=("imagenat",)),
        },
    ),
    "receptive_field": Call(
        {"model": "@model"}, {"model": NO_KERAS_MODEL, "layer": wrong("conv99", 3), "size": wrong(0, -3, 2.5, "big")}
    ),
    "train": Call(
        {"recipe": kerascnn.load_recipe(Path(__file__).parents[2] / "recipes" / "digits.py"), "out": "@out"},
        {
            "recipe": wrong(3, "recipes/digits.py"),
            "out": wrong(3, "@text"),
            "exports": wrong(("tflight",), 3, names=("tflight",)),
            "strategy": wrong("two", 3, "mirrored:0"),
            "precision": wrong("float8", 3),
            "on_corrupt": wrong("ignore", 3),
            "images": wrong(-1, 2.5, "some"),
            "save_every": wrong(0, -1, NAN, "often"),
            "log": wrong(3),
        },
        free=("xla", "remat", "deterministic", "extend", "overwrite", "command"),
    ),
    "verify": Call(
        {"model": "@keras", "file": "@tflite"},
        {
            "model": wrong(NO_FILE, "@text", 3),
            "file": wrong(NO_FILE, "@text", 3),
            "format": wrong("tflight", 3, "onnx"),
            "images": wrong(3, np.zeros(3), np.zeros((0, 8, 8, 1), "float32"), np.zeros((2, 9, 9, 3), "float32")),
            "card": wrong(3, "card"),
            "batch": wrong(0, -1, 2.5, "any"),
        },
        free=("select_tf_ops",),
    ),
}


def test_every_public_function_and_parameter_is_in_the_table():
    public = {name for name in kerascnn.__all__ if inspect.isfunction(getattr(kerascnn, name))}
    assert {*FUNCTIONS} == public
    for name, call in FUNCTIONS.items():
        assert {*call.wrong, *call.free} == {*inspect.signature(getattr(kerascnn, name)).parameters}, name


def filled(value, at_hand):
    if not (isinstance(value, str) and value.startswith("@")):
        return value
    name, colon, rest = value[1:].partition(":")
    return f"{at_hand[name]}:{rest}" if colon else at_hand[name]


def calls():
    for name, call in FUNCTIONS.items():
        for parameter, bad in call.wrong.items():
            for place, value in enumerate(bad.values):
                shown = value if isinstance(value, str | int | float | None) else type(value).__name__
                yield pytest.param(name, parameter, value, id=f"{name}-{parameter}-{place}-{shown}")


@pytest.mark.parametrize(("name", "parameter", "value"), calls())
def test_a_wrong_argument_is_one_clear_error(name, parameter, value, at_hand):
    call, value = FUNCTIONS[name], filled(value, at_hand)
    arguments = {key: filled(right, at_hand) for key, right in call.right.items()} | {parameter: value}
    function = getattr(kerascnn, name)
    place = [*inspect.signature(function).parameters.values()]
    positional = [arguments.pop(p.name) for p in place if p.kind == p.POSITIONAL_ONLY and p.name in arguments]
    with pytest.raises(ERRORS) as raised:
        function(*positional, **arguments)
    is_clear(raised, [parameter, *call.wrong[parameter].names, named(value)])
    assert not at_hand["out"].exists()


def named(value):
    """What a message may say of a value."""
    if isinstance(value, np.ndarray):
        return str(value.shape)
    return str(value) if isinstance(value, str | int | float | Path) else f"{value!r}"


def is_clear(raised, words):
    where = Path(traceback.extract_tb(raised.tb)[-1].filename)
    text = str(raised.value)
    assert HOUSE in where.parents, f"{where} raised {raised.type.__name__}: {text}"
    assert any(word and word in text for word in words), f"none of {words} is named by: {text}"


# -- commands: options stand as in a line, positional arguments by their name -----------------------------------------

FILES = ("no-such-file.keras", "@text", "@empty")
DATA = ("no-such-folder", "@empty", "@text")
COMMANDS = {
    "list": Call({}, {"pattern": wrong("nothing-like-it"), "--task": wrong("segmentatoin")}),
    "weights": Call({}, {"pattern": wrong("nothing-like-it")}),
    "info": Call(
        {"model": "lenet5"},
        {"model": wrong("lenet55", "no-such-file.keras"), "--size": wrong("0", "-3", "big")},
        free=("--ledger", "--json"),
    ),
    "chart": Call(
        {"--out": "@svg"},
        {"pattern": wrong("nothing-like-it"), "--out": wrong("chart.docx"), "--top1": wrong("no-such.csv", "@text")},
    ),
    "train": Call(
        {"recipe": "@recipe", "--out": "@folder"},
        {
            "recipe": wrong("no-such.py", "@text", "@empty", "@recipe:NOTHING"),
            "--data": wrong(*DATA),
            "--set": wrong(
                "optimizer.rl=1",
                "optimizer",
                "length.epochs=-1",
                "optimizer.lr=much",
                "batch=0",
                names=("epochs", "optimizer.rl", "lr of", "batch of"),
            ),
            "--export": wrong("tflight"),
            "--out": wrong("@text"),
            "--strategy": wrong("two", "mirrored:0", "mirrored:x"),
            "--precision": wrong("float8"),
            "--on-corrupt": wrong("ignore"),
            "--save-every": wrong("0", "often"),
        },
        free=("--xla", "--remat", "--deterministic", "--quick", "--extend", "--overwrite"),
    ),
    "evaluate": Call(
        {"model": "@keras", "--data": "digits", "--out": "@folder"},
        {
            "model": wrong(*FILES),
            "--data": wrong(*DATA),
            "--split": wrong("dev"),
            "--crops": wrong("3", "ten"),
            "--corruptions": wrong("fogg"),
            "--severities": wrong("0", "a,b"),
            "--on-corrupt": wrong("ignore"),
            "--out": wrong("@text"),
            "--json": wrong("@empty"),
        },
    ),
    "predict": Call(
        {"model": "@keras", "images": "@png"},
        {
            "model": wrong(*FILES, "resnet50.imagenat", names=("imagenat",)),
            "images": wrong("no-such.jpg", "@text", "@empty"),
            "--top": wrong("0", "many"),
        },
        free=("--out",),
    ),
    "compress": Call(
        {"model": "@keras", "--data": "digits", "--int8": None, "--out": "@new"},
        {
            "model": wrong(*FILES, "@tflite"),
            "--data": wrong(*DATA),
            "--filters": wrong("0", "1", "half"),
            "--prune": wrong("1.5", "much", "conv=2", names=("sparsity",)),
            "--schedule": wrong("linear"),
            "--block": wrong("4", "axb"),
            "--pattern": wrong("2", "5:4", "a:b"),
            "--cluster": wrong("1", "few"),
            "--epochs": wrong("0", "some"),
            "--batch": wrong("0", "some"),
            "--lr": wrong("0", "-1", "nan", "small"),
            "--out": wrong("@keras"),
        },
        free=("--int8", "--overwrite"),
    ),
    "edge-safe": Call(
        {"model": "@keras", "--out": "@new"},
        {"model": wrong(*FILES, "@tflite"), "--out": wrong("@keras")},
        free=("--overwrite",),
    ),
    "export": Call(
        {"model": "@keras", "--out": "@new_tflite"},
        {
            "model": wrong(*FILES),
            "--format": wrong("tflight"),
            "--out": wrong("@keras", "x.docx"),
            "--android": wrong("@empty"),
            "--calibration": wrong(*DATA),
            "--batch": wrong("0", "some"),
            "--io": wrong("float", "uint8"),
            "--nms": wrong(None, names=("nms",)),
            "--float-layers": wrong("conv99"),
        },
        free=("--pixels", "--select-tf-ops", "--overwrite"),
    ),
    "verify": Call(
        {"model": "@keras", "file": "@tflite"},
        {
            "model": wrong(*FILES),
            "file": wrong(*FILES),
            "--format": wrong("tflight", "onnx"),
            "--data": wrong(*DATA),
            "--batch": wrong("0", "some", "7"),
        },
        free=("--select-tf-ops", "--json"),
    ),
    "check": Call({"file": "@tflite"}, {"file": wrong(*FILES), "--delegate": wrong("edgetpus")}, free=("--json",)),
    "lint-calibration": Call(
        {"model": "@keras", "images": "@npy"},
        {"model": wrong(*FILES), "images": wrong("no.npy", *DATA), "--reference": wrong("no.npy", *DATA)},
        free=("--json",),
    ),
    "compare-layers": Call(
        {"model": "@keras", "file": "@tflite", "--data": "@npy"},
        {
            "model": wrong(*FILES),
            "file": wrong(*FILES),
            "--data": wrong("no.npy", *DATA),
            "--images": wrong("0", "some"),
            "--apply": wrong("@new_tflite"),
        },
        free=("--overwrite", "--json"),
    ),
}


def commands():
    """The arguments of every command: options by their name, positional ones too."""
    (choices,) = (action.choices for action in parser()._actions if hasattr(action.choices, "items"))
    for name, command in choices.items():
        actions = [action for action in command._actions if not {"-h", "--debug"} & {*action.option_strings}]
        yield name, {action.option_strings[-1] if action.option_strings else action.dest for action in actions}


def test_every_command_and_option_is_in_the_table():
    table = {name: {*call.wrong, *call.free} for name, call in COMMANDS.items()}
    assert table == dict(commands())


def lines():
    for name, call in COMMANDS.items():
        for option, bad in call.wrong.items():
            yield from (pytest.param(name, option, value, id=f"{name} {option} {value}") for value in bad.values)


@pytest.mark.parametrize(("name", "option", "value"), lines())
def test_a_wrong_line_is_one_clear_error(name, option, value, at_hand, capsys, monkeypatch):
    monkeypatch.chdir(at_hand["empty"])
    given = {**COMMANDS[name].right, option: value}
    line = [name]
    for key, each in given.items():
        line += [key] if key.startswith("--") else []
        line += [] if each is None else [str(filled(each, at_hand))]
    try:
        status = main(line)
    except SystemExit as refused:  # by argparse
        status = refused.code
    said = capsys.readouterr().err
    assert status == 2, said
    assert "Traceback" not in said
    value = str(filled(value, at_hand))
    words = option.lstrip("-").partition("-")[0], value, Path(value).name, *COMMANDS[name].wrong[option].names
    assert any(word in said for word in words), said
    assert not [*at_hand["empty"].iterdir()]
    assert not [path for name, path in at_hand.items() if name.startswith("new") and path.exists()]
