"""Written by tools/front_door.py from the tables of the families."""

from types import ModuleType

from kerascnn.applications import alexnet as alexnet
from kerascnn.applications import bit as bit
from kerascnn.applications import condensenet as condensenet
from kerascnn.applications import convnext as convnext
from kerascnn.applications import darknet as darknet
from kerascnn.applications import densenet as densenet
from kerascnn.applications import efficientnet as efficientnet
from kerascnn.applications import efficientnet_edgetpu as efficientnet_edgetpu
from kerascnn.applications import efficientnet_v2 as efficientnet_v2
from kerascnn.applications import effnet as effnet
from kerascnn.applications import fbnet as fbnet
from kerascnn.applications import fractalnet as fractalnet
from kerascnn.applications import googlenet as googlenet
from kerascnn.applications import highway as highway
from kerascnn.applications import hrnet as hrnet
from kerascnn.applications import inception_resnet as inception_resnet
from kerascnn.applications import inception_v2 as inception_v2
from kerascnn.applications import inception_v3 as inception_v3
from kerascnn.applications import inception_v4 as inception_v4
from kerascnn.applications import lenet as lenet
from kerascnn.applications import mnasnet as mnasnet
from kerascnn.applications import mobilenet as mobilenet
from kerascnn.applications import mobilenet_v2 as mobilenet_v2
from kerascnn.applications import mobilenet_v3 as mobilenet_v3
from kerascnn.applications import nasnet as nasnet
from kerascnn.applications import nin as nin
from kerascnn.applications import resnet as resnet
from kerascnn.applications import resnet_v2 as resnet_v2
from kerascnn.applications import resnext as resnext
from kerascnn.applications import rir as rir
from kerascnn.applications import senet as senet
from kerascnn.applications import shufflenet as shufflenet
from kerascnn.applications import shufflenet_v2 as shufflenet_v2
from kerascnn.applications import squeezenet as squeezenet
from kerascnn.applications import squeezenext as squeezenext
from kerascnn.applications import stochastic_depth as stochastic_depth
from kerascnn.applications import vgg as vgg
from kerascnn.applications import vit as vit
from kerascnn.applications import wide_resnet as wide_resnet
from kerascnn.applications import xception as xception
from kerascnn.applications import zfnet as zfnet
from kerascnn.networks.architecture import Architecture

FAMILIES: tuple[ModuleType, ...]
ROWS: dict[str, Architecture]

LeNet5: lenet.LeNet
"""lenet5: 61.7 k parameters, 417 k multiply-adds at 32 x 32 px. LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document recognition, https://doi.org/10.1109/5.726791"""
LeNet5_1998: lenet.LeNet1998
"""lenet5_1998: 60 k parameters, 327 k multiply-adds at 32 x 32 px. LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document recognition, https://doi.org/10.1109/5.726791"""
LeNetCaffe: lenet.LeNet
"""lenet_caffe: 431 k parameters, 2.29 M multiply-adds at 28 x 28 px. LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document recognition, https://doi.org/10.1109/5.726791"""
AlexNetTwoTower: alexnet.AlexNetFamily
"""alexnet_two_tower: 61 M parameters, 724 M multiply-adds at 227 x 227 px. Krizhevsky, Sutskever & Hinton 2012, ImageNet classification with deep convolutional neural networks, https://papers.nips.cc/paper/4824"""
AlexNetJoinedTowers: alexnet.AlexNetFamily
"""alexnet_joined_towers: 62.4 M parameters, 1.13 G multiply-adds at 224 x 224 px. Krizhevsky, Sutskever & Hinton 2012, ImageNet classification with deep convolutional neural networks, https://papers.nips.cc/paper/4824"""
AlexNet: alexnet.AlexNetFamily
"""alexnet: 61.1 M parameters, 714 M multiply-adds at 224 x 224 px. Krizhevsky 2014, One weird trick for parallelizing convolutional neural networks, https://arxiv.org/abs/1404.5997"""
ZFNet: zfnet.ZFNetFamily
"""zfnet: 62.4 M parameters, 1.17 G multiply-adds at 224 x 224 px. Zeiler & Fergus 2013, Visualizing and understanding convolutional networks, https://arxiv.org/abs/1311.2901"""
ZFNetWide: zfnet.ZFNetFamily
"""zfnet_wide: 108 M parameters, 2.48 G multiply-adds at 224 x 224 px. Zeiler & Fergus 2013, Visualizing and understanding convolutional networks, https://arxiv.org/abs/1311.2901"""
ZFNetNormaliseFirst: zfnet.ZFNetFamily
"""zfnet_normalise_first: 62.4 M parameters, 1.17 G multiply-adds at 224 x 224 px. Zeiler & Fergus 2013, Visualizing and understanding convolutional networks, https://arxiv.org/abs/1311.2901"""
ZFNetWideNormaliseFirst: zfnet.ZFNetFamily
"""zfnet_wide_normalise_first: 108 M parameters, 2.48 G multiply-adds at 224 x 224 px. Zeiler & Fergus 2013, Visualizing and understanding convolutional networks, https://arxiv.org/abs/1311.2901"""
NiN: nin.NetworkInNetwork
"""nin: 7.6 M parameters, 1.1 G multiply-adds at 224 x 224 px. Lin, Chen & Yan 2013, Network in network, https://arxiv.org/abs/1312.4400"""
NiNCIFAR10: nin.NetworkInNetworkCIFAR
"""nin_cifar10: 967 k parameters, 222 M multiply-adds at 32 x 32 px. Lin, Chen & Yan 2013, Network in network, https://arxiv.org/abs/1312.4400"""
NiNCIFAR100: nin.NetworkInNetworkCIFAR
"""nin_cifar100: 984 k parameters, 224 M multiply-adds at 32 x 32 px. Lin, Chen & Yan 2013, Network in network, https://arxiv.org/abs/1312.4400"""
VGG11: vgg.VGG
"""vgg11: 133 M parameters, 7.61 G multiply-adds at 224 x 224 px. Simonyan & Zisserman 2014, Very deep convolutional networks for large-scale image recognition, https://arxiv.org/abs/1409.1556"""
VGG11BN: vgg.VGG
"""vgg11_bn: 133 M parameters, 7.61 G multiply-adds at 224 x 224 px. Simonyan & Zisserman 2014, Very deep convolutional networks for large-scale image recognition, https://arxiv.org/abs/1409.1556"""
VGG11LRN: vgg.VGG
"""vgg11_lrn: 133 M parameters, 7.61 G multiply-adds at 224 x 224 px. Simonyan & Zisserman 2014, Very deep convolutional networks for large-scale image recognition, https://arxiv.org/abs/1409.1556"""
VGG13: vgg.VGG
"""vgg13: 133 M parameters, 11.3 G multiply-adds at 224 x 224 px. Simonyan & Zisserman 2014, Very deep convolutional networks for large-scale image recognition, https://arxiv.org/abs/1409.1556"""
VGG13BN: vgg.VGG
"""vgg13_bn: 133 M parameters, 11.3 G multiply-adds at 224 x 224 px. Simonyan & Zisserman 2014, Very deep convolutional networks for large-scale image recognition, https://arxiv.org/abs/1409.1556"""
VGG16C: vgg.VGG
"""vgg16_c: 134 M parameters, 11.8 G multiply-adds at 224 x 224 px. Simonyan & Zisserman 2014, Very deep convolutional networks for large-scale image recognition, https://arxiv.org/abs/1409.1556"""
VGG16: vgg.VGG
"""vgg16: 138 M parameters, 15.5 G multiply-adds at 224 x 224 px. Simonyan & Zisserman 2014, Very deep convolutional networks for large-scale image recognition, https://arxiv.org/abs/1409.1556"""
VGG16BN: vgg.VGG
"""vgg16_bn: 138 M parameters, 15.5 G multiply-adds at 224 x 224 px. Simonyan & Zisserman 2014, Very deep convolutional networks for large-scale image recognition, https://arxiv.org/abs/1409.1556"""
VGG19: vgg.VGG
"""vgg19: 144 M parameters, 19.6 G multiply-adds at 224 x 224 px. Simonyan & Zisserman 2014, Very deep convolutional networks for large-scale image recognition, https://arxiv.org/abs/1409.1556"""
VGG19BN: vgg.VGG
"""vgg19_bn: 144 M parameters, 19.6 G multiply-adds at 224 x 224 px. Simonyan & Zisserman 2014, Very deep convolutional networks for large-scale image recognition, https://arxiv.org/abs/1409.1556"""
GoogLeNet: googlenet.GoogLeNetFamily
"""googlenet: 6.62 M parameters, 1.5 G multiply-adds at 224 x 224 px. Szegedy et al. 2014, Going deeper with convolutions, https://arxiv.org/abs/1409.4842"""
GoogLeNetAuxiliary: googlenet.GoogLeNetFamily
"""googlenet_auxiliary: 13 M parameters, 1.51 G multiply-adds at 224 x 224 px. Szegedy et al. 2014, Going deeper with convolutions, https://arxiv.org/abs/1409.4842"""
GoogLeNet2014: googlenet.GoogLeNetFamily
"""googlenet_2014: 7 M parameters, 1.58 G multiply-adds at 224 x 224 px. Szegedy et al. 2014, Going deeper with convolutions, https://arxiv.org/abs/1409.4842"""
GoogLeNet2014Auxiliary: googlenet.GoogLeNetFamily
"""googlenet_2014_auxiliary: 13.4 M parameters, 1.59 G multiply-adds at 224 x 224 px. Szegedy et al. 2014, Going deeper with convolutions, https://arxiv.org/abs/1409.4842"""
InceptionV2: inception_v2.InceptionV2Family
"""inception_v2: 11.2 M parameters, 2.02 G multiply-adds at 224 x 224 px. Ioffe & Szegedy 2015, Batch normalization: accelerating deep network training by reducing internal covariate shift, https://arxiv.org/abs/1502.03167"""
InceptionV2MXNet: inception_v2.InceptionV2Family
"""inception_v2_mxnet: 11.3 M parameters, 2.03 G multiply-adds at 224 x 224 px. Ioffe & Szegedy 2015, Batch normalization: accelerating deep network training by reducing internal covariate shift, https://arxiv.org/abs/1502.03167"""
SEInceptionV2: inception_v2.InceptionV2Family
"""se_inception_v2: 11.9 M parameters, 2.03 G multiply-adds at 224 x 224 px. Hu, Shen, Albanie, Sun & Wu 2017, Squeeze-and-excitation networks, https://arxiv.org/abs/1709.01507"""
Highway10MNIST: highway.Highway
"""highway10_mnist: 152 k parameters, 31.7 M multiply-adds at 28 x 28 px. Srivastava, Greff & Schmidhuber 2015, Training very deep networks, https://arxiv.org/abs/1507.06228"""
Highway19CIFAR: highway.Highway
"""highway19_cifar: 2.26 M parameters, 331 M multiply-adds at 32 x 32 px. Srivastava, Greff & Schmidhuber 2015, Training very deep networks, https://arxiv.org/abs/1507.06228"""
InceptionV3: inception_v3.InceptionV3Family
"""inception_v3: 23.8 M parameters, 5.71 G multiply-adds at 299 x 299 px. Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2015, Rethinking the inception architecture for computer vision, https://arxiv.org/abs/1512.00567"""
InceptionV3Auxiliary: inception_v3.InceptionV3Family
"""inception_v3_auxiliary: 27.2 M parameters, 5.72 G multiply-adds at 299 x 299 px. Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2015, Rethinking the inception architecture for computer vision, https://arxiv.org/abs/1512.00567"""
ResNet18: resnet.ResNet
"""resnet18: 11.7 M parameters, 1.81 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385"""
ResNet34: resnet.ResNet
"""resnet34: 21.8 M parameters, 3.66 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385"""
ResNet50: resnet.ResNet
"""resnet50: 25.6 M parameters, 3.86 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385"""
ResNet101: resnet.ResNet
"""resnet101: 44.5 M parameters, 7.57 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385"""
ResNet152: resnet.ResNet
"""resnet152: 60.2 M parameters, 11.3 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385"""
ResNet50V1_5: resnet.ResNet
"""resnet50_v1_5: 25.6 M parameters, 4.09 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385"""
ResNet101V1_5: resnet.ResNet
"""resnet101_v1_5: 44.5 M parameters, 7.8 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385"""
ResNet152V1_5: resnet.ResNet
"""resnet152_v1_5: 60.2 M parameters, 11.5 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385"""
ResNet20CIFAR: resnet.ResNetCIFAR
"""resnet20_cifar: 270 k parameters, 40.6 M multiply-adds at 32 x 32 px. He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385"""
ResNet32CIFAR: resnet.ResNetCIFAR
"""resnet32_cifar: 464 k parameters, 68.9 M multiply-adds at 32 x 32 px. He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385"""
ResNet44CIFAR: resnet.ResNetCIFAR
"""resnet44_cifar: 659 k parameters, 97.2 M multiply-adds at 32 x 32 px. He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385"""
ResNet56CIFAR: resnet.ResNetCIFAR
"""resnet56_cifar: 853 k parameters, 125 M multiply-adds at 32 x 32 px. He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385"""
ResNet110CIFAR: resnet.ResNetCIFAR
"""resnet110_cifar: 1.73 M parameters, 253 M multiply-adds at 32 x 32 px. He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385"""
ResNet1202CIFAR: resnet.ResNetCIFAR
"""resnet1202_cifar: 19.4 M parameters, 2.83 G multiply-adds at 32 x 32 px. He, Zhang, Ren & Sun 2015, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385"""
InceptionV4: inception_v4.InceptionV4Family
"""inception_v4: 42.7 M parameters, 12.3 G multiply-adds at 299 x 299 px. Szegedy, Ioffe, Vanhoucke & Alemi 2016, Inception-v4, Inception-ResNet and the impact of residual connections on learning, https://arxiv.org/abs/1602.07261"""
InceptionResNetV1: inception_resnet.InceptionResNet
"""inception_resnet_v1: 22.8 M parameters, 6.21 G multiply-adds at 299 x 299 px. Szegedy, Ioffe, Vanhoucke & Alemi 2016, Inception-v4, Inception-ResNet and the impact of residual connections on learning, https://arxiv.org/abs/1602.07261"""
InceptionResNetV1FaceNet: inception_resnet.InceptionResNet
"""inception_resnet_v1_facenet: 24 M parameters, 1.42 G multiply-adds at 160 x 160 px. Szegedy, Ioffe, Vanhoucke & Alemi 2016, Inception-v4, Inception-ResNet and the impact of residual connections on learning, https://arxiv.org/abs/1602.07261"""
InceptionResNetV2: inception_resnet.InceptionResNet
"""inception_resnet_v2: 55.8 M parameters, 13.2 G multiply-adds at 299 x 299 px. Szegedy, Ioffe, Vanhoucke & Alemi 2016, Inception-v4, Inception-ResNet and the impact of residual connections on learning, https://arxiv.org/abs/1602.07261"""
ResNet50V2: resnet_v2.ResNetV2
"""resnet50_v2: 25.6 M parameters, 3.48 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2016, Identity mappings in deep residual networks, https://arxiv.org/abs/1603.05027"""
ResNet101V2: resnet_v2.ResNetV2
"""resnet101_v2: 44.6 M parameters, 7.19 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2016, Identity mappings in deep residual networks, https://arxiv.org/abs/1603.05027"""
ResNet152V2: resnet_v2.ResNetV2
"""resnet152_v2: 60.2 M parameters, 10.9 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2016, Identity mappings in deep residual networks, https://arxiv.org/abs/1603.05027"""
PreActResNet18: resnet_v2.PreActResNet
"""preact_resnet18: 11.7 M parameters, 1.81 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2016, Identity mappings in deep residual networks, https://arxiv.org/abs/1603.05027"""
PreActResNet34: resnet_v2.PreActResNet
"""preact_resnet34: 21.8 M parameters, 3.66 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2016, Identity mappings in deep residual networks, https://arxiv.org/abs/1603.05027"""
PreActResNet50: resnet_v2.PreActResNet
"""preact_resnet50: 25.5 M parameters, 4.09 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2016, Identity mappings in deep residual networks, https://arxiv.org/abs/1603.05027"""
PreActResNet101: resnet_v2.PreActResNet
"""preact_resnet101: 44.5 M parameters, 7.8 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2016, Identity mappings in deep residual networks, https://arxiv.org/abs/1603.05027"""
PreActResNet152: resnet_v2.PreActResNet
"""preact_resnet152: 60.2 M parameters, 11.5 G multiply-adds at 224 x 224 px. He, Zhang, Ren & Sun 2016, Identity mappings in deep residual networks, https://arxiv.org/abs/1603.05027"""
PreActResNet110: resnet_v2.CifarPreActResNet
"""preact_resnet110: 1.73 M parameters, 253 M multiply-adds at 32 x 32 px. He, Zhang, Ren & Sun 2016, Identity mappings in deep residual networks, https://arxiv.org/abs/1603.05027"""
PreActResNet164: resnet_v2.CifarPreActResNet
"""preact_resnet164: 1.7 M parameters, 245 M multiply-adds at 32 x 32 px. He, Zhang, Ren & Sun 2016, Identity mappings in deep residual networks, https://arxiv.org/abs/1603.05027"""
PreActResNet1001: resnet_v2.CifarPreActResNet
"""preact_resnet1001: 10.3 M parameters, 1.49 G multiply-adds at 32 x 32 px. He, Zhang, Ren & Sun 2016, Identity mappings in deep residual networks, https://arxiv.org/abs/1603.05027"""
StochasticDepth110CIFAR: stochastic_depth.StochasticDepth
"""stochastic_depth110_cifar: 1.73 M parameters, 253 M multiply-adds at 32 x 32 px. Huang, Sun, Liu, Sedra & Weinberger 2016, Deep networks with stochastic depth, https://arxiv.org/abs/1603.09382"""
StochasticDepth152SVHN: stochastic_depth.StochasticDepth
"""stochastic_depth152_svhn: 2.41 M parameters, 352 M multiply-adds at 32 x 32 px. Huang, Sun, Liu, Sedra & Weinberger 2016, Deep networks with stochastic depth, https://arxiv.org/abs/1603.09382"""
StochasticDepth1202CIFAR: stochastic_depth.StochasticDepth
"""stochastic_depth1202_cifar: 19.4 M parameters, 2.83 G multiply-adds at 32 x 32 px. Huang, Sun, Liu, Sedra & Weinberger 2016, Deep networks with stochastic depth, https://arxiv.org/abs/1603.09382"""
StochasticDepth152: stochastic_depth.StochasticDepth
"""stochastic_depth152: 60.2 M parameters, 11.3 G multiply-adds at 224 x 224 px. Huang, Sun, Liu, Sedra & Weinberger 2016, Deep networks with stochastic depth, https://arxiv.org/abs/1603.09382"""
WRN40_1: wide_resnet.WRN
"""wrn_40_1: 564 k parameters, 83.3 M multiply-adds at 32 x 32 px. Zagoruyko & Komodakis 2016, Wide residual networks, https://arxiv.org/abs/1605.07146"""
WRN40_2: wide_resnet.WRN
"""wrn_40_2: 2.24 M parameters, 328 M multiply-adds at 32 x 32 px. Zagoruyko & Komodakis 2016, Wide residual networks, https://arxiv.org/abs/1605.07146"""
WRN40_4: wide_resnet.WRN
"""wrn_40_4: 8.95 M parameters, 1.3 G multiply-adds at 32 x 32 px. Zagoruyko & Komodakis 2016, Wide residual networks, https://arxiv.org/abs/1605.07146"""
WRN40_8: wide_resnet.WRN
"""wrn_40_8: 35.7 M parameters, 5.17 G multiply-adds at 32 x 32 px. Zagoruyko & Komodakis 2016, Wide residual networks, https://arxiv.org/abs/1605.07146"""
WRN28_10: wide_resnet.WRN
"""wrn_28_10: 36.5 M parameters, 5.24 G multiply-adds at 32 x 32 px. Zagoruyko & Komodakis 2016, Wide residual networks, https://arxiv.org/abs/1605.07146"""
WRN16_8: wide_resnet.WRN
"""wrn_16_8: 11 M parameters, 1.55 G multiply-adds at 32 x 32 px. Zagoruyko & Komodakis 2016, Wide residual networks, https://arxiv.org/abs/1605.07146"""
WRN16_10: wide_resnet.WRN
"""wrn_16_10: 17.1 M parameters, 2.41 G multiply-adds at 32 x 32 px. Zagoruyko & Komodakis 2016, Wide residual networks, https://arxiv.org/abs/1605.07146"""
WideResNet50_2: wide_resnet.WideResNet
"""wide_resnet50_2: 68.9 M parameters, 11.4 G multiply-adds at 224 x 224 px. Zagoruyko & Komodakis 2016, Wide residual networks, https://arxiv.org/abs/1605.07146"""
WideResNet101_2: wide_resnet.WideResNet
"""wide_resnet101_2: 127 M parameters, 22.8 G multiply-adds at 224 x 224 px. Zagoruyko & Komodakis 2016, Wide residual networks, https://arxiv.org/abs/1605.07146"""
RiR18Wide: rir.RiR
"""rir18_wide: 9.49 M parameters, 1.28 G multiply-adds at 32 x 32 px. Targ, Almeida & Lyman 2016, ResNet in ResNet: generalizing residual architectures, https://arxiv.org/abs/1603.08029"""
SqueezeNet1_0: squeezenet.SqueezeNet
"""squeezenet1_0: 1.25 M parameters, 819 M multiply-adds at 224 x 224 px. Iandola et al. 2016, SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size, https://arxiv.org/abs/1602.07360"""
SqueezeNet1_0SimpleBypass: squeezenet.SqueezeNet
"""squeezenet1_0_simple_bypass: 1.25 M parameters, 819 M multiply-adds at 224 x 224 px. Iandola et al. 2016, SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size, https://arxiv.org/abs/1602.07360"""
SqueezeNet1_0ComplexBypass: squeezenet.SqueezeNet
"""squeezenet1_0_complex_bypass: 1.59 M parameters, 1.17 G multiply-adds at 224 x 224 px. Iandola et al. 2016, SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size, https://arxiv.org/abs/1602.07360"""
SqueezeNet1_1: squeezenet.SqueezeNet
"""squeezenet1_1: 1.24 M parameters, 349 M multiply-adds at 224 x 224 px. Iandola et al. 2016, SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size, https://arxiv.org/abs/1602.07360"""
SqueezeNet1_1SimpleBypass: squeezenet.SqueezeNet
"""squeezenet1_1_simple_bypass: 1.24 M parameters, 349 M multiply-adds at 224 x 224 px. Iandola et al. 2016, SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size, https://arxiv.org/abs/1602.07360"""
FractalNet20: fractalnet.FractalNet
"""fractalnet20: 33.7 M parameters, 845 M multiply-adds at 32 x 32 px. Larsson, Maire & Shakhnarovich 2016, FractalNet: ultra-deep neural networks without residuals, https://arxiv.org/abs/1605.07648"""
FractalNet5Thin: fractalnet.FractalNet
"""fractalnet5_thin: 258 k parameters, 4.58 M multiply-adds at 32 x 32 px. Larsson, Maire & Shakhnarovich 2016, FractalNet: ultra-deep neural networks without residuals, https://arxiv.org/abs/1605.07648"""
FractalNet10Thin: fractalnet.FractalNet
"""fractalnet10_thin: 848 k parameters, 19.2 M multiply-adds at 32 x 32 px. Larsson, Maire & Shakhnarovich 2016, FractalNet: ultra-deep neural networks without residuals, https://arxiv.org/abs/1605.07648"""
FractalNet20Thin: fractalnet.FractalNet
"""fractalnet20_thin: 2.13 M parameters, 53.8 M multiply-adds at 32 x 32 px. Larsson, Maire & Shakhnarovich 2016, FractalNet: ultra-deep neural networks without residuals, https://arxiv.org/abs/1605.07648"""
FractalNet40Thin: fractalnet.FractalNet
"""fractalnet40_thin: 4.78 M parameters, 129 M multiply-adds at 32 x 32 px. Larsson, Maire & Shakhnarovich 2016, FractalNet: ultra-deep neural networks without residuals, https://arxiv.org/abs/1605.07648"""
FractalNet80Thin: fractalnet.FractalNet
"""fractalnet80_thin: 10.2 M parameters, 284 M multiply-adds at 32 x 32 px. Larsson, Maire & Shakhnarovich 2016, FractalNet: ultra-deep neural networks without residuals, https://arxiv.org/abs/1605.07648"""
FractalNet160Thin: fractalnet.FractalNet
"""fractalnet160_thin: 21.1 M parameters, 599 M multiply-adds at 32 x 32 px. Larsson, Maire & Shakhnarovich 2016, FractalNet: ultra-deep neural networks without residuals, https://arxiv.org/abs/1605.07648"""
FractalNet34: fractalnet.FractalNetImageNet
"""fractalnet34: 164 M parameters, 24.2 G multiply-adds at 224 x 224 px. Larsson, Maire & Shakhnarovich 2016, FractalNet: ultra-deep neural networks without residuals, https://arxiv.org/abs/1605.07648"""
DenseNet121: densenet.DenseNet
"""densenet121: 7.98 M parameters, 2.83 G multiply-adds at 224 x 224 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
DenseNet169: densenet.DenseNet
"""densenet169: 14.1 M parameters, 3.36 G multiply-adds at 224 x 224 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
DenseNet201: densenet.DenseNet
"""densenet201: 20 M parameters, 4.29 G multiply-adds at 224 x 224 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
DenseNet264: densenet.DenseNet
"""densenet264: 33.3 M parameters, 5.75 G multiply-adds at 224 x 224 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
DenseNet161: densenet.DenseNet
"""densenet161: 28.7 M parameters, 7.73 G multiply-adds at 224 x 224 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
DenseNet40K12: densenet.DenseNet
"""densenet40_k12: 1.02 M parameters, 265 M multiply-adds at 32 x 32 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
DenseNet100K12: densenet.DenseNet
"""densenet100_k12: 6.98 M parameters, 1.77 G multiply-adds at 32 x 32 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
DenseNet100K24: densenet.DenseNet
"""densenet100_k24: 27.2 M parameters, 6.89 G multiply-adds at 32 x 32 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
DenseNetB40K12: densenet.DenseNet
"""densenet_b40_k12: 250 k parameters, 88 M multiply-adds at 32 x 32 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
DenseNetC40K12: densenet.DenseNet
"""densenet_c40_k12: 599 k parameters, 206 M multiply-adds at 32 x 32 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
DenseNetC100K12: densenet.DenseNet
"""densenet_c100_k12: 4.07 M parameters, 1.32 G multiply-adds at 32 x 32 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
DenseNetC100K24: densenet.DenseNet
"""densenet_c100_k24: 16.1 M parameters, 5.3 G multiply-adds at 32 x 32 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
DenseNetBC40K12: densenet.DenseNet
"""densenet_bc40_k12: 176 k parameters, 72.4 M multiply-adds at 32 x 32 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
DenseNetBC100K12: densenet.DenseNet
"""densenet_bc100_k12: 769 k parameters, 288 M multiply-adds at 32 x 32 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
DenseNetBC250K24: densenet.DenseNet
"""densenet_bc250_k24: 15.3 M parameters, 5.42 G multiply-adds at 32 x 32 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
DenseNetBC190K40: densenet.DenseNet
"""densenet_bc190_k40: 25.6 M parameters, 9.3 G multiply-adds at 32 x 32 px. Huang, Liu, van der Maaten & Weinberger 2016, Densely connected convolutional networks, https://arxiv.org/abs/1608.06993"""
Xception: xception.XceptionFamily
"""xception: 22.9 M parameters, 8.36 G multiply-adds at 299 x 299 px. Chollet 2016, Xception: deep learning with depthwise separable convolutions, https://arxiv.org/abs/1610.02357"""
ResNeXt50_32x4d: resnext.ResNeXt
"""resnext50_32x4d: 25 M parameters, 4.23 G multiply-adds at 224 x 224 px. Xie, Girshick, Dollár, Tu & He 2016, Aggregated residual transformations for deep neural networks, https://arxiv.org/abs/1611.05431"""
ResNeXt101_32x4d: resnext.ResNeXt
"""resnext101_32x4d: 44.2 M parameters, 7.97 G multiply-adds at 224 x 224 px. Xie, Girshick, Dollár, Tu & He 2016, Aggregated residual transformations for deep neural networks, https://arxiv.org/abs/1611.05431"""
ResNeXt101_32x8d: resnext.ResNeXt
"""resnext101_32x8d: 88.8 M parameters, 16.4 G multiply-adds at 224 x 224 px. Xie, Girshick, Dollár, Tu & He 2016, Aggregated residual transformations for deep neural networks, https://arxiv.org/abs/1611.05431"""
ResNeXt101_64x4d: resnext.ResNeXt
"""resnext101_64x4d: 83.5 M parameters, 15.5 G multiply-adds at 224 x 224 px. Xie, Girshick, Dollár, Tu & He 2016, Aggregated residual transformations for deep neural networks, https://arxiv.org/abs/1611.05431"""
ResNeXt29_8x64d: resnext.CifarResNeXt
"""resnext29_8x64d: 34.4 M parameters, 5.39 G multiply-adds at 32 x 32 px. Xie, Girshick, Dollár, Tu & He 2016, Aggregated residual transformations for deep neural networks, https://arxiv.org/abs/1611.05431"""
ResNeXt29_16x64d: resnext.CifarResNeXt
"""resnext29_16x64d: 68.2 M parameters, 10.7 G multiply-adds at 32 x 32 px. Xie, Girshick, Dollár, Tu & He 2016, Aggregated residual transformations for deep neural networks, https://arxiv.org/abs/1611.05431"""
DarkNetReference: darknet.ReferenceFamily
"""darknet_reference: 7.32 M parameters, 482 M multiply-adds at 256 x 256 px. Redmon & Farhadi 2016, YOLO9000: better, faster, stronger, https://arxiv.org/abs/1612.08242"""
DarkNet19: darknet.DarkNet19Family
"""darknet19: 20.8 M parameters, 2.79 G multiply-adds at 224 x 224 px. Redmon & Farhadi 2016, YOLO9000: better, faster, stronger, https://arxiv.org/abs/1612.08242"""
DarkNet53: darknet.DarkNet53Family
"""darknet53: 41.6 M parameters, 9.29 G multiply-adds at 256 x 256 px. Redmon & Farhadi 2018, YOLOv3: an incremental improvement, https://arxiv.org/abs/1804.02767"""
MobileNet_025: mobilenet.MobileNetFamily
"""mobilenet_025: 470 k parameters, 41 M multiply-adds at 224 x 224 px. Howard et al. 2017, MobileNets: efficient convolutional neural networks for mobile vision applications, https://arxiv.org/abs/1704.04861"""
MobileNet_050: mobilenet.MobileNetFamily
"""mobilenet_050: 1.33 M parameters, 149 M multiply-adds at 224 x 224 px. Howard et al. 2017, MobileNets: efficient convolutional neural networks for mobile vision applications, https://arxiv.org/abs/1704.04861"""
MobileNet_075: mobilenet.MobileNetFamily
"""mobilenet_075: 2.59 M parameters, 325 M multiply-adds at 224 x 224 px. Howard et al. 2017, MobileNets: efficient convolutional neural networks for mobile vision applications, https://arxiv.org/abs/1704.04861"""
MobileNet_100: mobilenet.MobileNetFamily
"""mobilenet_100: 4.23 M parameters, 569 M multiply-adds at 224 x 224 px. Howard et al. 2017, MobileNets: efficient convolutional neural networks for mobile vision applications, https://arxiv.org/abs/1704.04861"""
MobileNet: mobilenet.MobileNetFamily
"""mobilenet_100: 4.23 M parameters, 569 M multiply-adds at 224 x 224 px. Howard et al. 2017, MobileNets: efficient convolutional neural networks for mobile vision applications, https://arxiv.org/abs/1704.04861"""
ShuffleNetG1_025: shufflenet.ShuffleNet
"""shufflenet_g1_025: 210 k parameters, 11 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG1_050: shufflenet.ShuffleNet
"""shufflenet_g1_050: 534 k parameters, 38.5 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG1_075: shufflenet.ShuffleNet
"""shufflenet_g1_075: 975 k parameters, 82.5 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG1_100: shufflenet.ShuffleNet
"""shufflenet_g1_100: 1.53 M parameters, 143 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG1_150: shufflenet.ShuffleNet
"""shufflenet_g1_150: 2.99 M parameters, 314 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG1_200: shufflenet.ShuffleNet
"""shufflenet_g1_200: 4.92 M parameters, 550 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG2_025: shufflenet.ShuffleNet
"""shufflenet_g2_025: 268 k parameters, 11.2 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG2_050: shufflenet.ShuffleNet
"""shufflenet_g2_050: 644 k parameters, 38.9 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG2_100: shufflenet.ShuffleNet
"""shufflenet_g2_100: 1.73 M parameters, 141 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG2_150: shufflenet.ShuffleNet
"""shufflenet_g2_150: 3.27 M parameters, 310 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG2_200: shufflenet.ShuffleNet
"""shufflenet_g2_200: 5.26 M parameters, 539 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG3_025: shufflenet.ShuffleNet
"""shufflenet_g3_025: 306 k parameters, 11 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG3_050: shufflenet.ShuffleNet
"""shufflenet_g3_050: 718 k parameters, 37.6 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG3_075: shufflenet.ShuffleNet
"""shufflenet_g3_075: 1.24 M parameters, 79.7 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG3_100: shufflenet.ShuffleNet
"""shufflenet_g3_100: 1.87 M parameters, 137 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG3_150: shufflenet.ShuffleNet
"""shufflenet_g3_150: 3.44 M parameters, 300 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG3_200: shufflenet.ShuffleNet
"""shufflenet_g3_200: 5.45 M parameters, 524 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG4_100: shufflenet.ShuffleNet
"""shufflenet_g4_100: 1.97 M parameters, 134 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG4_200: shufflenet.ShuffleNet
"""shufflenet_g4_200: 5.59 M parameters, 510 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG8_050: shufflenet.ShuffleNet
"""shufflenet_g8_050: 1.01 M parameters, 40.5 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG8_100: shufflenet.ShuffleNet
"""shufflenet_g8_100: 2.43 M parameters, 138 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG8_150: shufflenet.ShuffleNet
"""shufflenet_g8_150: 4.27 M parameters, 290 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
ShuffleNetG8_200: shufflenet.ShuffleNet
"""shufflenet_g8_200: 6.52 M parameters, 522 M multiply-adds at 224 x 224 px. Zhang, Zhou, Lin & Sun 2017, ShuffleNet: an extremely efficient convolutional neural network for mobile devices, https://arxiv.org/abs/1707.01083"""
NASNetMobile: nasnet.NASNet
"""nasnet_mobile: 5.29 M parameters, 564 M multiply-adds at 224 x 224 px. Zoph et al. 2017, Learning transferable architectures for scalable image recognition, https://arxiv.org/abs/1707.07012"""
NASNetLarge: nasnet.NASNet
"""nasnet_large: 88.8 M parameters, 23.8 G multiply-adds at 331 x 331 px. Zoph et al. 2017, Learning transferable architectures for scalable image recognition, https://arxiv.org/abs/1707.07012"""
SEResNet18: senet.SENet
"""se_resnet18: 11.8 M parameters, 1.81 G multiply-adds at 224 x 224 px. Hu, Shen, Albanie, Sun & Wu 2017, Squeeze-and-excitation networks, https://arxiv.org/abs/1709.01507"""
SEResNet34: senet.SENet
"""se_resnet34: 22 M parameters, 3.66 G multiply-adds at 224 x 224 px. Hu, Shen, Albanie, Sun & Wu 2017, Squeeze-and-excitation networks, https://arxiv.org/abs/1709.01507"""
SEResNet50: senet.SENet
"""se_resnet50: 28.1 M parameters, 3.86 G multiply-adds at 224 x 224 px. Hu, Shen, Albanie, Sun & Wu 2017, Squeeze-and-excitation networks, https://arxiv.org/abs/1709.01507"""
SEResNet101: senet.SENet
"""se_resnet101: 49.3 M parameters, 7.57 G multiply-adds at 224 x 224 px. Hu, Shen, Albanie, Sun & Wu 2017, Squeeze-and-excitation networks, https://arxiv.org/abs/1709.01507"""
SEResNet152: senet.SENet
"""se_resnet152: 66.8 M parameters, 11.3 G multiply-adds at 224 x 224 px. Hu, Shen, Albanie, Sun & Wu 2017, Squeeze-and-excitation networks, https://arxiv.org/abs/1709.01507"""
SEResNet50V1_5: senet.SENet
"""se_resnet50_v1_5: 28.1 M parameters, 4.09 G multiply-adds at 224 x 224 px. Hu, Shen, Albanie, Sun & Wu 2017, Squeeze-and-excitation networks, https://arxiv.org/abs/1709.01507"""
SEResNet101V1_5: senet.SENet
"""se_resnet101_v1_5: 49.3 M parameters, 7.81 G multiply-adds at 224 x 224 px. Hu, Shen, Albanie, Sun & Wu 2017, Squeeze-and-excitation networks, https://arxiv.org/abs/1709.01507"""
SEResNet152V1_5: senet.SENet
"""se_resnet152_v1_5: 66.8 M parameters, 11.5 G multiply-adds at 224 x 224 px. Hu, Shen, Albanie, Sun & Wu 2017, Squeeze-and-excitation networks, https://arxiv.org/abs/1709.01507"""
SEResNeXt50_32x4d: senet.SENet
"""se_resnext50_32x4d: 27.6 M parameters, 4.23 G multiply-adds at 224 x 224 px. Hu, Shen, Albanie, Sun & Wu 2017, Squeeze-and-excitation networks, https://arxiv.org/abs/1709.01507"""
SEResNeXt101_32x4d: senet.SENet
"""se_resnext101_32x4d: 49 M parameters, 7.97 G multiply-adds at 224 x 224 px. Hu, Shen, Albanie, Sun & Wu 2017, Squeeze-and-excitation networks, https://arxiv.org/abs/1709.01507"""
SENet154: senet.SENet154Family
"""senet154: 115 M parameters, 20.7 G multiply-adds at 224 x 224 px. Hu, Shen, Albanie, Sun & Wu 2017, Squeeze-and-excitation networks, https://arxiv.org/abs/1709.01507"""
CondenseNet74C4G4: condensenet.CondenseNet
"""condensenet74_c4_g4: 11.9 M parameters, 1.27 G multiply-adds at 224 x 224 px. Huang, Liu, van der Maaten & Weinberger 2018, CondenseNet: an efficient DenseNet using learned group convolutions, https://arxiv.org/abs/1711.09224"""
CondenseNet74C4G4Converted: condensenet.CondenseNetConverted
"""condensenet74_c4_g4_converted: 4.77 M parameters, 517 M multiply-adds at 224 x 224 px. Huang, Liu, van der Maaten & Weinberger 2018, CondenseNet: an efficient DenseNet using learned group convolutions, https://arxiv.org/abs/1711.09224"""
CondenseNet74C8G8: condensenet.CondenseNet
"""condensenet74_c8_g8: 11.1 M parameters, 1.14 G multiply-adds at 224 x 224 px. Huang, Liu, van der Maaten & Weinberger 2018, CondenseNet: an efficient DenseNet using learned group convolutions, https://arxiv.org/abs/1711.09224"""
CondenseNet74C8G8Converted: condensenet.CondenseNetConverted
"""condensenet74_c8_g8_converted: 2.94 M parameters, 262 M multiply-adds at 224 x 224 px. Huang, Liu, van der Maaten & Weinberger 2018, CondenseNet: an efficient DenseNet using learned group convolutions, https://arxiv.org/abs/1711.09224"""
CondenseNet86: condensenet.CondenseNet
"""condensenet86: 1.45 M parameters, 174 M multiply-adds at 32 x 32 px. Huang, Liu, van der Maaten & Weinberger 2018, CondenseNet: an efficient DenseNet using learned group convolutions, https://arxiv.org/abs/1711.09224"""
CondenseNet86Converted: condensenet.CondenseNetConverted
"""condensenet86_converted: 516 k parameters, 62.4 M multiply-adds at 32 x 32 px. Huang, Liu, van der Maaten & Weinberger 2018, CondenseNet: an efficient DenseNet using learned group convolutions, https://arxiv.org/abs/1711.09224"""
CondenseNet182: condensenet.CondenseNet
"""condensenet182: 13.8 M parameters, 1.62 G multiply-adds at 32 x 32 px. Huang, Liu, van der Maaten & Weinberger 2018, CondenseNet: an efficient DenseNet using learned group convolutions, https://arxiv.org/abs/1711.09224"""
CondenseNet182Converted: condensenet.CondenseNetConverted
"""condensenet182_converted: 4.21 M parameters, 494 M multiply-adds at 32 x 32 px. Huang, Liu, van der Maaten & Weinberger 2018, CondenseNet: an efficient DenseNet using learned group convolutions, https://arxiv.org/abs/1711.09224"""
MobileNetV2_035: mobilenet_v2.MobileNetV2Family
"""mobilenet_v2_035: 1.68 M parameters, 59.3 M multiply-adds at 224 x 224 px. Sandler, Howard, Zhu, Zhmoginov & Chen 2018, MobileNetV2: inverted residuals and linear bottlenecks, https://arxiv.org/abs/1801.04381"""
MobileNetV2_050: mobilenet_v2.MobileNetV2Family
"""mobilenet_v2_050: 1.97 M parameters, 97.1 M multiply-adds at 224 x 224 px. Sandler, Howard, Zhu, Zhmoginov & Chen 2018, MobileNetV2: inverted residuals and linear bottlenecks, https://arxiv.org/abs/1801.04381"""
MobileNetV2_075: mobilenet_v2.MobileNetV2Family
"""mobilenet_v2_075: 2.64 M parameters, 209 M multiply-adds at 224 x 224 px. Sandler, Howard, Zhu, Zhmoginov & Chen 2018, MobileNetV2: inverted residuals and linear bottlenecks, https://arxiv.org/abs/1801.04381"""
MobileNetV2_100: mobilenet_v2.MobileNetV2Family
"""mobilenet_v2_100: 3.5 M parameters, 301 M multiply-adds at 224 x 224 px. Sandler, Howard, Zhu, Zhmoginov & Chen 2018, MobileNetV2: inverted residuals and linear bottlenecks, https://arxiv.org/abs/1801.04381"""
MobileNetV2: mobilenet_v2.MobileNetV2Family
"""mobilenet_v2_100: 3.5 M parameters, 301 M multiply-adds at 224 x 224 px. Sandler, Howard, Zhu, Zhmoginov & Chen 2018, MobileNetV2: inverted residuals and linear bottlenecks, https://arxiv.org/abs/1801.04381"""
MobileNetV2_130: mobilenet_v2.MobileNetV2Family
"""mobilenet_v2_130: 5.39 M parameters, 509 M multiply-adds at 224 x 224 px. Sandler, Howard, Zhu, Zhmoginov & Chen 2018, MobileNetV2: inverted residuals and linear bottlenecks, https://arxiv.org/abs/1801.04381"""
MobileNetV2_140: mobilenet_v2.MobileNetV2Family
"""mobilenet_v2_140: 6.11 M parameters, 582 M multiply-adds at 224 x 224 px. Sandler, Howard, Zhu, Zhmoginov & Chen 2018, MobileNetV2: inverted residuals and linear bottlenecks, https://arxiv.org/abs/1801.04381"""
EffNet: effnet.EffNetFamily
"""effnet: 151 k parameters, 5.64 M multiply-adds at 32 x 32 px. Freeman, Roese-Koerner & Kummert 2018, EffNet: an efficient structure for convolutional neural networks, https://arxiv.org/abs/1801.06434"""
SqueezeNeXt23_100: squeezenext.SqueezeNeXt
"""squeezenext23_100: 717 k parameters, 278 M multiply-adds at 227 x 227 px. Gholami et al. 2018, SqueezeNext: hardware-aware neural network design, https://arxiv.org/abs/1803.10615"""
SqueezeNeXt23_150: squeezenext.SqueezeNeXt
"""squeezenext23_150: 1.41 M parameters, 472 M multiply-adds at 227 x 227 px. Gholami et al. 2018, SqueezeNext: hardware-aware neural network design, https://arxiv.org/abs/1803.10615"""
SqueezeNeXt23_200: squeezenext.SqueezeNeXt
"""squeezenext23_200: 2.36 M parameters, 742 M multiply-adds at 227 x 227 px. Gholami et al. 2018, SqueezeNext: hardware-aware neural network design, https://arxiv.org/abs/1803.10615"""
SqueezeNeXt23G_100: squeezenext.SqueezeNeXt
"""squeezenext23g_100: 543 k parameters, 224 M multiply-adds at 227 x 227 px. Gholami et al. 2018, SqueezeNext: hardware-aware neural network design, https://arxiv.org/abs/1803.10615"""
SqueezeNeXt23V5_100: squeezenext.SqueezeNeXt
"""squeezenext23v5_100: 930 k parameters, 225 M multiply-adds at 227 x 227 px. Gholami et al. 2018, SqueezeNext: hardware-aware neural network design, https://arxiv.org/abs/1803.10615"""
SqueezeNeXt23V5_150: squeezenext.SqueezeNeXt
"""squeezenext23v5_150: 1.89 M parameters, 425 M multiply-adds at 227 x 227 px. Gholami et al. 2018, SqueezeNext: hardware-aware neural network design, https://arxiv.org/abs/1803.10615"""
SqueezeNeXt23V5_200: squeezenext.SqueezeNeXt
"""squeezenext23v5_200: 3.22 M parameters, 703 M multiply-adds at 227 x 227 px. Gholami et al. 2018, SqueezeNext: hardware-aware neural network design, https://arxiv.org/abs/1803.10615"""
SqueezeNeXt23Port_100: squeezenext.SqueezeNeXtPort
"""squeezenext23_port_100: 724 k parameters, 276 M multiply-adds at 224 x 224 px. Gholami et al. 2018, SqueezeNext: hardware-aware neural network design, https://arxiv.org/abs/1803.10615"""
SqueezeNeXt23Port_150: squeezenext.SqueezeNeXtPort
"""squeezenext23_port_150: 1.51 M parameters, 535 M multiply-adds at 224 x 224 px. Gholami et al. 2018, SqueezeNext: hardware-aware neural network design, https://arxiv.org/abs/1803.10615"""
SqueezeNeXt23Port_200: squeezenext.SqueezeNeXtPort
"""squeezenext23_port_200: 2.58 M parameters, 876 M multiply-adds at 224 x 224 px. Gholami et al. 2018, SqueezeNext: hardware-aware neural network design, https://arxiv.org/abs/1803.10615"""
SqueezeNeXt23V5Port_100: squeezenext.SqueezeNeXtPort
"""squeezenext23v5_port_100: 922 k parameters, 277 M multiply-adds at 224 x 224 px. Gholami et al. 2018, SqueezeNext: hardware-aware neural network design, https://arxiv.org/abs/1803.10615"""
SqueezeNeXt23V5Port_150: squeezenext.SqueezeNeXtPort
"""squeezenext23v5_port_150: 1.95 M parameters, 538 M multiply-adds at 224 x 224 px. Gholami et al. 2018, SqueezeNext: hardware-aware neural network design, https://arxiv.org/abs/1803.10615"""
SqueezeNeXt23V5Port_200: squeezenext.SqueezeNeXtPort
"""squeezenext23v5_port_200: 3.37 M parameters, 880 M multiply-adds at 224 x 224 px. Gholami et al. 2018, SqueezeNext: hardware-aware neural network design, https://arxiv.org/abs/1803.10615"""
ShuffleNetV2_050: shufflenet_v2.ShuffleNetV2
"""shufflenet_v2_050: 1.37 M parameters, 40.5 M multiply-adds at 224 x 224 px. Ma, Zhang, Zheng & Sun 2018, ShuffleNet V2: practical guidelines for efficient CNN architecture design, https://arxiv.org/abs/1807.11164"""
ShuffleNetV2_100: shufflenet_v2.ShuffleNetV2
"""shufflenet_v2_100: 2.28 M parameters, 145 M multiply-adds at 224 x 224 px. Ma, Zhang, Zheng & Sun 2018, ShuffleNet V2: practical guidelines for efficient CNN architecture design, https://arxiv.org/abs/1807.11164"""
ShuffleNetV2_150: shufflenet_v2.ShuffleNetV2
"""shufflenet_v2_150: 3.5 M parameters, 296 M multiply-adds at 224 x 224 px. Ma, Zhang, Zheng & Sun 2018, ShuffleNet V2: practical guidelines for efficient CNN architecture design, https://arxiv.org/abs/1807.11164"""
ShuffleNetV2_200: shufflenet_v2.ShuffleNetV2
"""shufflenet_v2_200: 7.39 M parameters, 583 M multiply-adds at 224 x 224 px. Ma, Zhang, Zheng & Sun 2018, ShuffleNet V2: practical guidelines for efficient CNN architecture design, https://arxiv.org/abs/1807.11164"""
ShuffleNetV2PlusSmall: shufflenet_v2.ShuffleNetV2Plus
"""shufflenet_v2_plus_small: 5.14 M parameters, 156 M multiply-adds at 224 x 224 px. Ma, Zhang, Zheng & Sun 2019, ShuffleNet series: ShuffleNetV2+, https://github.com/megvii-model/ShuffleNet-Series"""
ShuffleNetV2PlusMedium: shufflenet_v2.ShuffleNetV2Plus
"""shufflenet_v2_plus_medium: 5.68 M parameters, 222 M multiply-adds at 224 x 224 px. Ma, Zhang, Zheng & Sun 2019, ShuffleNet series: ShuffleNetV2+, https://github.com/megvii-model/ShuffleNet-Series"""
ShuffleNetV2PlusLarge: shufflenet_v2.ShuffleNetV2Plus
"""shufflenet_v2_plus_large: 6.77 M parameters, 360 M multiply-adds at 224 x 224 px. Ma, Zhang, Zheng & Sun 2019, ShuffleNet series: ShuffleNetV2+, https://github.com/megvii-model/ShuffleNet-Series"""
MnasNetA1_035: mnasnet.MnasNet
"""mnasnet_a1_035: 1.75 M parameters, 61.7 M multiply-adds at 224 x 224 px. Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018, MnasNet: platform-aware neural architecture search for mobile, https://arxiv.org/abs/1807.11626"""
MnasNetA1_050: mnasnet.MnasNet
"""mnasnet_a1_050: 2.08 M parameters, 103 M multiply-adds at 224 x 224 px. Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018, MnasNet: platform-aware neural architecture search for mobile, https://arxiv.org/abs/1807.11626"""
MnasNetA1_075: mnasnet.MnasNet
"""mnasnet_a1_075: 2.91 M parameters, 223 M multiply-adds at 224 x 224 px. Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018, MnasNet: platform-aware neural architecture search for mobile, https://arxiv.org/abs/1807.11626"""
MnasNetA1_100: mnasnet.MnasNet
"""mnasnet_a1_100: 3.89 M parameters, 312 M multiply-adds at 224 x 224 px. Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018, MnasNet: platform-aware neural architecture search for mobile, https://arxiv.org/abs/1807.11626"""
MnasNetA1: mnasnet.MnasNet
"""mnasnet_a1_100: 3.89 M parameters, 312 M multiply-adds at 224 x 224 px. Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018, MnasNet: platform-aware neural architecture search for mobile, https://arxiv.org/abs/1807.11626"""
MnasNetA1_140: mnasnet.MnasNet
"""mnasnet_a1_140: 6.11 M parameters, 586 M multiply-adds at 224 x 224 px. Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018, MnasNet: platform-aware neural architecture search for mobile, https://arxiv.org/abs/1807.11626"""
MnasNetB1_035: mnasnet.MnasNet
"""mnasnet_b1_035: 1.79 M parameters, 58.9 M multiply-adds at 224 x 224 px. Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018, MnasNet: platform-aware neural architecture search for mobile, https://arxiv.org/abs/1807.11626"""
MnasNetB1_050: mnasnet.MnasNet
"""mnasnet_b1_050: 2.22 M parameters, 104 M multiply-adds at 224 x 224 px. Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018, MnasNet: platform-aware neural architecture search for mobile, https://arxiv.org/abs/1807.11626"""
MnasNetB1_075: mnasnet.MnasNet
"""mnasnet_b1_075: 3.17 M parameters, 215 M multiply-adds at 224 x 224 px. Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018, MnasNet: platform-aware neural architecture search for mobile, https://arxiv.org/abs/1807.11626"""
MnasNetB1_100: mnasnet.MnasNet
"""mnasnet_b1_100: 4.38 M parameters, 314 M multiply-adds at 224 x 224 px. Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018, MnasNet: platform-aware neural architecture search for mobile, https://arxiv.org/abs/1807.11626"""
MnasNetB1: mnasnet.MnasNet
"""mnasnet_b1_100: 4.38 M parameters, 314 M multiply-adds at 224 x 224 px. Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018, MnasNet: platform-aware neural architecture search for mobile, https://arxiv.org/abs/1807.11626"""
MnasNetB1_130: mnasnet.MnasNet
"""mnasnet_b1_130: 6.28 M parameters, 526 M multiply-adds at 224 x 224 px. Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018, MnasNet: platform-aware neural architecture search for mobile, https://arxiv.org/abs/1807.11626"""
MnasNetB1_140: mnasnet.MnasNet
"""mnasnet_b1_140: 7.12 M parameters, 589 M multiply-adds at 224 x 224 px. Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018, MnasNet: platform-aware neural architecture search for mobile, https://arxiv.org/abs/1807.11626"""
MnasNetSmall: mnasnet.MnasNet
"""mnasnet_small: 2.03 M parameters, 68.3 M multiply-adds at 224 x 224 px. Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018, MnasNet: platform-aware neural architecture search for mobile, https://arxiv.org/abs/1807.11626"""
MnasNetSmallSkip: mnasnet.MnasNet
"""mnasnet_small_skip: 2.03 M parameters, 68.3 M multiply-adds at 224 x 224 px. Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018, MnasNet: platform-aware neural architecture search for mobile, https://arxiv.org/abs/1807.11626"""
FBNetA: fbnet.FBNet
"""fbnet_a: 4.3 M parameters, 244 M multiply-adds at 224 x 224 px. Wu et al. 2018, FBNet: hardware-aware efficient ConvNet design via differentiable neural architecture search, https://arxiv.org/abs/1812.03443"""
FBNetB: fbnet.FBNet
"""fbnet_b: 4.8 M parameters, 291 M multiply-adds at 224 x 224 px. Wu et al. 2018, FBNet: hardware-aware efficient ConvNet design via differentiable neural architecture search, https://arxiv.org/abs/1812.03443"""
FBNetC: fbnet.FBNet
"""fbnet_c: 5.57 M parameters, 378 M multiply-adds at 224 x 224 px. Wu et al. 2018, FBNet: hardware-aware efficient ConvNet design via differentiable neural architecture search, https://arxiv.org/abs/1812.03443"""
FBNetCExpand: fbnet.FBNet
"""fbnet_c_expand: 5.57 M parameters, 385 M multiply-adds at 224 x 224 px. Wu et al. 2018, FBNet: hardware-aware efficient ConvNet design via differentiable neural architecture search, https://arxiv.org/abs/1812.03443"""
EfficientNetB0: efficientnet.EfficientNet
"""efficientnet_b0: 5.29 M parameters, 386 M multiply-adds at 224 x 224 px. Tan & Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks, https://arxiv.org/abs/1905.11946"""
EfficientNetB1: efficientnet.EfficientNet
"""efficientnet_b1: 7.79 M parameters, 687 M multiply-adds at 240 x 240 px. Tan & Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks, https://arxiv.org/abs/1905.11946"""
EfficientNetB2: efficientnet.EfficientNet
"""efficientnet_b2: 9.11 M parameters, 994 M multiply-adds at 260 x 260 px. Tan & Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks, https://arxiv.org/abs/1905.11946"""
EfficientNetB3: efficientnet.EfficientNet
"""efficientnet_b3: 12.2 M parameters, 1.83 G multiply-adds at 300 x 300 px. Tan & Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks, https://arxiv.org/abs/1905.11946"""
EfficientNetB4: efficientnet.EfficientNet
"""efficientnet_b4: 19.3 M parameters, 4.39 G multiply-adds at 380 x 380 px. Tan & Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks, https://arxiv.org/abs/1905.11946"""
EfficientNetB5: efficientnet.EfficientNet
"""efficientnet_b5: 30.4 M parameters, 10.3 G multiply-adds at 456 x 456 px. Tan & Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks, https://arxiv.org/abs/1905.11946"""
EfficientNetB6: efficientnet.EfficientNet
"""efficientnet_b6: 43 M parameters, 19.1 G multiply-adds at 528 x 528 px. Tan & Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks, https://arxiv.org/abs/1905.11946"""
EfficientNetB7: efficientnet.EfficientNet
"""efficientnet_b7: 66.3 M parameters, 37.7 G multiply-adds at 600 x 600 px. Tan & Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks, https://arxiv.org/abs/1905.11946"""
EfficientNetB8: efficientnet.EfficientNet
"""efficientnet_b8: 87.4 M parameters, 62.6 G multiply-adds at 672 x 672 px. Tan & Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks, https://arxiv.org/abs/1905.11946"""
EfficientNetL2: efficientnet.EfficientNet
"""efficientnet_l2: 480 M parameters, 476 G multiply-adds at 800 x 800 px. Tan & Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks, https://arxiv.org/abs/1905.11946"""
EfficientNetLite0: efficientnet.EfficientNetLite
"""efficientnet_lite0: 4.65 M parameters, 385 M multiply-adds at 224 x 224 px. Liu 2020, Higher accuracy on vision models with EfficientNet-Lite, https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html"""
EfficientNetLite1: efficientnet.EfficientNetLite
"""efficientnet_lite1: 5.42 M parameters, 600 M multiply-adds at 240 x 240 px. Liu 2020, Higher accuracy on vision models with EfficientNet-Lite, https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html"""
EfficientNetLite2: efficientnet.EfficientNetLite
"""efficientnet_lite2: 6.09 M parameters, 860 M multiply-adds at 260 x 260 px. Liu 2020, Higher accuracy on vision models with EfficientNet-Lite, https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html"""
EfficientNetLite3: efficientnet.EfficientNetLite
"""efficientnet_lite3: 8.2 M parameters, 1.38 G multiply-adds at 280 x 280 px. Liu 2020, Higher accuracy on vision models with EfficientNet-Lite, https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html"""
EfficientNetLite4: efficientnet.EfficientNetLite
"""efficientnet_lite4: 13 M parameters, 2.55 G multiply-adds at 300 x 300 px. Liu 2020, Higher accuracy on vision models with EfficientNet-Lite, https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html"""
EfficientNetEdgeTPUS: efficientnet_edgetpu.EfficientNetEdgeTPU
"""efficientnet_edgetpu_s: 5.44 M parameters, 1.79 G multiply-adds at 224 x 224 px. Gupta & Tan 2019, EfficientNet-EdgeTPU: creating accelerator-optimized neural networks with AutoML, https://research.google/blog/efficientnet-edgetpu-creating-accelerator-optimized-neural-networks-with-automl/"""
EfficientNetEdgeTPUM: efficientnet_edgetpu.EfficientNetEdgeTPU
"""efficientnet_edgetpu_m: 6.9 M parameters, 3.01 G multiply-adds at 240 x 240 px. Gupta & Tan 2019, EfficientNet-EdgeTPU: creating accelerator-optimized neural networks with AutoML, https://research.google/blog/efficientnet-edgetpu-creating-accelerator-optimized-neural-networks-with-automl/"""
EfficientNetEdgeTPUL: efficientnet_edgetpu.EfficientNetEdgeTPU
"""efficientnet_edgetpu_l: 10.6 M parameters, 7.94 G multiply-adds at 300 x 300 px. Gupta & Tan 2019, EfficientNet-EdgeTPU: creating accelerator-optimized neural networks with AutoML, https://research.google/blog/efficientnet-edgetpu-creating-accelerator-optimized-neural-networks-with-automl/"""
MobileNetV3Large_035: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_035: 2.13 M parameters, 43.9 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3Large_050: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_050: 2.69 M parameters, 73.7 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3Large_075: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_075: 3.99 M parameters, 155 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3Large_100: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_100: 5.48 M parameters, 217 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3Large: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_100: 5.48 M parameters, 217 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3Large_125: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_125: 8.26 M parameters, 350 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3Small_035: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_035: 1.35 M parameters, 15.9 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3Small_050: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_050: 1.59 M parameters, 24.2 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3Small_075: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_075: 2.04 M parameters, 43.4 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3Small_100: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_100: 2.54 M parameters, 56.5 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3Small: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_100: 2.54 M parameters, 56.5 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3Small_125: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_125: 3.65 M parameters, 87.7 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3LargeMinimalistic_035: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_minimalistic_035: 1.91 M parameters, 41.5 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3LargeMinimalistic_050: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_minimalistic_050: 2.28 M parameters, 69.9 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3LargeMinimalistic_075: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_minimalistic_075: 3.05 M parameters, 149 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3LargeMinimalistic_100: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_minimalistic_100: 3.92 M parameters, 209 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3LargeMinimalistic: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_minimalistic_100: 3.92 M parameters, 209 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3LargeMinimalistic_125: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_minimalistic_125: 5.76 M parameters, 340 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3SmallMinimalistic_035: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_minimalistic_035: 1.28 M parameters, 14.5 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3SmallMinimalistic_050: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_minimalistic_050: 1.45 M parameters, 21.9 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3SmallMinimalistic_075: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_minimalistic_075: 1.73 M parameters, 40.1 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3SmallMinimalistic_100: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_minimalistic_100: 2.04 M parameters, 52.3 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3SmallMinimalistic: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_minimalistic_100: 2.04 M parameters, 52.3 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
MobileNetV3SmallMinimalistic_125: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_minimalistic_125: 2.87 M parameters, 82.3 M multiply-adds at 224 x 224 px. Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"""
HRNetW18: hrnet.HRNet
"""hrnet_w18: 21.3 M parameters, 4.28 G multiply-adds at 224 x 224 px. Wang et al. 2019, Deep high-resolution representation learning for visual recognition, https://arxiv.org/abs/1908.07919"""
HRNetW30: hrnet.HRNet
"""hrnet_w30: 37.7 M parameters, 8.11 G multiply-adds at 224 x 224 px. Wang et al. 2019, Deep high-resolution representation learning for visual recognition, https://arxiv.org/abs/1908.07919"""
HRNetW32: hrnet.HRNet
"""hrnet_w32: 41.2 M parameters, 8.92 G multiply-adds at 224 x 224 px. Wang et al. 2019, Deep high-resolution representation learning for visual recognition, https://arxiv.org/abs/1908.07919"""
HRNetW40: hrnet.HRNet
"""hrnet_w40: 57.6 M parameters, 12.7 G multiply-adds at 224 x 224 px. Wang et al. 2019, Deep high-resolution representation learning for visual recognition, https://arxiv.org/abs/1908.07919"""
HRNetW44: hrnet.HRNet
"""hrnet_w44: 67.1 M parameters, 14.9 G multiply-adds at 224 x 224 px. Wang et al. 2019, Deep high-resolution representation learning for visual recognition, https://arxiv.org/abs/1908.07919"""
HRNetW48: hrnet.HRNet
"""hrnet_w48: 77.5 M parameters, 17.3 G multiply-adds at 224 x 224 px. Wang et al. 2019, Deep high-resolution representation learning for visual recognition, https://arxiv.org/abs/1908.07919"""
HRNetW64: hrnet.HRNet
"""hrnet_w64: 128 M parameters, 28.9 G multiply-adds at 224 x 224 px. Wang et al. 2019, Deep high-resolution representation learning for visual recognition, https://arxiv.org/abs/1908.07919"""
HRNetW18SmallV1: hrnet.HRNet
"""hrnet_w18_small_v1: 13.2 M parameters, 1.6 G multiply-adds at 224 x 224 px. Wang et al. 2019, Deep high-resolution representation learning for visual recognition, https://arxiv.org/abs/1908.07919"""
HRNetW18SmallV2: hrnet.HRNet
"""hrnet_w18_small_v2: 15.6 M parameters, 2.6 G multiply-adds at 224 x 224 px. Wang et al. 2019, Deep high-resolution representation learning for visual recognition, https://arxiv.org/abs/1908.07919"""
BiTR50x1: bit.BiT
"""bit_r50x1: 25.5 M parameters, 4.09 G multiply-adds at 224 x 224 px. Kolesnikov et al. 2020, Big transfer (BiT): general visual representation learning, https://arxiv.org/abs/1912.11370"""
BiTR50x3: bit.BiT
"""bit_r50x3: 217 M parameters, 36.1 G multiply-adds at 224 x 224 px. Kolesnikov et al. 2020, Big transfer (BiT): general visual representation learning, https://arxiv.org/abs/1912.11370"""
BiTR101x1: bit.BiT
"""bit_r101x1: 44.5 M parameters, 7.8 G multiply-adds at 224 x 224 px. Kolesnikov et al. 2020, Big transfer (BiT): general visual representation learning, https://arxiv.org/abs/1912.11370"""
BiTR101x3: bit.BiT
"""bit_r101x3: 388 M parameters, 69.5 G multiply-adds at 224 x 224 px. Kolesnikov et al. 2020, Big transfer (BiT): general visual representation learning, https://arxiv.org/abs/1912.11370"""
BiTR152x2: bit.BiT
"""bit_r152x2: 236 M parameters, 45.8 G multiply-adds at 224 x 224 px. Kolesnikov et al. 2020, Big transfer (BiT): general visual representation learning, https://arxiv.org/abs/1912.11370"""
BiTR152x4: bit.BiT
"""bit_r152x4: 937 M parameters, 183 G multiply-adds at 224 x 224 px. Kolesnikov et al. 2020, Big transfer (BiT): general visual representation learning, https://arxiv.org/abs/1912.11370"""
ViTTi16: vit.ViT
"""vit_ti16: 5.72 M parameters, 1.25 G multiply-adds at 224 x 224 px. Dosovitskiy et al. 2020, An image is worth 16x16 words: transformers for image recognition at scale, https://arxiv.org/abs/2010.11929"""
ViTS16: vit.ViT
"""vit_s16: 22.1 M parameters, 4.6 G multiply-adds at 224 x 224 px. Dosovitskiy et al. 2020, An image is worth 16x16 words: transformers for image recognition at scale, https://arxiv.org/abs/2010.11929"""
ViTS32: vit.ViT
"""vit_s32: 22.9 M parameters, 1.14 G multiply-adds at 224 x 224 px. Dosovitskiy et al. 2020, An image is worth 16x16 words: transformers for image recognition at scale, https://arxiv.org/abs/2010.11929"""
ViTB8: vit.ViT
"""vit_b8: 86.6 M parameters, 78.1 G multiply-adds at 224 x 224 px. Dosovitskiy et al. 2020, An image is worth 16x16 words: transformers for image recognition at scale, https://arxiv.org/abs/2010.11929"""
ViTB16: vit.ViT
"""vit_b16: 86.6 M parameters, 17.6 G multiply-adds at 224 x 224 px. Dosovitskiy et al. 2020, An image is worth 16x16 words: transformers for image recognition at scale, https://arxiv.org/abs/2010.11929"""
ViTB32: vit.ViT
"""vit_b32: 88.2 M parameters, 4.41 G multiply-adds at 224 x 224 px. Dosovitskiy et al. 2020, An image is worth 16x16 words: transformers for image recognition at scale, https://arxiv.org/abs/2010.11929"""
ViTL16: vit.ViT
"""vit_l16: 304 M parameters, 61.6 G multiply-adds at 224 x 224 px. Dosovitskiy et al. 2020, An image is worth 16x16 words: transformers for image recognition at scale, https://arxiv.org/abs/2010.11929"""
ViTL32: vit.ViT
"""vit_l32: 307 M parameters, 15.4 G multiply-adds at 224 x 224 px. Dosovitskiy et al. 2020, An image is worth 16x16 words: transformers for image recognition at scale, https://arxiv.org/abs/2010.11929"""
ViTH14: vit.ViT
"""vit_h14: 632 M parameters, 167 G multiply-adds at 224 x 224 px. Dosovitskiy et al. 2020, An image is worth 16x16 words: transformers for image recognition at scale, https://arxiv.org/abs/2010.11929"""
EfficientNetV2B0: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_b0: 7.14 M parameters, 718 M multiply-adds at 224 x 224 px. Tan & Le 2021, EfficientNetV2: smaller models and faster training, https://arxiv.org/abs/2104.00298"""
EfficientNetV2B1: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_b1: 8.14 M parameters, 1.2 G multiply-adds at 240 x 240 px. Tan & Le 2021, EfficientNetV2: smaller models and faster training, https://arxiv.org/abs/2104.00298"""
EfficientNetV2B2: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_b2: 10.1 M parameters, 1.7 G multiply-adds at 260 x 260 px. Tan & Le 2021, EfficientNetV2: smaller models and faster training, https://arxiv.org/abs/2104.00298"""
EfficientNetV2B3: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_b3: 14.4 M parameters, 3.01 G multiply-adds at 300 x 300 px. Tan & Le 2021, EfficientNetV2: smaller models and faster training, https://arxiv.org/abs/2104.00298"""
EfficientNetV2S: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_s: 21.5 M parameters, 8.37 G multiply-adds at 384 x 384 px. Tan & Le 2021, EfficientNetV2: smaller models and faster training, https://arxiv.org/abs/2104.00298"""
EfficientNetV2SPreprint: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_s_preprint: 23.9 M parameters, 4.86 G multiply-adds at 288 x 288 px. Tan & Le 2021, EfficientNetV2: smaller models and faster training, https://arxiv.org/abs/2104.00298"""
EfficientNetV2M: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_m: 54.1 M parameters, 24.6 G multiply-adds at 480 x 480 px. Tan & Le 2021, EfficientNetV2: smaller models and faster training, https://arxiv.org/abs/2104.00298"""
EfficientNetV2L: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_l: 119 M parameters, 56.1 G multiply-adds at 480 x 480 px. Tan & Le 2021, EfficientNetV2: smaller models and faster training, https://arxiv.org/abs/2104.00298"""
EfficientNetV2XL: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_xl: 208 M parameters, 93.4 G multiply-adds at 512 x 512 px. Tan & Le 2021, EfficientNetV2: smaller models and faster training, https://arxiv.org/abs/2104.00298"""
ConvNeXtTiny: convnext.ConvNeXt
"""convnext_tiny: 28.6 M parameters, 4.46 G multiply-adds at 224 x 224 px. Liu et al. 2022, A ConvNet for the 2020s, https://arxiv.org/abs/2201.03545"""
ConvNeXtSmall: convnext.ConvNeXt
"""convnext_small: 50.2 M parameters, 8.68 G multiply-adds at 224 x 224 px. Liu et al. 2022, A ConvNet for the 2020s, https://arxiv.org/abs/2201.03545"""
ConvNeXtBase: convnext.ConvNeXt
"""convnext_base: 88.6 M parameters, 15.4 G multiply-adds at 224 x 224 px. Liu et al. 2022, A ConvNet for the 2020s, https://arxiv.org/abs/2201.03545"""
ConvNeXtLarge: convnext.ConvNeXt
"""convnext_large: 198 M parameters, 34.4 G multiply-adds at 224 x 224 px. Liu et al. 2022, A ConvNet for the 2020s, https://arxiv.org/abs/2201.03545"""
ConvNeXtXLarge: convnext.ConvNeXt
"""convnext_xlarge: 350 M parameters, 60.9 G multiply-adds at 224 x 224 px. Liu et al. 2022, A ConvNet for the 2020s, https://arxiv.org/abs/2201.03545"""
