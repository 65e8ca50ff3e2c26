"""Reads a data set that `unstamp poison --dataset-only` wrote.

    unstamp poison --dataset signs --attack badnets --dataset-only --out signs_badnets
    python poisoned_set.py signs_badnets
"""

import csv
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image


def pictures(paths):
    """Pictures of one size as a tensor [n, 3, height, width] in 0..1."""
    images = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def listed(folder, name):
    """The images of a list, with their original labels, their new labels, and whether they bear the trigger.

    `poisoned.csv` lists the training images, `triggered.csv` the test images with the trigger. There the new label is the
    one that the attacker wants.
    """
    with open(Path(folder) / name) as file:
        rows = list(csv.DictReader(file))
    column = lambda key: torch.tensor([int(row[key]) for row in rows])
    images = pictures([Path(folder) / row["file"] for row in rows])
    return images, column("original_label"), column("new_label"), column("poisoned").bool()


def clean_test(folder, class_names):
    """The clean test images and their labels."""
    paths = [path for name in class_names for path in sorted((Path(folder) / "test" / name).iterdir())]
    labels = [class_names.index(path.parent.name) for path in paths]
    return pictures(paths), torch.tensor(labels)


if __name__ == "__main__":
    images, original, new, poisoned = listed(sys.argv[1], "poisoned.csv")
    print(f"{len(images)} training images, {poisoned.sum()} with the trigger, {(original != new).sum()} relabelled")
