"""The training step and the sampler of bench_gpu in PyTorch on a GPU: the peer of bench/gpu/run.

usage: gpu_torch.py check FILE                                loss, norm of the gradient, loss after the update
       gpu_torch.py step FILE MODE PRECISION STEPS            seconds of a step: median, min, max of ten portions
       gpu_torch.py sample FILE MODE CONDITIONS DDIM PRECISION
                                                              seconds to sample: median, min, max of five
       gpu_torch.py version

MODE   eager; compile (torch.compile, mode reduce-overhead: CUDA graphs of forward and backward); graph (the
       compiled loss, its backward pass, the fused optimiser and the draws as one CUDA graph)
FILE is written by `bench_gpu check`. The same model as step_torch.py, which is checked against ours. PRECISION
fp32 is without TF32; fp16 is autocast with a gradient scaler, bf16 autocast. Nothing here waits for the device
but the clock.
"""
import sys
import time

import torch

from step_torch import DROPOUT, Step
from training import groups_of

PORTIONS, WARM, DRAWS = 10, 24, 5
TYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}


class GpuStep(Step):
    def __init__(self, path, dropout, mode="eager", precision="fp32"):
        super().__init__(path, dropout, "cuda")
        s = self.s
        self.optim = torch.optim.AdamW(groups_of(self.params, s), lr=s["lr"], betas=(s["beta1"], s["beta2"]), eps=s["eps"],
                                       fused=True, capturable=True)
        self.type = TYPES.get(precision)
        self.scaler = torch.amp.GradScaler("cuda", enabled=precision == "fp16")
        self.graph = None
        self.loss_fn = self.loss
        if mode != "eager":
            self.loss_fn = torch.compile(self.loss, mode="reduce-overhead" if mode == "compile" else "default")

    def amp_loss(self, b):
        if self.type is None:
            return self.loss_fn(b)
        with torch.autocast("cuda", self.type):
            return self.loss_fn(b)

    def update(self):
        self.scaler.unscale_(self.optim)
        norm = torch.nn.utils.clip_grad_norm_(self.params, self.s["clip"], foreach=True)
        self.scaler.step(self.optim)
        self.scaler.update()
        with torch.no_grad():
            torch._foreach_lerp_(self.ema, self.params, 1 - self.s["ema"])
        return norm

    def run(self, b):
        self.optim.zero_grad(set_to_none=True)
        loss = self.amp_loss(b)
        self.scaler.scale(loss).backward()
        return loss, self.update()

    def capture(self):
        """The whole step, draws included, as one CUDA graph."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(5):
                self.run(self.draw())
        torch.cuda.current_stream().wait_stream(side)
        self.optim.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.run(self.draw())

    def step(self):
        if self.graph is not None:
            self.graph.replay()
        else:
            torch.compiler.cudagraph_mark_step_begin()
            self.run(self.draw())


class Sampler(GpuStep):
    """Guided DDIM, eq. 15: the passes both, no-pre and no-drug are one batch, the condition is computed once."""

    def __init__(self, path, mode, precision):
        super().__init__(path, 0.0, precision=precision)
        self.net = self.denoiser
        if mode != "eager":
            self.net = torch.compile(self.denoiser, mode="reduce-overhead")

    @torch.no_grad()
    def sample(self, n, steps, s_p=1.0, s_d=2.5):
        x, T = self.x, len(self.x["signal"])
        pair = torch.arange(n, device="cuda") % len(x["pair:post"])
        mask = torch.arange(3, device="cuda").repeat_interleave(n)
        _, cond = self.condition(pair.repeat(3), x["pair:drug"][pair].repeat(3), mask)
        z = torch.randn(n, x["z_0"].shape[1], device="cuda")
        times = [T - 1 - i * T // steps for i in range(steps)]
        for i, t in enumerate(times):
            torch.compiler.cudagraph_mark_step_begin()
            with torch.autocast("cuda", self.type or torch.float16, enabled=self.type is not None):
                out = self.net(z.repeat(3, 1), x["time"][t].expand(3 * n, -1), dict(cond))
            both, no_pre, no_drug = out.float().chunk(3)
            eps = (1 + s_p + s_d) * both - s_p * no_pre - s_d * no_drug
            a, b = x["signal"][t], x["noise"][t]
            z_0 = (z - b * eps) / a
            last = i + 1 == steps
            z = z_0 if last else x["signal"][times[i + 1]] * z_0 + x["noise"][times[i + 1]] * eps
        return z


def median(seconds):
    seconds.sort()
    return f"{seconds[len(seconds) // 2]:.9f} {seconds[0]:.9f} {seconds[-1]:.9f}"


def timed(work):
    torch.cuda.synchronize()
    begin = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - begin


def time_steps(path, mode, precision, steps):
    step, n = GpuStep(path, DROPOUT, mode, precision), max(steps // PORTIONS, 1)
    if mode == "graph":
        step.capture()
    for _ in range(WARM):
        step.step()
    print(median([timed(lambda: [step.step() for _ in range(n)]) / n for _ in range(PORTIONS)]))


def time_samples(path, mode, conditions, ddim, precision):
    sampler, block = Sampler(path, mode, precision), 256
    sizes = [min(block, conditions - i) for i in range(0, conditions, block)]
    for _ in range(3):
        sampler.sample(sizes[0], ddim)
    print(median([timed(lambda: [sampler.sample(n, ddim) for n in sizes]) for _ in range(DRAWS)]))


def check(path):
    step = GpuStep(path, 0.0)
    batch = {k: step.x[k] for k in step.names}
    before, norm = step.run(batch)
    print(f"{before.item():.9g} {norm.item():.9g} {step.loss(batch).item():.9g}")


def main():
    command, args = sys.argv[1], sys.argv[2:]
    if command == "version":
        print(torch.__version__.split("+")[0])
    elif command == "check":
        check(args[0])
    elif command == "step":
        time_steps(args[0], args[1], args[2], int(args[3]))
    else:
        time_samples(args[0], args[1], int(args[2]), int(args[3]), args[4])


if __name__ == "__main__":
    main()
