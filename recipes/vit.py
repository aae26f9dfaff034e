"""ViT on ImageNet alone: as in the paper, and as DeiT trains it.

    kerascnn train recipes/vit.py --data imagenet
    kerascnn train recipes/vit.py:DEIT --data imagenet
    kerascnn train recipes/vit.py:DEIT --data imagenet --set model.name=vit_s16

Published: 77.9 % top-1 for B/16, fine-tuned at 384 pixels (Dosovitskiy et al. 2020, Table 5); DeiT-B 81.8, S 79.8, Ti
72.2 % (Touvron et al. 2020, Table 7). Cost: 20 x 10^18 multiply-adds for B/16, 3 x 17.6 G for each of 1.28 M images,
300 times. ImageNet was not trained here. Source: appendix B.1 of the paper; Table 9 of DeiT. The paper has Adam with
L2; here decay is decoupled.
"""

from kerascnn.training import AdamW, Cosine, CrossEntropy, Epochs, Input, Model, Recipe

RECIPE = Recipe(
    model=Model("vit_b16"),
    data="imagenet",
    input=Input(size=224, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    augment=("crop", "flip"),
    length=Epochs(300),
    batch=4096,
    optimizer=AdamW(lr=0.003, weight_decay=0.3),
    schedule=Cosine(warmup=32),  # 10,000 steps
    clip_norm=1.0,
)
DEIT = Recipe(
    model=Model("vit_b16", fields={"dropout": 0.0, "drop_path": 0.1}),
    data="imagenet",
    input=Input(size=224),
    augment=("crop", "flip", "randaugment:2:9", "erasing:0.25", "mixup:0.8", "cutmix:1.0"),
    repeats=3,
    length=Epochs(300),
    batch=1024,
    optimizer=AdamW(lr=5e-4, per=512, weight_decay=0.05),
    schedule=Cosine(warmup=5),
    loss=CrossEntropy(label_smoothing=0.1),
    ema=0.99996,
)
