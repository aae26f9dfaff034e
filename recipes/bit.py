"""Big Transfer: photos of yours, few or many, without a knob to turn. Kolesnikov et al. 2020, arXiv:1912.11370.

    kerascnn train recipes/bit.py --data my_photos
    kerascnn train recipes/bit.py --data my_photos --set accumulate=16

BiT-HyperRule decides by the data: 500, 10,000 or 20,000 updates for less than 20,000 images, less than 500,000 or more;
128 pixels for images smaller than 96 x 96, else 480; MixUp from 20,000 images on. With accumulate the batch of 512 is
cut into parts, to need less memory, for the same gradient: the network has no batch norm.

The network was trained on ImageNet-21k and is downloaded at the first run (100 MB). 500 updates at 480 pixels are
256,000 images at 19 G multiply-adds forward and about thrice that in all: this wants a GPU.

Published for it, by the authors' README: 97.2 % on CIFAR-10, 86.5 % on CIFAR-100, 80.7 % on ImageNet.
"""

from kerascnn.training import Recipe

RECIPE = Recipe(
    model="bit_r50x1",
    weights="goog_in21k",
    data="my_photos",
    rule="bit",
    augment=("flip",),
    batch=512,
    optimizer="momentum",
    lr=0.003,
    export=("tflite", "tflite-int8", "onnx"),
)
