"""PyTorch as a contender: `pytorch.py MODEL contiguous|channels_last|frozen THREADS`.

Answers the same lines as unstamp-bench: `infer N`, `train N`, `gemm N`, `logits N`. `frozen` is
what PyTorch offers for a model that only predicts: traced, batch norm folded, optimised.
"""

import json
import pathlib
import sys
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "fixtures"))
from wrn import Wrn  # noqa: E402

model, layout, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
weights = {k: v.float() for k, v in load_file(model).items()}


def network():
    net = Wrn(classes=weights["fc.bias"].numel())
    net.load_state_dict(weights, strict=False)
    return net.to(memory_format=memory)


eval_net, train_net = network().eval(), network().train()
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


def gemm(side):
    a = torch.rand(side, side)
    return measure(lambda: a @ a)


tasks = {"infer": infer, "train": train, "gemm": gemm}
print(json.dumps({"version": torch.__version__}), flush=True)
for line in sys.stdin:
    task, count = line.split()
    try:
        print(json.dumps(tasks[task](int(count))), flush=True)
    except Exception as error:  # the reader decides what a failed task means
        print(json.dumps({"error": str(error)}), flush=True)
