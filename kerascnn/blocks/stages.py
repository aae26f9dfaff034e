"""The stem, stages and blocks that most networks since ResNet consist of."""

from math import ceil


def imagenet_stem(k, x, width):
    """7x7 at stride 2, max pool at stride 2.

    He et al. 2015, Table 1, conv1. ``(B, H, W, C)`` to ``(B, H / 4, W / 4, width)``.
    """
    x = (k / "stem").conv_bn_act(x, width, 7, 2)
    return (k / "pool").max_pool(x, 3, 2)


def stages(k, x, depths, block):
    """``depths[i]`` blocks in stage i; each stage but the first begins by halving the map.

    ``block(k, x, i, stride)`` builds one block of stage i, counted from 0.
    """
    for i, depth in enumerate(depths):
        for j in range(depth):
            x = block(k / f"stage{i + 1}" / f"block{j + 1}", x, i, 2 if i > 0 and j == 0 else 1)
    return x


def walk(k, table):
    """The blocks of a table whose rows end in repeats and stride: the scope of each, its other values, its stride.

    The first block of a stage takes the stride. Sandler et al. 2018, Table 2.
    """
    for i, (*values, repeats, stride) in enumerate(table, 1):
        for j in range(1, repeats + 1):
            yield k / f"stage{i}" / f"block{j}", values, stride if j == 1 else 1


def deepen(table, depth):
    """The same table with its repeats, the last column but one, ``depth`` times as many. Tan & Le 2019, section 3.3."""
    return tuple((*values, ceil(depth * repeats), stride) for *values, repeats, stride in table)
