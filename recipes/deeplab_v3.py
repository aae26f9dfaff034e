"""DeepLabV3: on PASCAL VOC as the paper trains it, and on COCO with VOC's classes as torchvision does.

    kerascnn train recipes/deeplab_v3.py --data voc2012
    kerascnn train recipes/deeplab_v3.py:TORCHVISION --data coco_voc
    kerascnn train recipes/deeplab_v3.py:TORCHVISION --data coco_voc --set model.name=fcn_resnet50
    kerascnn train recipes/deeplab_v3.py:SHAPES
    kerascnn train recipes/deeplab_v3.py:MOBILE_SHAPES

The data are folders with images/ and masks/, in train/ and validation/. Published: mean IoU 77.2 % at stride 16 on
VOC's validation images (Chen et al. 2017, Table 6, with rates of 1, 2 and 4 within the last stage, which this network
has not); torchvision 66.4 %, FCN 60.5 %. Cost: 0.1 x 10^18 multiply-adds for ``RECIPE``. Neither was trained here.
Source: section 4.1 of the paper; torchvision's references/segmentation, with 8 x 4 images a step. Images are scaled by
0.5 to 2 there, here cut out from a quarter of the image on; torchvision's auxiliary loss is left out.

``SHAPES``, on generated shapes, ends at 85.4 % mean IoU on 404 validation images after 40 epochs (seed 0), and
``MOBILE_SHAPES``, on half of MobileNetV2's width and the stages up to its 96 channels, at 86.2 % after 60 in batches
of 8, in int8 too, and at 86.8 % tuned for it; with 40 in batches of 16 it was 78.1 %.
"""

from kerascnn.applications import MobileNetV2_050
from kerascnn.segmentation import DeepLabV3
from kerascnn.spec import Style
from kerascnn.training import SGD, AdamW, Cosine, Epochs, Input, Model, Polynomial, Recipe, Steps

RECIPE = Recipe(
    model=Model("deeplabv3_resnet101", weights="imagenet", fields={"output_stride": 16, "rates": (6, 12, 18)}),
    data="voc2012",
    input=Input(size=513),
    augment=("crop:0.25", "flip"),
    length=Steps(30_000, every=1000),
    batch=16,
    optimizer=SGD(lr=0.007, weight_decay=1e-4),
    schedule=Polynomial(power=0.9),
)
TORCHVISION = RECIPE.replace(
    model=Model("deeplabv3_resnet50", weights="imagenet"),
    data="coco_voc",
    input=Input(size=480),
    length=Epochs(30),
    batch=32,
    optimizer=SGD(lr=0.02, weight_decay=1e-4),
)
SHAPES = Recipe(
    model=Model(
        "deeplabv3_resnet20_cifar", fields={"width": 64, "rates": (2, 4, 6), "output_stride": 2, "dropout": 0.0}
    ),
    data="shape_masks",
    input=Input(size=64, crop=1.0, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("flip", "affine"),
    length=Epochs(40),
    batch=16,
    optimizer=AdamW(lr=0.002, weight_decay=0.01),
    schedule=Cosine(warmup=1),
)
MOBILE_SHAPES = SHAPES.replace(
    model=Model(
        DeepLabV3.on(
            MobileNetV2_050.replace(
                name="mobilenet_v2_050_c96", table=MobileNetV2_050.table[:5], last=48, style=Style(activation="relu6")
            )
        ),
        fields=SHAPES.model.fields,
    ),
    length=Epochs(60),
    batch=8,
)
