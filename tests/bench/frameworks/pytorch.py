"""PyTorch as an implementation to compare with: `pytorch.py MODEL contiguous|channels_last|frozen THREADS`.

MODEL is a file of WRN-16-1, or `preact-resnet18` with random weights. Answers the same lines as
unstamp-bench: `infer N`, `train N`, `gemm N`, `epoch N`, `nad N`, `nba N`, `memory 0`. `frozen` is what
PyTorch offers for a model that only predicts: traced, batch norm folded, optimised.
"""

import copy
import json
import pathlib
import sys
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "fixtures"))
from losses import nba_terms  # noqa: E402
from preact_resnet import PreActResNet18  # noqa: E402
from train_cifar10 import augment  # noqa: E402
from wrn import Wrn, nad_loss  # noqa: E402

model, layout, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format


def network():
    if model == "preact-resnet18":
        return PreActResNet18().to(memory_format=memory)
    weights = {k: v.float() for k, v in load_file(model).items()}
    net = Wrn(classes=weights["fc.bias"].numel())
    net.load_state_dict(weights, strict=False)
    return net.to(memory_format=memory)


victim = network()
eval_net, train_net = copy.deepcopy(victim).eval(), copy.deepcopy(victim).train()
sgd = dict(lr=1e-3, momentum=0.9, weight_decay=1e-4)
optimiser = torch.optim.SGD(train_net.parameters(), **sgd, fused=True)
frozen = {}


def images(count):
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(0)).to(memory_format=memory)


def predictor(batch):
    if layout != "frozen":
        return lambda: eval_net(batch)[0]
    if len(batch) not in frozen:
        traced = torch.jit.trace(eval_net, batch, strict=False)
        traced = torch.jit.optimize_for_inference(torch.jit.freeze(traced.eval()))
        for _ in range(3):
            traced(batch)
        frozen[len(batch)] = traced
    return lambda: frozen[len(batch)](batch)[0]


def measure(work, seconds=1.0):
    work()  # not counted, as in unstamp-bench
    start, repeats = time.perf_counter(), 0
    while repeats == 0 or time.perf_counter() - start < seconds:
        work()
        repeats += 1
    return {"ms": 1e3 * (time.perf_counter() - start) / repeats, "repeats": repeats}


def infer(count):
    run = predictor(images(count))

    def work():
        with torch.inference_mode():
            run().numpy()

    return measure(work)


def train(count):
    batch, labels = images(count), torch.arange(count) % 10

    def work():
        optimiser.zero_grad(set_to_none=True)
        loss = F.cross_entropy(train_net(batch)[0], labels)
        loss.backward()
        optimiser.step()
        loss.item()

    return measure(work)


def fit(data, epochs, terms=lambda net, images, labels, out: 0):
    """The victim after a training on batches of 64 augmented images, with cross entropy and further terms."""
    images, labels = data
    net = copy.deepcopy(victim)
    sgd_of_net = torch.optim.SGD(net.parameters(), **sgd, fused=True)
    net.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(images)).split(64):
            batch = (augment(images[chosen]).float() / 255).contiguous(memory_format=memory)
            out = net(batch)
            loss = F.cross_entropy(out[0], labels[chosen]) + terms(net, batch, labels[chosen], out)
            sgd_of_net.zero_grad(set_to_none=True)
            loss.backward()
            sgd_of_net.step()
            loss.item()
    return net


def teacher_of(data):
    teacher = fit(data, 2).eval()

    def target(images):
        with torch.no_grad():
            return teacher(images)

    return target


def nad(data):
    target = teacher_of(data)
    fit(data, 2, lambda net, images, labels, out: sum(2 * t for t in nad_loss(target(images)[1], out[1])))


def pseudo_samples(net, images, labels, eps=8 / 255):
    """PGD with five steps on the network in evaluation mode; only the images get gradients."""
    net.eval().requires_grad_(False)
    x = (images + torch.empty_like(images).uniform_(-eps, eps)).clamp(0, 1)
    for _ in range(5):
        x.requires_grad_()
        gradient, = torch.autograd.grad(F.cross_entropy(net(x)[0], labels), x)
        x = x.detach() + eps / 2 * gradient.sign()
        x = x.clamp(min=images - eps, max=images + eps).clamp(0, 1)
    net.train().requires_grad_(True)
    return x


def nba(data):
    target = teacher_of(data)

    def terms(net, images, labels, out):
        of_teacher = target(images)
        statistics = {name: value.clone() for name, value in net.named_buffers()}
        parameters = {**dict(net.named_parameters()), **statistics}
        odd = torch.func.functional_call(net, parameters, (pseudo_samples(net, images, labels),))
        pairs = zip([2, 2, 0.1], nba_terms(of_teacher, out), nba_terms(of_teacher, odd))
        return sum(weight * (clean + 0.5 * pseudo) for weight, clean, pseudo in pairs)

    fit(data, 2, terms)


def training(work):
    def measured(count):
        data = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8), torch.arange(count) % 10
        start = time.perf_counter()
        work(data)
        return {"ms": 1e3 * (time.perf_counter() - start)}

    return measured


def peak_memory(_):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return {"mib": next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024}


def gemm(side):
    a = torch.rand(side, side)
    return measure(lambda: a @ a)


tasks = {
    "infer": infer,
    "train": train,
    "gemm": gemm,
    "epoch": training(lambda data: fit(data, 1)),
    "nad": training(nad),
    "nba": training(nba),
    "memory": peak_memory,
}
print(json.dumps({"version": torch.__version__}), flush=True)
for line in sys.stdin:
    task, count = line.split()
    try:
        print(json.dumps(tasks[task](int(count))), flush=True)
    except Exception as error:  # the reader decides what a failed task means
        print(json.dumps({"error": str(error)}), flush=True)
