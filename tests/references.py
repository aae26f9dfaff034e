"""Others' implementations as the ledger names them, built without weights, and what they count.

The ledger's column ``source_name`` is a name, ``resnet50``, or a call, ``MobileNetV2(alpha=0.35)``; a word among the
arguments is a string. Auxiliary heads are left out unless the call asks for them.
"""

import ast
import inspect
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

BUILDS = ("keras.applications", "timm", "torchvision", "pytorchcv", "efficientnet_lite_pytorch")
UNLESS_ASKED = {  # of torchvision; only what a builder has a parameter for is passed to it
    "weights": None,
    "weights_backbone": None,
    "aux_logits": False,
    "aux_loss": False,
    "init_weights": False,  # GoogLeNet and Inception draw theirs for a minute
    "transform_input": False,
}
CIFAR = {"num_classes": 10, "bottleneck": False}  # of pytorchcv's get_resnet_cifar and the like


def installed(source: str) -> bool:
    """Whether ``source`` can be built here."""
    return source in BUILDS and find_spec(source.partition(".")[0]) is not None


def torch_model(source: str, source_name: str) -> Any:
    """The torch module that ``source`` calls ``source_name``, in evaluation mode, with its own random weights.

    Parameters
    ----------
    source
        ``"timm"``, ``"torchvision"``, ``"pytorchcv"`` or ``"efficientnet_lite_pytorch"``.
    source_name
        A name that the source's own ``create_model`` or ``get_model`` knows, or a callable of its models, with
        arguments in parentheses where it needs them.
    """
    name, positional, named = spelled(source_name)
    builders = {"timm": of_timm, "torchvision": of_torchvision, "pytorchcv": of_pytorchcv}
    builders |= {"efficientnet_lite_pytorch": of_lite}
    return builders[source](name, positional, named).eval()


def keras_model(source_name: str, size: int, classes: int) -> Any:
    """The network that keras.applications calls ``source_name``, with a softmax, without preprocessing inside."""
    from keras import applications

    name, positional, named = spelled(source_name)
    module, _, function = name.rpartition(".")  # densenet.DenseNet, the general one, is not for everyone
    builder = getattr(import_module(f"keras.src.applications.{module}") if module else applications, function)
    options: dict = {"weights": None, "input_shape": (size, size, 3), "classes": classes} | named
    if "include_preprocessing" in inspect.signature(builder).parameters:
        options["include_preprocessing"] = False
    return builder(*positional, **options)


@dataclass(frozen=True)
class Counts:
    """Parameters that training changes, all with the moving statistics of batch norm, and multiply-adds."""

    trainable: int
    parameters: int
    macs: int


def measure(source: str, source_name: str, size: int, channels: int = 3, classes: int = 1000) -> Counts:
    """What an implementation counts for one image of ``size`` x ``size`` pixels."""
    if source == "keras.applications":
        import keras

        from kerascnn.graph.cost import cost

        keras.backend.clear_session()
        model = keras_model(source_name, size, classes)
        counted = cost(model, size)
        return Counts(counted.trainable, model.count_params(), counted.macs)  # with the count of a Normalization
    import torch

    try:
        with torch.device("meta"):  # shapes alone: no memory, no arithmetic
            return count_torch(torch_model(source, source_name), torch.empty(1, channels, size, size))
    except (NotImplementedError, RuntimeError):  # a network that reads numbers while it is built
        return count_torch(torch_model(source, source_name), torch.zeros(1, channels, size, size))


def count_torch(module: Any, image: Any) -> Counts:
    """Counts of a module; torch sees every multiplication of matrices, in convolutions and attention too."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    module.training = getattr(module, "aux_logits", False)  # auxiliary heads answer then; the layers stay as they were
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(image)
    trainable = sum(p.numel() for p in module.parameters())
    moving = sum(b.numel() for name, b in module.named_buffers() if name.endswith(("running_mean", "running_var")))
    return Counts(trainable, trainable + moving, counter.get_total_flops() // 2)


def of_timm(name: str, positional: list, named: dict) -> Any:
    import_torchvision()
    import timm

    if timm.is_model(name):
        published = timm.get_pretrained_cfg(name)
        if published and published.num_classes == 0:  # a trunk was published; its drawing has a classifier all the same
            named = {"num_classes": 1000} | named
        return timm.create_model(name, pretrained=False, **named)
    return at(timm.models, name)(*positional, **named)


def of_torchvision(name: str, positional: list, named: dict) -> Any:
    models = import_torchvision().models
    if name == "_mobilenet_v3_conf":  # the only way to MobileNetV3's other widths
        return models.MobileNetV3(*models.mobilenetv3._mobilenet_v3_conf(*positional, **named))
    builder = models.get_model_builder(name) if name in models.list_models() else at(models, name)
    known = {*inspect.signature(builder).parameters}
    if name in ("googlenet", "inception_v3"):
        known |= {"aux_logits", "init_weights", "transform_input"}  # handed on by **kwargs
    made = builder(*positional, **{k: v for k, v in UNLESS_ASKED.items() if k in known} | named)
    if name in models.list_models(module=models.detection):
        made.forward = partial(of_two_stages if hasattr(made, "rpn") else of_one_stage, made)
    return made


def of_one_stage(made: Any, images: Any) -> Any:
    """What a detector of torchvision says of its anchors, without choosing detections."""
    return made.head([*made.backbone(images).values()])


def of_two_stages(made: Any, images: Any) -> Any:
    """The same of one of two stages, and of as many regions, and detections, as it looks at, wherever they are."""
    maps, heads = made.backbone(images), made.roi_heads
    regions = images.new_zeros(made.rpn._post_nms_top_n["testing"], made.backbone.out_channels, 7, 7)
    found = [made.rpn.head([*maps.values()]), heads.box_predictor(heads.box_head(regions))]
    if heads.has_mask():
        detections = images.new_zeros(heads.detections_per_img, made.backbone.out_channels, 14, 14)
        found.append(heads.mask_predictor(heads.mask_head(detections)))
    return found


def of_pytorchcv(name: str, positional: list, named: dict) -> Any:
    import_torchvision()  # pytorchcv imports it
    from pytorchcv import model_provider

    module, _, function = name.rpartition(".")  # fractalnet_cifar.CIFARFractalNet, the general one
    if not module and not name.startswith("get_"):
        return at_any_size(model_provider.get_model(name, pretrained=False, **named))
    builder = getattr(import_module(f"pytorchcv.models.{module or name.removeprefix('get_')}"), function)
    first = list(inspect.signature(builder).parameters)[len(positional) :]
    return at_any_size(builder(*positional, **{k: v for k, v in CIFAR.items() if k in first} | named))


def at_any_size(model: Any) -> Any:
    """``model`` with the mean of the whole last map where pytorchcv has that of a window of its own image size."""
    from torch import nn

    for module in list(model.modules()):
        for name, pool in module.named_children():
            if isinstance(pool, nn.AvgPool2d) and pool.kernel_size > 5:  # smaller ones stand within the network
                setattr(module, name, nn.AdaptiveAvgPool2d(1))
    return model


def of_lite(name: str, positional: list, named: dict) -> Any:
    from efficientnet_lite_pytorch import EfficientNet

    return EfficientNet.from_name(name, image_size=None)  # pads for any size of the image


def spelled(source_name: str) -> tuple[str, list, dict]:
    """What a source name calls, and with which arguments."""
    tree = ast.parse(source_name, mode="eval").body
    if not isinstance(tree, ast.Call):  # also a name with a dash, which is no name of Python
        return source_name, [], {}
    named = {keyword.arg: value(keyword.value) for keyword in tree.keywords}
    return ast.unparse(tree.func), [value(node) for node in tree.args], named


def value(node: ast.expr) -> Any:
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)


def at(module: Any, path: str) -> Any:
    """What ``path`` names in ``module``: ``densenet.DenseNet``."""
    for name in path.split("."):
        module = getattr(module, name)
    return module


def import_torchvision() -> Any:
    """torchvision, also where it was built for CUDA and torch was not, and so cannot load its operators.

    Its import fails then because it describes operators that nobody has declared. The classifiers use none.
    """
    import torch

    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        declarations = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            declarations.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        KEPT.append(declarations)  # they last as long as the object does
        import torchvision
    return torchvision


KEPT: list = []
