"""MobileNet v1 on ImageNet.

    kerascnn train recipes/mobilenet.py --data imagenet

Published: 72.3 % top-1 for these settings (TensorFlow Model Garden); the paper has 70.6 % (Howard et al. 2017, Table
8). Cost: 1.1 x 10^18 multiply-adds, 3 x 0.57 G for each of 1.28 M images, 500 times. ImageNet was not trained here.
Source: imagenet_mobilenetv1_tpu.yaml of the Model Garden.
"""

from kerascnn.training import CrossEntropy, Epochs, Exponential, Input, Model, Recipe, RMSProp

RECIPE = Recipe(
    model=Model("mobilenet_100", fields={"dropout": 0.2}),
    data="imagenet",
    input=Input(size=224),
    augment=("crop", "flip"),
    length=Epochs(500),
    batch=4096,
    optimizer=RMSProp(lr=0.008, per=128, epsilon=0.002, weight_decay=1e-5),
    schedule=Exponential(by=0.94, every=2.5, warmup=5),
    loss=CrossEntropy(label_smoothing=0.1),
)
