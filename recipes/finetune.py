"""Your own photos, from a network that has seen ImageNet: a folder with one sub-folder of images per class.

    kerascnn train recipes/finetune.py --data my_photos
    kerascnn train recipes/finetune.py --data my_photos --set model.name=efficientnet_b0 batch=32

For some ten photos per class and more; with many thousands, --set finetune.batch_norm=train lets the batch norms learn
too. Any network of `kerascnn weights` will do; size, crop and normalisation of the images are those of its weights. The
first run downloads the weights, 100 MB for this network; afterwards KERASCNN_OFFLINE=1 forbids to ask.

A third of the epochs trains the classifier alone, the rest everything: 4.1 G multiply-adds per image forward, and
about thrice that where all is trained. More than some hundred photos want a GPU.

Momentum and a cosine: Kornblith, Shlens & Le 2018, https://arxiv.org/abs/1805.08974, whose search for the rate, at
256 images, goes from 1e-4 to 0.1. Frozen batch norms: Keras' guide, https://keras.io/guides/transfer_learning.
"""

from kerascnn.training import SGD, Cosine, CrossEntropy, Epochs, FineTune, Model, Recipe

RECIPE = Recipe(
    model=Model("resnet50_v1_5", weights="imagenet"),
    data="my_photos",
    augment=("crop:0.25", "flip"),
    length=Epochs(15),
    batch=64,
    optimizer=SGD(lr=0.01, per=256, nesterov=True, weight_decay=1e-4),
    schedule=Cosine(warmup=1),
    loss=CrossEntropy(label_smoothing=0.1),
    finetune=FineTune(frozen_epochs=5),
)
