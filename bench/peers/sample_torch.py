"""The sampler of bench_sample in PyTorch on the CPU: the peer of `bench/run sample`.

usage: sample_torch.py check FILE [MODE]      largest difference from the latents and the profiles in FILE, as shares of
                                              their largest values
       sample_torch.py time FILE RUNS [MODE]  seconds to profiles: median, min, max; to latents alone, median; MiB at the
                                              most; MiB before the weights are read
       sample_torch.py modes                  the modes of torch.compile that are worth a try

FILE is written by `bench_sample check`. The passes of the guidance are one batch and the condition vectors are computed
once; the network runs as in training, with a time code for every row. MODE as in training.py; what is compiled is the
network. Threads: OMP_NUM_THREADS.
"""
import os
import sys
import time

import torch
import torch.nn.functional as F

from step_torch import Step
from training import peak_mib, read


class Sampler(Step):
    def __init__(self, path, mode="eager", without=()):
        x, self.s = read(path, without)
        self.w = {k[2:]: t for k, t in x.items() if k.startswith("w:")}
        self.x = {k: t for k, t in x.items() if not k.startswith("w:")}
        self.p = 0.0
        self.shape()
        dim = int(self.s["time_dim"])
        f = torch.exp(-torch.log(torch.tensor(10000.0, dtype=torch.float64)) * torch.arange(dim // 2) / (dim // 2))
        t = torch.arange(len(self.x["signal"]), dtype=torch.float64)[:, None] * f
        self.code = torch.cat([t.cos(), t.sin()], 1).float()
        self.net = self.denoiser if mode == "eager" else torch.compile(self.denoiser, mode=mode)
        self.layers = sum(k.startswith("vae/decoder/block") and k.endswith("/linear/W") for k in self.w)

    @torch.inference_mode()
    def latents(self):
        x, s, T, steps = self.x, self.s, len(self.x["signal"]), int(self.s["steps"])
        passes, n = x["weight"].shape
        z_pre = (x["mu_pre"] - x["pre_mean"]) / x["pre_std"]
        _, cond = self.encode(x["drug"].repeat(passes), x["dose"].repeat(passes, 1), z_pre.repeat(passes, 1),
                              x["mask"].repeat_interleave(n))
        z, times = x["noise"], [T - 1 - i * T // steps for i in range(steps)]
        for i, t in enumerate(times):
            out = self.net(z.repeat(passes, 1), self.code[t].expand(passes * n, -1), dict(cond))
            out = (x["weight"][:, :, None] * out.unflatten(0, (passes, n))).sum(0)
            a, b = x["signal"][t], x["noise_level"][t]
            z_0 = a * z - b * out if s["is_v"] else (z - b * out) / a
            eps = b * z + a * out if s["is_v"] else out
            last = i + 1 == steps
            z = z_0 if last else x["signal"][times[i + 1]] * z_0 + x["noise_level"][times[i + 1]] * eps
        mu = z * x["target_std"] + x["target_mean"]
        return mu + x["mu_pre"] if s["shift"] else mu

    @torch.inference_mode()
    def profiles(self):
        h, w = self.latents(), self.w
        for i in range(self.layers):
            name = f"vae/decoder/block{i}"
            h = F.batch_norm(self.lin(name + "/linear", h), w[name + "/bn/running_mean"], w[name + "/bn/running_var"],
                             w[name + "/bn/gain"], w[name + "/bn/bias"], False, 0.1, 1e-5)
            h = F.prelu(h, w[name + "/prelu/slope"])
        return self.lin("vae/decoder/out", h).relu()


def share(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


def timed(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main():
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    command, idle = sys.argv[1], peak_mib()
    if command == "modes":
        print("default max-autotune-no-cudagraphs")
    elif command == "check":
        s = Sampler(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "eager")
        print(f"{share(s.latents(), s.x['mu_hat']):.3g} {share(s.profiles(), s.x['x_hat']):.3g}")
    else:
        s = Sampler(sys.argv[2], sys.argv[4] if len(sys.argv) > 4 else "eager", ("mu_hat", "x_hat"))
        for _ in range(2):
            s.profiles()
        whole, latent = [], []
        for _ in range(int(sys.argv[3])):
            whole.append(timed(s.profiles))
            latent.append(timed(s.latents))
        whole.sort()
        latent.sort()
        mid = len(whole) // 2
        print(f"{whole[mid]:.6f} {whole[0]:.6f} {whole[-1]:.6f} {latent[mid]:.6f} {peak_mib():.1f} {idle:.1f}")


if __name__ == "__main__":
    main()
