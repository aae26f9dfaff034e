"""Written by tools/front_door.py from the tables of the families."""

from types import ModuleType

from kerascnn.applications import alexnet as alexnet
from kerascnn.applications import condensenet as condensenet
from kerascnn.applications import densenet as densenet
from kerascnn.applications import efficientnet as efficientnet
from kerascnn.applications import efficientnet_edgetpu as efficientnet_edgetpu
from kerascnn.applications import efficientnet_v2 as efficientnet_v2
from kerascnn.applications import effnet as effnet
from kerascnn.applications import fbnet as fbnet
from kerascnn.applications import googlenet as googlenet
from kerascnn.applications import inception_resnet as inception_resnet
from kerascnn.applications import inception_v2 as inception_v2
from kerascnn.applications import inception_v3 as inception_v3
from kerascnn.applications import inception_v4 as inception_v4
from kerascnn.applications import lenet as lenet
from kerascnn.applications import mnasnet as mnasnet
from kerascnn.applications import mobilenet as mobilenet
from kerascnn.applications import mobilenet_v2 as mobilenet_v2
from kerascnn.applications import mobilenet_v3 as mobilenet_v3
from kerascnn.applications import resnet as resnet
from kerascnn.applications import vgg as vgg
from kerascnn.applications import xception as xception
from kerascnn.architecture import Architecture

FAMILIES: tuple[ModuleType, ...]
ROWS: dict[str, Architecture]

LeNet5: lenet.LeNet
"""lenet5: 61.7 k parameters, 417 k multiply-adds at 32 x 32 px.

LeCun, Bottou, Bengio & Haffner 1998. Gradient-based learning applied to document recognition.
https://doi.org/10.1109/5.726791
"""

AlexNetTwoTower: alexnet.AlexNetFamily
"""alexnet_two_tower: 61 M parameters, 724 M multiply-adds at 227 x 227 px.

Krizhevsky, Sutskever & Hinton 2012. ImageNet classification with deep convolutional neural networks.
https://papers.nips.cc/paper/4824
"""

AlexNet: alexnet.AlexNetFamily
"""alexnet: 61.1 M parameters, 714 M multiply-adds at 224 x 224 px.

Krizhevsky 2014. One weird trick for parallelizing convolutional neural networks. https://arxiv.org/abs/1404.5997
"""

VGG11: vgg.VGG
"""vgg11: 133 M parameters, 7.61 G multiply-adds at 224 x 224 px.

Simonyan & Zisserman 2014. Very deep convolutional networks for large-scale image recognition.
https://arxiv.org/abs/1409.1556
"""

VGG11BN: vgg.VGG
"""vgg11_bn: 133 M parameters, 7.61 G multiply-adds at 224 x 224 px.

Simonyan & Zisserman 2014. Very deep convolutional networks for large-scale image recognition.
https://arxiv.org/abs/1409.1556
"""

VGG13: vgg.VGG
"""vgg13: 133 M parameters, 11.3 G multiply-adds at 224 x 224 px.

Simonyan & Zisserman 2014. Very deep convolutional networks for large-scale image recognition.
https://arxiv.org/abs/1409.1556
"""

VGG13BN: vgg.VGG
"""vgg13_bn: 133 M parameters, 11.3 G multiply-adds at 224 x 224 px.

Simonyan & Zisserman 2014. Very deep convolutional networks for large-scale image recognition.
https://arxiv.org/abs/1409.1556
"""

VGG16: vgg.VGG
"""vgg16: 138 M parameters, 15.5 G multiply-adds at 224 x 224 px.

Simonyan & Zisserman 2014. Very deep convolutional networks for large-scale image recognition.
https://arxiv.org/abs/1409.1556
"""

VGG16BN: vgg.VGG
"""vgg16_bn: 138 M parameters, 15.5 G multiply-adds at 224 x 224 px.

Simonyan & Zisserman 2014. Very deep convolutional networks for large-scale image recognition.
https://arxiv.org/abs/1409.1556
"""

VGG19: vgg.VGG
"""vgg19: 144 M parameters, 19.6 G multiply-adds at 224 x 224 px.

Simonyan & Zisserman 2014. Very deep convolutional networks for large-scale image recognition.
https://arxiv.org/abs/1409.1556
"""

VGG19BN: vgg.VGG
"""vgg19_bn: 144 M parameters, 19.6 G multiply-adds at 224 x 224 px.

Simonyan & Zisserman 2014. Very deep convolutional networks for large-scale image recognition.
https://arxiv.org/abs/1409.1556
"""

GoogLeNet: googlenet.GoogLeNetFamily
"""googlenet: 6.62 M parameters, 1.5 G multiply-adds at 224 x 224 px.

Szegedy et al. 2014. Going deeper with convolutions. https://arxiv.org/abs/1409.4842
"""

GoogLeNetAuxiliary: googlenet.GoogLeNetFamily
"""googlenet_auxiliary: 13 M parameters, 1.51 G multiply-adds at 224 x 224 px.

Szegedy et al. 2014. Going deeper with convolutions. https://arxiv.org/abs/1409.4842
"""

GoogLeNet2014: googlenet.GoogLeNetFamily
"""googlenet_2014: 7 M parameters, 1.58 G multiply-adds at 224 x 224 px.

Szegedy et al. 2014. Going deeper with convolutions. https://arxiv.org/abs/1409.4842
"""

GoogLeNet2014Auxiliary: googlenet.GoogLeNetFamily
"""googlenet_2014_auxiliary: 13.4 M parameters, 1.59 G multiply-adds at 224 x 224 px.

Szegedy et al. 2014. Going deeper with convolutions. https://arxiv.org/abs/1409.4842
"""

InceptionV2: inception_v2.InceptionV2Family
"""inception_v2: 11.2 M parameters, 2.02 G multiply-adds at 224 x 224 px.

Ioffe & Szegedy 2015. Batch normalization: accelerating deep network training by reducing internal covariate shift.
https://arxiv.org/abs/1502.03167
"""

InceptionV2MXNet: inception_v2.InceptionV2Family
"""inception_v2_mxnet: 11.3 M parameters, 2.03 G multiply-adds at 224 x 224 px.

Ioffe & Szegedy 2015. Batch normalization: accelerating deep network training by reducing internal covariate shift.
https://arxiv.org/abs/1502.03167
"""

SEInceptionV2: inception_v2.InceptionV2Family
"""se_inception_v2: 11.9 M parameters, 2.03 G multiply-adds at 224 x 224 px.

Hu, Shen, Albanie, Sun & Wu 2017. Squeeze-and-excitation networks. https://arxiv.org/abs/1709.01507
"""

InceptionV3: inception_v3.InceptionV3Family
"""inception_v3: 23.8 M parameters, 5.71 G multiply-adds at 299 x 299 px.

Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2015. Rethinking the inception architecture for computer vision.
https://arxiv.org/abs/1512.00567
"""

InceptionV3Auxiliary: inception_v3.InceptionV3Family
"""inception_v3_auxiliary: 27.2 M parameters, 5.72 G multiply-adds at 299 x 299 px.

Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2015. Rethinking the inception architecture for computer vision.
https://arxiv.org/abs/1512.00567
"""

ResNet18: resnet.ResNet
"""resnet18: 11.7 M parameters, 1.81 G multiply-adds at 224 x 224 px.

He, Zhang, Ren & Sun 2015. Deep residual learning for image recognition. https://arxiv.org/abs/1512.03385
"""

ResNet34: resnet.ResNet
"""resnet34: 21.8 M parameters, 3.66 G multiply-adds at 224 x 224 px.

He, Zhang, Ren & Sun 2015. Deep residual learning for image recognition. https://arxiv.org/abs/1512.03385
"""

ResNet50: resnet.ResNet
"""resnet50: 25.6 M parameters, 3.86 G multiply-adds at 224 x 224 px.

He, Zhang, Ren & Sun 2015. Deep residual learning for image recognition. https://arxiv.org/abs/1512.03385
"""

ResNet101: resnet.ResNet
"""resnet101: 44.5 M parameters, 7.57 G multiply-adds at 224 x 224 px.

He, Zhang, Ren & Sun 2015. Deep residual learning for image recognition. https://arxiv.org/abs/1512.03385
"""

ResNet152: resnet.ResNet
"""resnet152: 60.2 M parameters, 11.3 G multiply-adds at 224 x 224 px.

He, Zhang, Ren & Sun 2015. Deep residual learning for image recognition. https://arxiv.org/abs/1512.03385
"""

ResNet50V1_5: resnet.ResNet
"""resnet50_v1_5: 25.6 M parameters, 4.09 G multiply-adds at 224 x 224 px.

He, Zhang, Ren & Sun 2015. Deep residual learning for image recognition. https://arxiv.org/abs/1512.03385
"""

ResNet101V1_5: resnet.ResNet
"""resnet101_v1_5: 44.5 M parameters, 7.8 G multiply-adds at 224 x 224 px.

He, Zhang, Ren & Sun 2015. Deep residual learning for image recognition. https://arxiv.org/abs/1512.03385
"""

ResNet152V1_5: resnet.ResNet
"""resnet152_v1_5: 60.2 M parameters, 11.5 G multiply-adds at 224 x 224 px.

He, Zhang, Ren & Sun 2015. Deep residual learning for image recognition. https://arxiv.org/abs/1512.03385
"""

InceptionV4: inception_v4.InceptionV4Family
"""inception_v4: 42.7 M parameters, 12.3 G multiply-adds at 299 x 299 px.

Szegedy, Ioffe, Vanhoucke & Alemi 2016. Inception-v4, Inception-ResNet and the impact of residual connections on
learning. https://arxiv.org/abs/1602.07261
"""

InceptionResNetV1: inception_resnet.InceptionResNet
"""inception_resnet_v1: 22.8 M parameters, 6.21 G multiply-adds at 299 x 299 px.

Szegedy, Ioffe, Vanhoucke & Alemi 2016. Inception-v4, Inception-ResNet and the impact of residual connections on
learning. https://arxiv.org/abs/1602.07261
"""

InceptionResNetV1FaceNet: inception_resnet.InceptionResNet
"""inception_resnet_v1_facenet: 24 M parameters, 1.42 G multiply-adds at 160 x 160 px.

Szegedy, Ioffe, Vanhoucke & Alemi 2016. Inception-v4, Inception-ResNet and the impact of residual connections on
learning. https://arxiv.org/abs/1602.07261
"""

InceptionResNetV2: inception_resnet.InceptionResNet
"""inception_resnet_v2: 55.8 M parameters, 13.2 G multiply-adds at 299 x 299 px.

Szegedy, Ioffe, Vanhoucke & Alemi 2016. Inception-v4, Inception-ResNet and the impact of residual connections on
learning. https://arxiv.org/abs/1602.07261
"""

Xception: xception.XceptionFamily
"""xception: 22.9 M parameters, 8.36 G multiply-adds at 299 x 299 px.

Chollet 2016. Xception: deep learning with depthwise separable convolutions. https://arxiv.org/abs/1610.02357
"""

DenseNet121: densenet.DenseNet
"""densenet121: 7.98 M parameters, 2.83 G multiply-adds at 224 x 224 px.

Huang, Liu, van der Maaten & Weinberger 2016. Densely connected convolutional networks. https://arxiv.org/abs/1608.06993
"""

DenseNet169: densenet.DenseNet
"""densenet169: 14.1 M parameters, 3.36 G multiply-adds at 224 x 224 px.

Huang, Liu, van der Maaten & Weinberger 2016. Densely connected convolutional networks. https://arxiv.org/abs/1608.06993
"""

DenseNet201: densenet.DenseNet
"""densenet201: 20 M parameters, 4.29 G multiply-adds at 224 x 224 px.

Huang, Liu, van der Maaten & Weinberger 2016. Densely connected convolutional networks. https://arxiv.org/abs/1608.06993
"""

DenseNet264: densenet.DenseNet
"""densenet264: 33.3 M parameters, 5.75 G multiply-adds at 224 x 224 px.

Huang, Liu, van der Maaten & Weinberger 2016. Densely connected convolutional networks. https://arxiv.org/abs/1608.06993
"""

DenseNet161: densenet.DenseNet
"""densenet161: 28.7 M parameters, 7.73 G multiply-adds at 224 x 224 px.

Huang, Liu, van der Maaten & Weinberger 2016. Densely connected convolutional networks. https://arxiv.org/abs/1608.06993
"""

MobileNet_025: mobilenet.MobileNetFamily
"""mobilenet_025: 470 k parameters, 41 M multiply-adds at 224 x 224 px.

Howard et al. 2017. MobileNets: efficient convolutional neural networks for mobile vision applications. https://arxiv.org/abs/1704.04861
"""

MobileNet_050: mobilenet.MobileNetFamily
"""mobilenet_050: 1.33 M parameters, 149 M multiply-adds at 224 x 224 px.

Howard et al. 2017. MobileNets: efficient convolutional neural networks for mobile vision applications. https://arxiv.org/abs/1704.04861
"""

MobileNet_075: mobilenet.MobileNetFamily
"""mobilenet_075: 2.59 M parameters, 325 M multiply-adds at 224 x 224 px.

Howard et al. 2017. MobileNets: efficient convolutional neural networks for mobile vision applications. https://arxiv.org/abs/1704.04861
"""

MobileNet_100: mobilenet.MobileNetFamily
"""mobilenet_100: 4.23 M parameters, 569 M multiply-adds at 224 x 224 px.

Howard et al. 2017. MobileNets: efficient convolutional neural networks for mobile vision applications. https://arxiv.org/abs/1704.04861
"""

MobileNet: mobilenet.MobileNetFamily
"""mobilenet_100: 4.23 M parameters, 569 M multiply-adds at 224 x 224 px.

Howard et al. 2017. MobileNets: efficient convolutional neural networks for mobile vision applications. https://arxiv.org/abs/1704.04861
"""

MobileNetV2_035: mobilenet_v2.MobileNetV2Family
"""mobilenet_v2_035: 1.68 M parameters, 59.3 M multiply-adds at 224 x 224 px.

Sandler, Howard, Zhu, Zhmoginov & Chen 2018. MobileNetV2: inverted residuals and linear bottlenecks.
https://arxiv.org/abs/1801.04381
"""

MobileNetV2_050: mobilenet_v2.MobileNetV2Family
"""mobilenet_v2_050: 1.97 M parameters, 97.1 M multiply-adds at 224 x 224 px.

Sandler, Howard, Zhu, Zhmoginov & Chen 2018. MobileNetV2: inverted residuals and linear bottlenecks.
https://arxiv.org/abs/1801.04381
"""

MobileNetV2_075: mobilenet_v2.MobileNetV2Family
"""mobilenet_v2_075: 2.64 M parameters, 209 M multiply-adds at 224 x 224 px.

Sandler, Howard, Zhu, Zhmoginov & Chen 2018. MobileNetV2: inverted residuals and linear bottlenecks.
https://arxiv.org/abs/1801.04381
"""

MobileNetV2_100: mobilenet_v2.MobileNetV2Family
"""mobilenet_v2_100: 3.5 M parameters, 301 M multiply-adds at 224 x 224 px.

Sandler, Howard, Zhu, Zhmoginov & Chen 2018. MobileNetV2: inverted residuals and linear bottlenecks.
https://arxiv.org/abs/1801.04381
"""

MobileNetV2: mobilenet_v2.MobileNetV2Family
"""mobilenet_v2_100: 3.5 M parameters, 301 M multiply-adds at 224 x 224 px.

Sandler, Howard, Zhu, Zhmoginov & Chen 2018. MobileNetV2: inverted residuals and linear bottlenecks.
https://arxiv.org/abs/1801.04381
"""

MobileNetV2_130: mobilenet_v2.MobileNetV2Family
"""mobilenet_v2_130: 5.39 M parameters, 509 M multiply-adds at 224 x 224 px.

Sandler, Howard, Zhu, Zhmoginov & Chen 2018. MobileNetV2: inverted residuals and linear bottlenecks.
https://arxiv.org/abs/1801.04381
"""

MobileNetV2_140: mobilenet_v2.MobileNetV2Family
"""mobilenet_v2_140: 6.11 M parameters, 582 M multiply-adds at 224 x 224 px.

Sandler, Howard, Zhu, Zhmoginov & Chen 2018. MobileNetV2: inverted residuals and linear bottlenecks.
https://arxiv.org/abs/1801.04381
"""

EffNet: effnet.EffNetFamily
"""effnet: 151 k parameters, 5.64 M multiply-adds at 32 x 32 px.

Freeman, Roese-Koerner & Kummert 2018. EffNet: an efficient structure for convolutional neural networks. https://arxiv.org/abs/1801.06434
"""

MnasNetA1_035: mnasnet.MnasNet
"""mnasnet_a1_035: 1.75 M parameters, 61.7 M multiply-adds at 224 x 224 px.

Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018. MnasNet: platform-aware neural architecture search for mobile. https://arxiv.org/abs/1807.11626
"""

MnasNetA1_050: mnasnet.MnasNet
"""mnasnet_a1_050: 2.08 M parameters, 103 M multiply-adds at 224 x 224 px.

Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018. MnasNet: platform-aware neural architecture search for mobile. https://arxiv.org/abs/1807.11626
"""

MnasNetA1_075: mnasnet.MnasNet
"""mnasnet_a1_075: 2.91 M parameters, 223 M multiply-adds at 224 x 224 px.

Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018. MnasNet: platform-aware neural architecture search for mobile. https://arxiv.org/abs/1807.11626
"""

MnasNetA1_100: mnasnet.MnasNet
"""mnasnet_a1_100: 3.89 M parameters, 312 M multiply-adds at 224 x 224 px.

Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018. MnasNet: platform-aware neural architecture search for mobile. https://arxiv.org/abs/1807.11626
"""

MnasNetA1: mnasnet.MnasNet
"""mnasnet_a1_100: 3.89 M parameters, 312 M multiply-adds at 224 x 224 px.

Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018. MnasNet: platform-aware neural architecture search for mobile. https://arxiv.org/abs/1807.11626
"""

MnasNetA1_140: mnasnet.MnasNet
"""mnasnet_a1_140: 6.11 M parameters, 586 M multiply-adds at 224 x 224 px.

Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018. MnasNet: platform-aware neural architecture search for mobile. https://arxiv.org/abs/1807.11626
"""

MnasNetB1_035: mnasnet.MnasNet
"""mnasnet_b1_035: 1.79 M parameters, 58.9 M multiply-adds at 224 x 224 px.

Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018. MnasNet: platform-aware neural architecture search for mobile. https://arxiv.org/abs/1807.11626
"""

MnasNetB1_050: mnasnet.MnasNet
"""mnasnet_b1_050: 2.22 M parameters, 104 M multiply-adds at 224 x 224 px.

Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018. MnasNet: platform-aware neural architecture search for mobile. https://arxiv.org/abs/1807.11626
"""

MnasNetB1_075: mnasnet.MnasNet
"""mnasnet_b1_075: 3.17 M parameters, 215 M multiply-adds at 224 x 224 px.

Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018. MnasNet: platform-aware neural architecture search for mobile. https://arxiv.org/abs/1807.11626
"""

MnasNetB1_100: mnasnet.MnasNet
"""mnasnet_b1_100: 4.38 M parameters, 314 M multiply-adds at 224 x 224 px.

Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018. MnasNet: platform-aware neural architecture search for mobile. https://arxiv.org/abs/1807.11626
"""

MnasNetB1: mnasnet.MnasNet
"""mnasnet_b1_100: 4.38 M parameters, 314 M multiply-adds at 224 x 224 px.

Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018. MnasNet: platform-aware neural architecture search for mobile. https://arxiv.org/abs/1807.11626
"""

MnasNetB1_130: mnasnet.MnasNet
"""mnasnet_b1_130: 6.28 M parameters, 526 M multiply-adds at 224 x 224 px.

Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018. MnasNet: platform-aware neural architecture search for mobile. https://arxiv.org/abs/1807.11626
"""

MnasNetB1_140: mnasnet.MnasNet
"""mnasnet_b1_140: 7.12 M parameters, 589 M multiply-adds at 224 x 224 px.

Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018. MnasNet: platform-aware neural architecture search for mobile. https://arxiv.org/abs/1807.11626
"""

MnasNetSmall: mnasnet.MnasNet
"""mnasnet_small: 2.03 M parameters, 68.3 M multiply-adds at 224 x 224 px.

Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018. MnasNet: platform-aware neural architecture search for mobile. https://arxiv.org/abs/1807.11626
"""

MnasNetSmallSkip: mnasnet.MnasNet
"""mnasnet_small_skip: 2.03 M parameters, 68.3 M multiply-adds at 224 x 224 px.

Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le 2018. MnasNet: platform-aware neural architecture search for mobile. https://arxiv.org/abs/1807.11626
"""

FBNetA: fbnet.FBNet
"""fbnet_a: 4.3 M parameters, 244 M multiply-adds at 224 x 224 px.

Wu et al. 2018. FBNet: hardware-aware efficient ConvNet design via differentiable neural architecture search. https://arxiv.org/abs/1812.03443
"""

FBNetB: fbnet.FBNet
"""fbnet_b: 4.8 M parameters, 291 M multiply-adds at 224 x 224 px.

Wu et al. 2018. FBNet: hardware-aware efficient ConvNet design via differentiable neural architecture search. https://arxiv.org/abs/1812.03443
"""

FBNetC: fbnet.FBNet
"""fbnet_c: 5.57 M parameters, 378 M multiply-adds at 224 x 224 px.

Wu et al. 2018. FBNet: hardware-aware efficient ConvNet design via differentiable neural architecture search. https://arxiv.org/abs/1812.03443
"""

FBNetCExpand: fbnet.FBNet
"""fbnet_c_expand: 5.57 M parameters, 385 M multiply-adds at 224 x 224 px.

Wu et al. 2018. FBNet: hardware-aware efficient ConvNet design via differentiable neural architecture search. https://arxiv.org/abs/1812.03443
"""

MobileNetV3Large_035: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_035: 2.13 M parameters, 43.9 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3Large_050: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_050: 2.69 M parameters, 73.7 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3Large_075: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_075: 3.99 M parameters, 155 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3Large_100: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_100: 5.48 M parameters, 217 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3Large: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_100: 5.48 M parameters, 217 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3Large_125: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_125: 8.26 M parameters, 350 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3Small_035: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_035: 1.35 M parameters, 15.9 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3Small_050: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_050: 1.59 M parameters, 24.2 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3Small_075: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_075: 2.04 M parameters, 43.4 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3Small_100: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_100: 2.54 M parameters, 56.5 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3Small: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_100: 2.54 M parameters, 56.5 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3Small_125: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_125: 3.65 M parameters, 87.7 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3LargeMinimalistic_035: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_minimalistic_035: 1.91 M parameters, 41.5 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3LargeMinimalistic_050: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_minimalistic_050: 2.28 M parameters, 69.9 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3LargeMinimalistic_075: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_minimalistic_075: 3.05 M parameters, 149 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3LargeMinimalistic_100: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_minimalistic_100: 3.92 M parameters, 209 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3LargeMinimalistic: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_minimalistic_100: 3.92 M parameters, 209 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3LargeMinimalistic_125: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_large_minimalistic_125: 5.76 M parameters, 340 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3SmallMinimalistic_035: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_minimalistic_035: 1.28 M parameters, 14.5 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3SmallMinimalistic_050: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_minimalistic_050: 1.45 M parameters, 21.9 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3SmallMinimalistic_075: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_minimalistic_075: 1.73 M parameters, 40.1 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3SmallMinimalistic_100: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_minimalistic_100: 2.04 M parameters, 52.3 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3SmallMinimalistic: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_minimalistic_100: 2.04 M parameters, 52.3 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

MobileNetV3SmallMinimalistic_125: mobilenet_v3.MobileNetV3Family
"""mobilenet_v3_small_minimalistic_125: 2.87 M parameters, 82.3 M multiply-adds at 224 x 224 px.

Howard et al. 2019. Searching for MobileNetV3. https://arxiv.org/abs/1905.02244
"""

CondenseNet74C4G4: condensenet.CondenseNet
"""condensenet74_c4_g4: 11.9 M parameters, 1.27 G multiply-adds at 224 x 224 px.

Huang, Liu, van der Maaten & Weinberger 2018. CondenseNet: an efficient DenseNet using learned group convolutions. https://arxiv.org/abs/1711.09224
"""

CondenseNet74C4G4Converted: condensenet.CondenseNetConverted
"""condensenet74_c4_g4_converted: 4.77 M parameters, 517 M multiply-adds at 224 x 224 px.

Huang, Liu, van der Maaten & Weinberger 2018. CondenseNet: an efficient DenseNet using learned group convolutions. https://arxiv.org/abs/1711.09224
"""

CondenseNet74C8G8: condensenet.CondenseNet
"""condensenet74_c8_g8: 11.1 M parameters, 1.14 G multiply-adds at 224 x 224 px.

Huang, Liu, van der Maaten & Weinberger 2018. CondenseNet: an efficient DenseNet using learned group convolutions. https://arxiv.org/abs/1711.09224
"""

CondenseNet74C8G8Converted: condensenet.CondenseNetConverted
"""condensenet74_c8_g8_converted: 2.94 M parameters, 262 M multiply-adds at 224 x 224 px.

Huang, Liu, van der Maaten & Weinberger 2018. CondenseNet: an efficient DenseNet using learned group convolutions. https://arxiv.org/abs/1711.09224
"""

CondenseNet86: condensenet.CondenseNet
"""condensenet86: 1.45 M parameters, 174 M multiply-adds at 32 x 32 px.

Huang, Liu, van der Maaten & Weinberger 2018. CondenseNet: an efficient DenseNet using learned group convolutions. https://arxiv.org/abs/1711.09224
"""

CondenseNet86Converted: condensenet.CondenseNetConverted
"""condensenet86_converted: 516 k parameters, 62.4 M multiply-adds at 32 x 32 px.

Huang, Liu, van der Maaten & Weinberger 2018. CondenseNet: an efficient DenseNet using learned group convolutions. https://arxiv.org/abs/1711.09224
"""

CondenseNet182: condensenet.CondenseNet
"""condensenet182: 13.8 M parameters, 1.62 G multiply-adds at 32 x 32 px.

Huang, Liu, van der Maaten & Weinberger 2018. CondenseNet: an efficient DenseNet using learned group convolutions. https://arxiv.org/abs/1711.09224
"""

CondenseNet182Converted: condensenet.CondenseNetConverted
"""condensenet182_converted: 4.21 M parameters, 494 M multiply-adds at 32 x 32 px.

Huang, Liu, van der Maaten & Weinberger 2018. CondenseNet: an efficient DenseNet using learned group convolutions. https://arxiv.org/abs/1711.09224
"""

EfficientNetB0: efficientnet.EfficientNet
"""efficientnet_b0: 5.29 M parameters, 386 M multiply-adds at 224 x 224 px.

Tan & Le 2019. EfficientNet: rethinking model scaling for convolutional neural networks.
https://arxiv.org/abs/1905.11946
"""

EfficientNetB1: efficientnet.EfficientNet
"""efficientnet_b1: 7.79 M parameters, 687 M multiply-adds at 240 x 240 px.

Tan & Le 2019. EfficientNet: rethinking model scaling for convolutional neural networks.
https://arxiv.org/abs/1905.11946
"""

EfficientNetB2: efficientnet.EfficientNet
"""efficientnet_b2: 9.11 M parameters, 994 M multiply-adds at 260 x 260 px.

Tan & Le 2019. EfficientNet: rethinking model scaling for convolutional neural networks.
https://arxiv.org/abs/1905.11946
"""

EfficientNetB3: efficientnet.EfficientNet
"""efficientnet_b3: 12.2 M parameters, 1.83 G multiply-adds at 300 x 300 px.

Tan & Le 2019. EfficientNet: rethinking model scaling for convolutional neural networks.
https://arxiv.org/abs/1905.11946
"""

EfficientNetB4: efficientnet.EfficientNet
"""efficientnet_b4: 19.3 M parameters, 4.39 G multiply-adds at 380 x 380 px.

Tan & Le 2019. EfficientNet: rethinking model scaling for convolutional neural networks.
https://arxiv.org/abs/1905.11946
"""

EfficientNetB5: efficientnet.EfficientNet
"""efficientnet_b5: 30.4 M parameters, 10.3 G multiply-adds at 456 x 456 px.

Tan & Le 2019. EfficientNet: rethinking model scaling for convolutional neural networks.
https://arxiv.org/abs/1905.11946
"""

EfficientNetB6: efficientnet.EfficientNet
"""efficientnet_b6: 43 M parameters, 19.1 G multiply-adds at 528 x 528 px.

Tan & Le 2019. EfficientNet: rethinking model scaling for convolutional neural networks.
https://arxiv.org/abs/1905.11946
"""

EfficientNetB7: efficientnet.EfficientNet
"""efficientnet_b7: 66.3 M parameters, 37.7 G multiply-adds at 600 x 600 px.

Tan & Le 2019. EfficientNet: rethinking model scaling for convolutional neural networks.
https://arxiv.org/abs/1905.11946
"""

EfficientNetLite0: efficientnet.EfficientNetLite
"""efficientnet_lite0: 4.65 M parameters, 385 M multiply-adds at 224 x 224 px.

Liu 2020. Higher accuracy on vision models with EfficientNet-Lite.
https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html
"""

EfficientNetLite1: efficientnet.EfficientNetLite
"""efficientnet_lite1: 5.42 M parameters, 600 M multiply-adds at 240 x 240 px.

Liu 2020. Higher accuracy on vision models with EfficientNet-Lite.
https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html
"""

EfficientNetLite2: efficientnet.EfficientNetLite
"""efficientnet_lite2: 6.09 M parameters, 860 M multiply-adds at 260 x 260 px.

Liu 2020. Higher accuracy on vision models with EfficientNet-Lite.
https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html
"""

EfficientNetLite3: efficientnet.EfficientNetLite
"""efficientnet_lite3: 8.2 M parameters, 1.38 G multiply-adds at 280 x 280 px.

Liu 2020. Higher accuracy on vision models with EfficientNet-Lite.
https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html
"""

EfficientNetLite4: efficientnet.EfficientNetLite
"""efficientnet_lite4: 13 M parameters, 2.55 G multiply-adds at 300 x 300 px.

Liu 2020. Higher accuracy on vision models with EfficientNet-Lite.
https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html
"""

EfficientNetEdgeTPUS: efficientnet_edgetpu.EfficientNetEdgeTPU
"""efficientnet_edgetpu_s: 5.44 M parameters, 1.79 G multiply-adds at 224 x 224 px.

Gupta & Tan 2019. EfficientNet-EdgeTPU: creating accelerator-optimized neural networks with AutoML.
https://research.google/blog/efficientnet-edgetpu-creating-accelerator-optimized-neural-networks-with-automl/
"""

EfficientNetEdgeTPUM: efficientnet_edgetpu.EfficientNetEdgeTPU
"""efficientnet_edgetpu_m: 6.9 M parameters, 3.01 G multiply-adds at 240 x 240 px.

Gupta & Tan 2019. EfficientNet-EdgeTPU: creating accelerator-optimized neural networks with AutoML.
https://research.google/blog/efficientnet-edgetpu-creating-accelerator-optimized-neural-networks-with-automl/
"""

EfficientNetEdgeTPUL: efficientnet_edgetpu.EfficientNetEdgeTPU
"""efficientnet_edgetpu_l: 10.6 M parameters, 7.94 G multiply-adds at 300 x 300 px.

Gupta & Tan 2019. EfficientNet-EdgeTPU: creating accelerator-optimized neural networks with AutoML.
https://research.google/blog/efficientnet-edgetpu-creating-accelerator-optimized-neural-networks-with-automl/
"""

EfficientNetV2B0: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_b0: 7.14 M parameters, 718 M multiply-adds at 224 x 224 px.

Tan & Le 2021. EfficientNetV2: smaller models and faster training. https://arxiv.org/abs/2104.00298
"""

EfficientNetV2B1: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_b1: 8.14 M parameters, 1.2 G multiply-adds at 240 x 240 px.

Tan & Le 2021. EfficientNetV2: smaller models and faster training. https://arxiv.org/abs/2104.00298
"""

EfficientNetV2B2: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_b2: 10.1 M parameters, 1.7 G multiply-adds at 260 x 260 px.

Tan & Le 2021. EfficientNetV2: smaller models and faster training. https://arxiv.org/abs/2104.00298
"""

EfficientNetV2B3: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_b3: 14.4 M parameters, 3.01 G multiply-adds at 300 x 300 px.

Tan & Le 2021. EfficientNetV2: smaller models and faster training. https://arxiv.org/abs/2104.00298
"""

EfficientNetV2S: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_s: 21.5 M parameters, 8.37 G multiply-adds at 384 x 384 px.

Tan & Le 2021. EfficientNetV2: smaller models and faster training. https://arxiv.org/abs/2104.00298
"""

EfficientNetV2M: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_m: 54.1 M parameters, 24.6 G multiply-adds at 480 x 480 px.

Tan & Le 2021. EfficientNetV2: smaller models and faster training. https://arxiv.org/abs/2104.00298
"""

EfficientNetV2L: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_l: 119 M parameters, 56.1 G multiply-adds at 480 x 480 px.

Tan & Le 2021. EfficientNetV2: smaller models and faster training. https://arxiv.org/abs/2104.00298
"""

EfficientNetV2XL: efficientnet_v2.EfficientNetV2
"""efficientnet_v2_xl: 208 M parameters, 93.4 G multiply-adds at 512 x 512 px.

Tan & Le 2021. EfficientNetV2: smaller models and faster training. https://arxiv.org/abs/2104.00298
"""
