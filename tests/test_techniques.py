"""Techniques that a recipe may ask for, each held to its formula by hand or to another implementation."""

import numpy as np

from kerascnn.spec import Preprocess


# Repeated augmentation


def test_repeats_are_those_of_timm():
    """Its sampler's order and ours, from the same permutation; its epoch is cut to multiples of 256."""
    import torch
    from references import import_torchvision

    from kerascnn.data import Split
    from kerascnn.data.pipeline import batches

    import_torchvision()
    from timm.data.distributed_sampler import RepeatAugSampler

    images = np.broadcast_to(np.arange(600, dtype=np.int32)[:, None, None, None] % 256, (600, 2, 2, 1)).astype(np.uint8)
    split = Split(images, np.arange(600, dtype=np.int32))
    how = dict(seed=5, epoch=1, shuffle=True)
    small = Preprocess(size=2, crop=1.0, mean=(0.0,), std=(1.0,))
    order = np.concatenate([targets for _, targets in batches(split, small, 64, **how)])
    for repeats in (2, 3, 4):
        seen = np.concatenate([targets for _, targets in batches(split, small, 64, repeats=repeats, **how)])
        sampler = RepeatAugSampler(range(600), num_replicas=1, rank=0, shuffle=False, num_repeats=repeats)
        theirs = [int(order[place]) for place in sampler]
        assert len(theirs) == 512 and theirs == seen[:512].tolist()
        assert len(seen) == 600 and torch.tensor(seen).unique().numel() == 600 / repeats


def test_repeats_are_augmented_each_anew():
    """The first copy as without repeats, the next one otherwise, and both the same whenever asked."""
    from kerascnn.data import Split
    from kerascnn.data.pipeline import batches

    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 256, (12, 20, 20, 3)).astype(np.uint8), np.arange(12, dtype=np.int32))
    how = dict(preprocess=Preprocess(size=12), batch=12, augment=("crop", "flip", "jitter"), seed=2, shuffle=True)
    ((once, names),) = batches(split, **how)
    ((twice, same),) = batches(split, repeats=2, **how)
    ((again, _),) = batches(split, repeats=2, parallel=1, **how)
    once, twice = once.numpy(), twice.numpy()
    assert np.array_equal(same, np.repeat(names, 2)[:12]) and np.array_equal(twice, again)
    for place in range(6):
        assert np.array_equal(twice[2 * place], once[place])
        assert not np.array_equal(twice[2 * place + 1], once[place])
