"""The networks that `make train` trains. Input of each: pixel / 255, NCHW."""
import torch
from torch import nn


class LeNet5(nn.Module):
    """As suites/networks/lenet5.yaml."""

    def __init__(self, channels, classes):
        super().__init__()
        self.c1 = nn.Conv2d(channels, 6, 5)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, classes)
        self.pool = nn.AvgPool2d(2)

    def logits(self, x):
        x = self.pool(torch.tanh(self.c1(x)))
        x = self.pool(torch.tanh(self.c3(x)))
        x = torch.tanh(self.c5(x))
        return self.output(torch.tanh(self.f6(x.flatten(1))))

    def forward(self, x):
        return torch.softmax(self.logits(x), 1)


class SameConv2d(nn.Conv2d):
    """3x3 with a stride of 2, padded as TensorFlow's "same": below and to the right alone. torch can only write that to ONNX
    as a Pad; so export.py has it padded all around, and then corrects the file."""

    exporting = False

    def forward(self, x):
        return super().forward(x if self.exporting else nn.functional.pad(x, (0, 1, 0, 1)))


def conv_bn(c_in, c_out, stride=1):
    conv = nn.Conv2d(c_in, c_out, 3, padding=1) if stride == 1 else SameConv2d(c_in, c_out, 3, stride)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out))


class ResNet8(nn.Module):
    """As suites/networks/resnet8.yaml, without the softmax."""

    def __init__(self, channels, classes):
        super().__init__()
        self.conv2d = conv_bn(channels, 16)
        self.conv2d_1, self.conv2d_2 = conv_bn(16, 16), conv_bn(16, 16)
        self.conv2d_3, self.conv2d_4 = conv_bn(16, 32, 2), conv_bn(32, 32)
        self.conv2d_5 = nn.Conv2d(16, 32, 1, 2)
        self.conv2d_6, self.conv2d_7 = conv_bn(32, 64, 2), conv_bn(64, 64)
        self.conv2d_8 = nn.Conv2d(32, 64, 1, 2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dense = nn.Linear(64, classes)

    def forward(self, x):
        relu = torch.relu
        x = relu(self.conv2d(x))
        x = relu(x + self.conv2d_2(relu(self.conv2d_1(x))))
        x = relu(self.conv2d_5(x) + self.conv2d_4(relu(self.conv2d_3(x))))
        x = relu(self.conv2d_8(x) + self.conv2d_7(relu(self.conv2d_6(x))))
        return self.dense(self.pool(x).flatten(1))

    logits = forward


class Fire(nn.Module):
    def __init__(self, c_in, squeeze, expand):
        super().__init__()
        self.squeeze = nn.Sequential(nn.Conv2d(c_in, squeeze, 1), nn.BatchNorm2d(squeeze))
        self.expand1x1 = nn.Sequential(nn.Conv2d(squeeze, expand, 1), nn.BatchNorm2d(expand))
        self.expand3x3 = nn.Sequential(nn.Conv2d(squeeze, expand, 3, padding=1), nn.BatchNorm2d(expand))

    def forward(self, x):
        x = torch.relu(self.squeeze(x))
        return torch.cat((torch.relu(self.expand1x1(x)), torch.relu(self.expand3x3(x))), 1)


class SqueezeNet(nn.Module):
    """SqueezeNet 1.1 (Iandola et al., 2016) for 32x32, narrow; batch normalisation for training, folded in the file."""

    def __init__(self, channels, classes):
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(channels, 24, 3, padding=1), nn.BatchNorm2d(24))
        self.fire2, self.fire3 = Fire(24, 8, 20), Fire(40, 8, 20)
        self.fire4, self.fire5 = Fire(40, 16, 32), Fire(64, 16, 32)
        self.fire6, self.fire7 = Fire(64, 24, 48), Fire(96, 24, 48)
        self.conv8 = nn.Conv2d(96, classes, 1)
        self.pool = nn.MaxPool2d(3, 2)
        self.average = nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))  # 15x15
        x = self.pool(self.fire3(self.fire2(x)))  # 7x7
        x = self.pool(self.fire5(self.fire4(x)))  # 3x3
        x = self.conv8(self.fire7(self.fire6(x)))
        return self.average(x).flatten(1)

    logits = forward


def conv_leaky(c_in, c_out, kernel=3, stride=1):
    return nn.Sequential(nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(c_out),
                         nn.LeakyReLU(0.1))


class Yolo(nn.Module):
    """A small YOLOv3-tiny (Redmon, Farhadi, 2018) for 96x96: heads of 6x6 and 12x12 cells, three anchors each."""

    def __init__(self, channels, classes):
        super().__init__()
        outputs = 3 * (5 + classes)
        self.conv1 = conv_leaky(channels, 16, stride=2)  # 48x48
        self.conv2 = conv_leaky(16, 32, stride=2)  # 24x24
        self.conv3 = conv_leaky(32, 32)
        self.conv4 = conv_leaky(32, 64)  # 12x12
        self.conv5 = conv_leaky(64, 64)
        self.conv6 = conv_leaky(64, 96)  # 6x6
        self.conv7 = conv_leaky(96, 48, 1)
        self.conv8 = conv_leaky(48, 96)
        self.head6 = nn.Conv2d(96, outputs, 1)
        self.conv9 = conv_leaky(48, 24, 1)
        self.conv10 = conv_leaky(24 + 64, 48)
        self.head12 = nn.Conv2d(48, outputs, 1)
        self.pool = nn.MaxPool2d(2)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, x):
        fine = self.conv5(self.conv4(self.pool(self.conv3(self.conv2(self.conv1(x))))))
        x = self.conv7(self.conv6(self.pool(fine)))
        head6 = self.head6(self.conv8(x))
        x = torch.cat((self.up(self.conv9(x)), fine), 1)
        return head6, self.head12(self.conv10(x))
