"""The frame that most networks since ResNet hang their blocks in."""


def imagenet_stem(k, x, width):
    """7x7 at stride 2, max pool at stride 2.

    He et al. 2015, Table 1, conv1. ``(B, H, W, C)`` to ``(B, H / 4, W / 4, width)``.
    """
    x = (k / "stem").conv_bn_act(x, width, 7, 2)
    return (k / "pool").max_pool(x, 3, 2)


def stages(k, x, depths, block):
    """``depths[i]`` blocks in stage i; each stage but the first begins by halving the map.

    ``block(k, x, i, stride)`` draws one block of stage i, counted from 0.
    """
    for i, depth in enumerate(depths):
        for j in range(depth):
            x = block(k / f"stage{i + 1}" / f"block{j + 1}", x, i, 2 if i > 0 and j == 0 else 1)
    return x
