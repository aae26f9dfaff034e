"""HRNet. Wang et al. 2019, figures 2 and 3, with the classifier of the released code."""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.blocks import basic, bottleneck
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Deep high-resolution representation learning for visual recognition",
    authors="Wang et al.",
    year=2019,
    url="https://arxiv.org/abs/1908.07919",
)
WIDENED = (32, 64, 128, 256)  # inner widths of the bottlenecks before the classifier, which put out four times as many


def transition(k, maps, width):
    """One more branch, at half the size of the smallest. Stage 1 has its own width, the branches have theirs."""
    fresh = (k / f"branch{len(maps) + 1}").conv_bn_act(maps[-1], width * 2 ** len(maps), 3, 2)
    if len(maps) == 1:
        maps = [(k / "branch1").conv_bn_act(maps[0], width, 3)]
    return [*maps, fresh]


def module(k, maps, blocks):
    """Figure 3: residual blocks in every branch, then each branch adds in the maps of the others."""
    for j in range(blocks):
        maps = [basic(k / f"branch{i}" / f"block{j + 1}", x, x.shape[-1]) for i, x in enumerate(maps, 1)]
    return [fuse(k / f"fuse{i + 1}", maps, i) for i in range(len(maps))]


def fuse(k, maps, i):
    """The sum of all maps at the size and width of map i."""
    above = [down(k / f"down{j + 1}", maps[j], maps[i].shape[-1], i - j) for j in range(i)]
    below = [up(k / f"up{j + 1}", maps[j], maps[i], j - i) for j in range(i + 1, len(maps))]
    return k.act(k.add(*above, maps[i], *below))


def down(k, x, width, times):
    """3x3 convolutions at stride 2; the last gives the width."""
    for _ in range(times - 1):
        x = k.conv_bn_act(x, x.shape[-1], 3, 2)
    return k.conv_bn(x, width, 3, 2)


def up(k, x, like, times):
    """1x1 convolution to the width, nearest neighbour to the size."""
    x = k(L.UpSampling2D, 2**times)(k.conv_bn(x, like.shape[-1]))
    return k(L.CropLike)([x, like])


@dataclass(frozen=True)
class HRNet(Architecture):
    """A stem to a quarter of the size, four stages with one branch more each, all branches into one map."""

    width: int  # of the largest map in stages 2 to 4; the next smaller have two, four and eight times as many
    modules: tuple[int, ...] = (1, 4, 3)  # of stages 2 to 4
    blocks: int = 4  # of each branch of a module
    first: tuple[int, int] = (64, 4)  # inner width and number of the bottlenecks of stage 1
    _: KW_ONLY
    style: Style = Style(epsilon=1e-5, momentum=0.9, padding="symmetric", initializer="he_fan_out")
    paper: Paper = PAPER

    tiny = {"width": 4, "modules": (1, 1), "blocks": 1, "first": (8, 1), "size": 32}

    def trunk(self, k, x):
        for _ in range(2):
            x = (k / "stem").conv_bn_act(x, 64, 3, 2)
        inner, depth = self.first
        for j in range(depth):
            x = bottleneck(k / "stage1" / f"block{j + 1}", x, inner, 4 * inner)
        maps = [x]
        for i, modules in enumerate(self.modules, 1):
            maps = transition(k / f"transition{i}", maps, self.width)
            for m in range(modules):
                maps = module(k / f"stage{i + 1}" / f"module{m + 1}", maps, self.blocks)
        return self.gather(k, maps)

    def gather(self, k, maps):
        """From the largest map down: widen each, add what comes from above."""
        widened = [
            bottleneck(k / f"widen{i}", x, inner, 4 * inner)
            for i, (x, inner) in enumerate(zip(maps, WIDENED, strict=False), 1)
        ]
        y = widened[0]
        for i, x in enumerate(widened[1:], 1):
            here = k / f"gather{i}"
            y = here.add(x, here.conv_bn_act(y, x.shape[-1], 3, 2))
        return (k / "last").conv_bn_act(y, 2048)


HRNetW18 = HRNet("hrnet_w18", 18)
HRNetW30 = HRNet("hrnet_w30", 30)
HRNetW32 = HRNet("hrnet_w32", 32)
HRNetW40 = HRNet("hrnet_w40", 40)
HRNetW44 = HRNet("hrnet_w44", 44)
HRNetW48 = HRNet("hrnet_w48", 48)
HRNetW64 = HRNet("hrnet_w64", 64)
HRNetW18SmallV1 = HRNet("hrnet_w18_small_v1", 16, (1, 1, 1), 2, (32, 1))
HRNetW18SmallV2 = HRNet("hrnet_w18_small_v2", 18, (1, 3, 2), 2, (64, 2))
