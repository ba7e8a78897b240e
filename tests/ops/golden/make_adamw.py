#!/usr/bin/env python3
"""Write adamw.tsv: 40 steps of PyTorch's AdamW, and of an exponential moving average of its weights.

Columns: step, element, w, m, v, ema; the state after the steps listed in KEEP. Weights and gradients
are the closed forms below, so that the test makes the same ones; the odd elements decay. Run by hand
when the optimiser's formula changes; the test reads the table only. All in double precision.
"""
import math
import os

import torch

STEPS, N, KEEP = 40, 6, (1, 2, 17, 40)
LR, BETAS, EPS, DECAY, EMA = 0.05, (0.9, 0.95), 1e-8, 0.1, 0.99


def gradient(step, i):
    return math.sin(0.7 * step + 1.3 * i) + 0.2 * i


def main():
    start = [math.cos(1.1 * i) for i in range(N)]
    plain = [torch.nn.Parameter(torch.tensor(start[i], dtype=torch.float64)) for i in range(N)]
    groups = [{"params": plain[0::2], "weight_decay": 0.0}, {"params": plain[1::2], "weight_decay": DECAY}]
    optimiser = torch.optim.AdamW(groups, lr=LR, betas=BETAS, eps=EPS)
    average = torch.optim.swa_utils.AveragedModel(
        torch.nn.ParameterList(plain), multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(EMA))
    average.update_parameters(torch.nn.ParameterList(plain))  # the first call copies
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "adamw.tsv")
    with open(path, "w") as out:
        out.write(f"# PyTorch {torch.__version__.split('+')[0]}, make_adamw.py\n")
        out.write("step\telement\tw\tm\tv\tema\n")
        for step in range(1, STEPS + 1):
            for i, p in enumerate(plain):
                p.grad = torch.tensor(gradient(step, i), dtype=torch.float64)
            optimiser.step()
            average.update_parameters(torch.nn.ParameterList(plain))
            for i, (p, e) in enumerate(zip(plain, average.module)):
                if step in KEEP:
                    s = optimiser.state[p]
                    values = (p, s["exp_avg"], s["exp_avg_sq"], e)
                    out.write(f"{step}\t{i}\t" + "\t".join(f"{float(x.detach()):.17g}" for x in values) + "\n")


if __name__ == "__main__":
    main()
