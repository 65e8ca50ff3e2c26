"""Trains a victim with PyTorch on a data set that Unstamp poisoned, for `unstamp import`.

    python train.py signs_badnets victim.pth --epochs 3
    unstamp import victim.pth --arch wrn-16-1 --dataset signs --out victim.safetensors
    unstamp eval --model victim.safetensors --attack badnets
"""

import argparse

import torch
import torch.nn.functional as F

from poisoned_set import listed
from wide_resnet import Wrn


def train(network, images, labels, epochs, batch=64):
    """Stochastic gradient descent with a one-cycle schedule."""
    steps = -(-len(images) // batch)
    optimiser = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, epochs * steps)
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(images)).split(batch):
            loss = F.cross_entropy(network(images[chosen])[0], labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(chosen)
        print(f"epoch {epoch + 1}: loss {total / len(images):.4f}", flush=True)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder")
    arguments.add_argument("out")
    arguments.add_argument("--epochs", type=int, default=3)
    given = arguments.parse_args()
    torch.manual_seed(0)
    images, _, labels, _ = listed(given.folder, "poisoned.csv")
    network = Wrn(16, 1, int(labels.max()) + 1)
    train(network, images, labels, given.epochs)
    torch.save(network.state_dict(), given.out)
