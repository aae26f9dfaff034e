"""Your own photos, from scratch: a folder with one sub-folder of images per class, or train/ and test/ of such.

    kerascnn train recipes/photos.py --data my_photos
    kerascnn train recipes/photos.py --data my_photos --set model.name=efficientnet_lite0 length.epochs=200

For some hundred photos per class and more. A quarter of the images is for validation when the folder is not split.
"""

from kerascnn.training import SGD, Cosine, CrossEntropy, Epochs, Input, Model, Recipe

RECIPE = Recipe(
    model=Model("resnet18"),
    data="my_photos",
    input=Input(size=128),
    augment=("crop", "flip"),
    length=Epochs(100),
    batch=64,
    optimizer=SGD(lr=0.05, nesterov=True, weight_decay=5e-4),
    schedule=Cosine(warmup=5),
    loss=CrossEntropy(label_smoothing=0.1),
)
