"""The ledger's numbers are those that the implementations it names count."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from references import installed, keras_model, measure, spelled, torch_model

from kerascnn.catalogue import find
from kerascnn.ledger import entries

ROOT = Path(__file__).parents[1]
MEASURED = [entry for entry in entries() if entry.source in ("timm", "torchvision", "pytorchcv", "keras.applications")]


@pytest.mark.sharded
@pytest.mark.parametrize("entry", MEASURED, ids=lambda e: f"{e.name}-{e.source}-{e.source_name}-{e.size}")
def test_an_implementation_counts_what_the_ledger_says(entry):
    if not installed(entry.source):
        pytest.skip(f"{entry.source} is not installed")
    row = find(entry.name)
    counted = measure(entry.source, entry.source_name, entry.size, row.channels, row.classes)
    assert (counted.trainable, counted.parameters) == (entry.trainable, entry.parameters)
    assert counted.macs / 1e9 == pytest.approx(entry.gmacs, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("resnet50.a1_in1k", ("resnet50.a1_in1k", [], {})),
        ("MobileNetV2(alpha=0.35)", ("MobileNetV2", [], {"alpha": 0.35})),
        ("densenet.DenseNet(32,(6,12,64,48),64)", ("densenet.DenseNet", [32, (6, 12, 64, 48), 64], {})),
        ("_conf(large, width_mult=0.75)", ("_conf", ["large"], {"width_mult": 0.75})),
    ],
)
def test_source_names_are_read(text, means):
    assert spelled(text) == means


@pytest.mark.parametrize(
    ("source", "name", "parameters"),
    [
        ("torchvision", "googlenet", 6624904),
        ("torchvision", "googlenet(aux_logits=True)", 13004888),
        ("torchvision", "_mobilenet_v3_conf(mobilenet_v3_small, width_mult=0.75)", 1653920),
        ("pytorchcv", "get_resnet_cifar(blocks=32)", 466906),
    ],
)
def test_torch_models_that_need_arguments(source, name, parameters):
    if not installed(source):
        pytest.skip(f"{source} is not installed")
    module = torch_model(source, name)
    assert sum(p.numel() for p in module.parameters()) == parameters and not module.training


def test_keras_models_that_need_arguments():
    model = keras_model("MobileNetV2(alpha=0.35)", 96, 5)
    assert model.input_shape == (None, 96, 96, 3) and model.output_shape == (None, 5)
    assert keras_model("densenet.DenseNet([1,1,1,1])", 64, 3).output_shape == (None, 3)


def test_attention_is_counted():
    if not installed("timm"):
        pytest.skip("timm is not installed")
    patches, tokens, width = 196, 197, 192
    block = tokens * (12 * width**2 + 2 * tokens * width)
    assert measure("timm", "vit_tiny_patch16_224", 224).macs == patches * 768 * width + 12 * block + 1000 * width


def tool(*arguments):
    command = [sys.executable, str(ROOT / "tools/ledger.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})


def test_the_tool_finds_corrects_and_fills_in(tmp_path):
    if not installed("timm"):
        pytest.skip("timm is not installed")
    table = tmp_path / "resnet.csv"
    head = (ROOT / "kerascnn/ledger/resnet.csv").read_text().splitlines()[0]
    right = 'resnet18,timm,resnet18,224,11689512,11699112,1.814073,,,"why, not"'
    typed = "resnet18,keras_hub,typed,224,1,2,3.0,,,"
    table.write_text(
        "\n".join([head, right.replace("689512", "689513"), typed, "resnet34,timm,resnet34,,,,,,,"]) + "\n"
    )
    before = table.read_text()
    checked = tool("--check", "--ledger", str(tmp_path))
    assert checked.returncode == 1 and table.read_text() == before
    assert "trainable 11689513 is 11689512" in checked.stdout and "as typed: 1 of keras_hub" in checked.stdout
    assert tool("--ledger", str(tmp_path)).returncode == 0
    rows = list(csv.reader(table.read_text().splitlines()))
    assert ",".join(rows[0]) == head and table.read_text().splitlines()[1:3] == [right, typed]
    assert rows[3][3:7] == ["224", "21797672", "21814696", "3.663761"]
    assert tool("--check", "--ledger", str(tmp_path), "ResNet-34").returncode == 0
    assert "No row" in tool("--ledger", str(tmp_path), "vgg*").stderr
