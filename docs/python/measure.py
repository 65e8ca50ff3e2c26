"""ACC and ASR of a model of Unstamp's, measured by PyTorch.

    unstamp poison --dataset signs --attack badnets --dataset-only --out signs_badnets
    python measure.py static/models/s0-badnets.safetensors signs_badnets
"""

import json
import sys

import torch

from poisoned_set import clean_test, listed
from wide_resnet import load


@torch.no_grad()
def hits(network, images, wanted):
    """How many images the network gives the wanted label."""
    batches = zip(images.split(256), wanted.split(256))
    return sum(int((network(x)[0].argmax(1) == y).sum()) for x, y in batches)


def measure(network, class_names, folder):
    """Numbers of hits and of images: on clean test images (ACC), and on triggered ones of other classes (ASR)."""
    clean, labels = clean_test(folder, class_names)
    triggered, _, wanted, _ = listed(folder, "triggered.csv")
    return {
        "acc": {"k": hits(network, clean, labels), "n": len(clean)},
        "asr": {"k": hits(network, triggered, wanted), "n": len(triggered)},
    }


if __name__ == "__main__":
    network, metadata = load(sys.argv[1])
    print(json.dumps(measure(network, metadata["class_names"], sys.argv[2])))
