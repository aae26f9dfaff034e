"""Your own photos, from a network that has seen ImageNet: a folder with one sub-folder of images per class.

kerascnn train recipes/finetune.py
kerascnn train recipes/finetune.py --data my_photos
"""

from kerascnn.training import SGD, Cosine, CrossEntropy, Epochs, FineTune, Input, Model, Recipe

RECIPE = Recipe(
    model=Model("efficientnet_lite0", weights="imagenet"),
    data="photos",
    input=Input(size=160),
    augment=("crop:0.25", "flip"),
    length=Epochs(8),
    batch=16,
    optimizer=SGD(lr=0.01, per=256, nesterov=True, weight_decay=1e-4),
    schedule=Cosine(warmup=1),
    loss=CrossEntropy(label_smoothing=0.1),
    finetune=FineTune(probe=300),
)
