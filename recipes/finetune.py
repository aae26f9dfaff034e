"""Your own photos, from a network that has seen ImageNet: a folder with one sub-folder of images per class.

    kerascnn train recipes/finetune.py
    kerascnn train recipes/finetune.py --data my_photos
    kerascnn train recipes/finetune.py --data my_photos --set model.name=resnet50_v1_5 input.size=224

For some ten photos per class and more; without --data it learns the 107 photographs that the package carries. With many
thousands, --set finetune.batch_norm=train lets the batch norms learn too. Any network of `kerascnn weights` will do;
crop and normalisation of the images are those of its weights. Those of this network are in a package, which the extra
`pretrained` installs; others are downloaded by the first run, and KERASCNN_OFFLINE=1 forbids to ask.

The classifier learns first, on features that are computed once, then everything at a small rate: a random classifier
would bend the features before it is of use (Kumar et al. 2022, https://arxiv.org/abs/2202.10054). Momentum and a
cosine: Kornblith, Shlens & Le 2018, https://arxiv.org/abs/1805.08974, whose search for the rate, at 256 images, goes
from 1e-4 to 0.1. Frozen batch norms: Keras' guide, https://keras.io/guides/transfer_learning.
"""

from kerascnn.training import SGD, Cosine, CrossEntropy, Epochs, FineTune, Input, Model, Recipe

RECIPE = Recipe(
    model=Model("efficientnet_lite0", weights="imagenet"),
    data="photos",
    input=Input(size=160),
    augment=("crop:0.25", "flip"),
    length=Epochs(15),
    batch=16,
    optimizer=SGD(lr=0.01, per=256, nesterov=True, weight_decay=1e-4),
    schedule=Cosine(warmup=1),
    loss=CrossEntropy(label_smoothing=0.1),
    finetune=FineTune(probe=300),
)
