"""WideResNet in plain PyTorch, with the parameter names of Unstamp's files of weights.

Written from the papers; it imports nothing of Unstamp's, so the tests compare Unstamp with it.
"""

import json
import math

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(cin)
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.same = cin == cout
        if not self.same:
            self.convShortcut = nn.Conv2d(cin, cout, 1, stride, 0, bias=False)

    def forward(self, x):
        activated = F.relu(self.bn1(x))
        skip = x if self.same else self.convShortcut(activated)
        return skip + self.conv2(F.relu(self.bn2(self.conv1(activated))))


class Group(nn.Module):
    def __init__(self, blocks, cin, cout, stride):
        super().__init__()
        self.layer = nn.Sequential(
            *[Block(cin if i == 0 else cout, cout, stride if i == 0 else 1) for i in range(blocks)]
        )

    def forward(self, x):
        return self.layer(x)


class Wrn(nn.Module):
    def __init__(self, depth=16, width=1, classes=10):
        super().__init__()
        n = (depth - 4) // 6
        widths = [16, 16 * width, 32 * width, 64 * width]
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.block1 = Group(n, widths[0], widths[1], 1)
        self.block2 = Group(n, widths[1], widths[2], 2)
        self.block3 = Group(n, widths[2], widths[3], 2)
        self.bn1 = nn.BatchNorm2d(widths[3])
        self.fc = nn.Linear(widths[3], classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                k = module.kernel_size[0] ** 2 * module.out_channels
                module.weight.data.normal_(0, math.sqrt(2.0 / k))
        self.fc.bias.data.zero_()

    def forward(self, x):
        f1 = self.block1(self.conv1(x))
        f2 = self.block2(f1)
        f3 = self.block3(f2)
        pooled = F.relu(self.bn1(f3)).mean((2, 3))
        return self.fc(pooled), [f1, f2, f3]


def load(path):
    """The network in a safetensors file that Unstamp wrote, ready to predict, and the file's metadata.

    The network takes images [n, 3, 32, 32] in 0..1 and returns logits [n, classes] and the features of its groups.
    """
    with safe_open(path, "pt") as file:
        metadata = json.loads(file.metadata()["unstamp"])
    family, depth, width = metadata["arch"].split("-")
    assert family == "wrn", f"{path} holds a {metadata['arch']}"
    network = Wrn(int(depth), int(width), len(metadata["class_names"]))
    weights = {name: tensor.float() for name, tensor in load_file(path).items()}
    # Unstamp keeps no counts of batches, which only a training with another momentum needs.
    missing, unexpected = network.load_state_dict(weights, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing)
    return network.eval(), metadata
