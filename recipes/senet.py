"""Squeeze-and-excitation on ImageNet: SE-ResNet-50, SE-ResNeXt-50 and SENet-154.

    kerascnn train recipes/senet.py --data imagenet
    kerascnn train recipes/senet.py:SENET154 --data imagenet --strategy workers

Published, top-1: 77.6 % for SE-ResNet-50, 81.3 % for SENet-154 (read-me of the authors' code). Cost: 1.5 x 10^18
multiply-adds, 3 x 3.9 G for each of 1.28 M images, 100 times; 8 x 10^18 for SENet-154. ImageNet was not trained here.
Source: Hu et al. 2017, section 6.1. The authors also turn by up to 10 degrees and shift the values of pixels.
"""

from kerascnn.training import SGD, CrossEntropy, Epochs, Input, Model, Recipe, StepDecay

RECIPE = Recipe(
    model=Model("se_resnet50"),
    data="imagenet",
    input=Input(size=224),
    augment=("crop", "flip"),
    length=Epochs(100),
    batch=1024,
    optimizer=SGD(lr=0.6, weight_decay=1e-4),
    schedule=StepDecay(at=(30, 60, 90)),
)
SE_RESNEXT50 = RECIPE.replace({"model.name": "se_resnext50_32x4d"})
SENET154 = RECIPE.replace({"model.name": "senet154"}, loss=CrossEntropy(label_smoothing=0.1))
