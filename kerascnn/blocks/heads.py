"""From the last feature map ``(B, H, W, C)`` to logits ``(B, classes)``, in float32 whatever the precision."""

from kerascnn import layers as L


def pool_classify(k, x, classes, dropout=0.0, *, bias=True):
    """Average over the map, dropout, dense layer: most heads since Network in Network (Lin et al. 2013)."""
    x = k(L.GlobalAveragePooling2D)(x)
    x = k(L.Dropout, dropout)(x) if dropout else x
    return k(L.Dense, classes, use_bias=bias, dtype="float32")(x)


def convolve_classify(k, x, classes, dropout=0.0):
    """Dropout, a 1x1 convolution to one map for each class, the average of each: Lin et al. 2013, section 3.2."""
    x = k(L.Dropout, dropout)(x) if dropout else x
    return k(L.GlobalAveragePooling2D, dtype="float32")(k.conv_act(x, classes))


def two_hidden_classify(k, x, classes, hidden=4096, dropout=0.5):
    """Flatten, two hidden layers with dropout after each, dense layer. Krizhevsky et al. 2012, figure 2."""
    x = k(L.Flatten)(x)
    for _ in range(2):
        x = k(L.Dropout, dropout)(k.act(k(L.Dense, hidden)(x)))
    return k(L.Dense, classes, dtype="float32")(x)
