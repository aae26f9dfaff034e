"""The handwritten digits that scikit-learn carries, upscaled to 32 x 32: the quickest real training there is.

    kerascnn train recipes/digits.py --strategy mirrored:2

Two and a half minutes on 2 CPU cores. ResNet-20, which was made for images of this size, got 99.36 % of the 468
validation digits right (seed 0, two devices), and so did its TFLite, int8 and ONNX files.
"""

from kerascnn.training import SGD, Cosine, Epochs, Input, Model, Recipe

RECIPE = Recipe(
    model=Model("resnet20_cifar"),
    data="digits",
    input=Input(size=32, crop=1.0, mean=(0.5,), std=(0.5,)),
    augment=("affine",),
    length=Epochs(20),
    batch=32,
    optimizer=SGD(lr=0.05, nesterov=True, weight_decay=5e-4),
    schedule=Cosine(warmup=2),
)
