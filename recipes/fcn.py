"""FCN-8s on PASCAL VOC, from VGG-16 as ImageNet trained it, whose classifier becomes convolutions.

    kerascnn train recipes/fcn.py --data voc2012
    kerascnn train recipes/fcn.py --data voc2012 --set model.name=fcn32s_vgg16

`voc2012` is a folder with images/ and masks/, in train/ and validation/. Published: mean IoU 65.5 % on 736 validation
images, FCN-32s 63.6 % (the released networks). Cost: 5 x 10^16 multiply-adds, 3 x 181 G for each of 100,000 images. VOC
was not trained here. Source: section 4.3 of the paper; the number of images is that of the released solvers. The
authors train FCN-32s first and start FCN-16s and FCN-8s from it, at smaller rates; they do not augment.
"""

from kerascnn.training import SGD, Constant, Input, Model, Recipe, Steps

RECIPE = Recipe(
    model=Model("fcn8s_vgg16", weights="imagenet"),
    data="voc2012",
    input=Input(size=500),
    length=Steps(5000, every=250),
    batch=20,
    optimizer=SGD(lr=1e-4, weight_decay=5e-4),
    schedule=Constant(),
)
