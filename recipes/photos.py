"""Your own photos, from scratch: a folder with one sub-folder of images per class, or train/ and test/ of such.

    kerascnn train recipes/photos.py --data my_photos
    kerascnn train recipes/photos.py --data my_photos --set model=efficientnet_lite0 epochs=200

For some hundred photos per class and more. A quarter of each class is held out when the folder is not split.
"""

from kerascnn.training import Recipe

RECIPE = Recipe(
    model="resnet18",
    data="my_photos",
    size=128,
    augment=("crop", "flip"),
    epochs=100,
    batch=64,
    lr=0.05,
    weight_decay=5e-4,
    warmup_epochs=5,
    label_smoothing=0.1,
    export=("tflite", "tflite-int8", "onnx"),
)
