"""What the training steps of the peers share: weights and data from a file of `bench_step check`, AdamW, clipping,
the moving average, and the commands.

usage: PEER check FILE [MODE]        the step in FILE without dropout: loss, norm of the gradient, loss after the update
       PEER time FILE STEPS [MODE]   seconds of a step with dropout and own draws: median, min, max; MiB at the most;
                                     MiB before the weights are read
       PEER modes                    the modes of torch.compile that are worth a try on this device

MODE   eager (default), or one of torch.compile's: the loss and its backward pass are compiled. The optimiser is
       torch's fused one in all of them.
Threads: OMP_NUM_THREADS.
"""
import json
import os
import resource
import sys
import time

import numpy as np
import torch

DTYPE = {"F32": np.float32, "I32": np.int32, "U8": np.uint8}
WARM = 5
STATES = ("/running_mean", "/running_var")


def read(path, without=()):
    """Tensors, but those named, and settings of a safetensors file, each tensor in memory once."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        settings = {k: float(v) for k, v in header.pop("__metadata__").items()}
        tensors = {}
        for name, t in header.items():
            if name in without:
                continue
            begin, end = t["data_offsets"]
            file.seek(8 + size + begin)
            type_ = np.dtype(DTYPE[t["dtype"]])
            flat = np.fromfile(file, type_, (end - begin) // type_.itemsize)
            tensors[name] = torch.from_numpy(flat.reshape(t["shape"]))
    return tensors, settings


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def groups_of(params, settings):
    return [{"params": [p for p in params if p.dim() >= 2], "weight_decay": settings["weight_decay"]},
            {"params": [p for p in params if p.dim() < 2], "weight_decay": 0.0}]


class Trainer:
    """A subclass has names (of what is drawn for a step), loss(batch) and draw()."""

    def __init__(self, path, device="cpu", mode="eager"):
        x, self.s = read(path)
        self.x = {k: t.to(device) for k, t in x.items() if not k.startswith("w:")}
        self.device = device
        self.w = {k[2:]: t.to(device) for k, t in x.items() if k.startswith("w:")}
        self.params = [t.requires_grad_() for k, t in self.w.items() if not k.endswith(STATES)]
        s = self.s
        self.optim = torch.optim.AdamW(groups_of(self.params, s), lr=s["lr"], betas=(s["beta1"], s["beta2"]),
                                       eps=s["eps"], fused=True)
        self.ema = [p.detach().clone() for p in self.params]
        self.loss_fn = self.loss if mode == "eager" else torch.compile(self.loss, mode=mode)

    def lin(self, name, x):
        return torch.nn.functional.linear(x, self.w[name + "/W"], self.w.get(name + "/b"))

    def update(self):
        norm = torch.nn.utils.clip_grad_norm_(self.params, self.s["clip"], foreach=True)
        self.optim.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.ema, self.params, 1 - self.s["ema"])
        return norm

    def gradient(self, b):
        self.optim.zero_grad(set_to_none=True)
        loss = self.loss_fn(b)
        loss.backward()
        return loss

    def run(self, b):
        return self.gradient(b), self.update()


def check(model, path, mode):
    step = model(path, 0.0, mode=mode)
    batch = {k: step.x[k] for k in model.names}
    before = step.gradient(batch)
    # torch's own sums in fp32 and is off by 3e-4 for the autoencoder at 28,000 genes
    norm = sum(p.grad.double().square().sum() for p in step.params).sqrt()
    step.update()
    print(f"{before.item():.9g} {norm.item():.9g} {step.loss(batch).item():.9g}")


def time_steps(model, path, steps, mode):
    idle = peak_mib()
    step, seconds = model(path, model.dropout, mode=mode), []
    for i in range(WARM + steps):
        begin = time.perf_counter()
        step.run(step.draw())
        if i >= WARM:
            seconds.append(time.perf_counter() - begin)
    seconds.sort()
    print(f"{seconds[len(seconds) // 2]:.6f} {seconds[0]:.6f} {seconds[-1]:.6f} {peak_mib():.1f} {idle:.1f}")


def main(model):
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    command, args = sys.argv[1], sys.argv[2:]
    if command == "modes":
        print("default max-autotune-no-cudagraphs")
    elif command == "check":
        check(model, args[0], args[1] if len(args) > 1 else "eager")
    else:
        time_steps(model, args[0], int(args[1]), args[2] if len(args) > 2 else "eager")
