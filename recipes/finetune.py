"""Your own photos, from a network that has seen ImageNet: a folder with one sub-folder of images per class.

    kerascnn train recipes/finetune.py --data my_photos
    kerascnn train recipes/finetune.py --data my_photos --set model=efficientnet_b0 batch=32

For some ten photos per class and more; with many thousands, --set batch_norm=train lets the batch norms learn too. Any
network of `kerascnn weights` will do; size, crop and normalisation of the images are those of its weights. The first
run downloads the weights, 100 MB for this network; afterwards KERASCNN_OFFLINE=1 forbids to ask.

A third of the epochs trains the classifier alone, the rest everything: 4.1 G multiply-adds per image forward, and
about thrice that where all is trained. More than some hundred photos want a GPU.

Momentum and a cosine: Kornblith, Shlens & Le 2018, https://arxiv.org/abs/1805.08974, whose search for the rate, at
256 images, goes from 1e-4 to 0.1. Batch norms held still: Keras' guide, https://keras.io/guides/transfer_learning.
"""

from kerascnn.training import Recipe

RECIPE = Recipe(
    model="resnet50_v1_5",
    weights="imagenet",
    frozen_epochs=5,
    batch_norm="frozen",
    data="my_photos",
    augment=("crop:0.25", "flip"),
    epochs=15,
    batch=64,
    lr=0.01,
    lr_batch=256,
    weight_decay=1e-4,
    warmup_epochs=1,
    label_smoothing=0.1,
    export=("tflite", "tflite-int8", "onnx"),
)
