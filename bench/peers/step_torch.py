"""The training step of bench_step in PyTorch on the CPU: the peer of `bench/run step`. Commands and modes: training.py.

Same layers, shapes, losses, AdamW, clipping and moving average; InfoNCE never forms W z over the genes, as in ours.
"""
import torch
import torch.nn.functional as F

from training import Trainer, main

DROPOUT = 0.15


class Step(Trainer):
    dropout = DROPOUT
    names = ("pair", "drug", "key", "post", "pre", "neg_key", "neg_post", "neg_pre", "weights", "t", "eps", "mask")

    def __init__(self, path, dropout, device="cpu", mode="eager"):
        super().__init__(path, device, mode)
        self.p = dropout
        self.shape()

    def shape(self):
        self.blocks, self.heads, self.tokens = (int(self.s[k]) for k in ("blocks", "heads", "tokens"))
        self.depth = sum(k.startswith("denoiser/down") and k.endswith("/x/W") for k in self.w)
        self.mapper = sum(k.startswith("cond/drug_mapper/linear") and k.endswith("/W") for k in self.w)

    def norm(self, name, x):
        gain = self.w[name + "/gain"]
        return F.layer_norm(x, gain.shape, gain, self.w[name + "/bias"], 1e-5)

    def drop(self, x):
        return F.dropout(x, self.p) if self.p else x

    def attention(self, name, q_in, k_in):
        q, k, v = (self.lin(f"{name}/{n}", t).unflatten(-1, (self.heads, -1)).transpose(1, 2)
                   for n, t in (("q", q_in), ("k", k_in), ("v", k_in)))
        out = F.scaled_dot_product_attention(q, k, v)
        return self.lin(name + "/o", out.transpose(1, 2).flatten(2))

    def gd_block(self, name, h, cond):
        n = self.norm(name + "/ln_self", h)
        h1 = h + self.drop(self.attention(name + "/self", n, n))
        tokens = torch.stack([self.lin(f"{name}/u_{k}", cond[k]) for k in ("pre", "drug", "fused", "time")], 1)
        c = self.drop(self.attention(name + "/cross", self.norm(name + "/ln_cross", h1), tokens))
        gamma, beta = (self.lin(f"{name}/{k}", cond["fused"]).unsqueeze(1) for k in ("gamma", "beta"))
        gain = self.w[name + "/out_gain"]
        return F.layer_norm(h1 + c + gamma * c + beta, gain.shape, gain, self.w[name + "/out_bias"], 1e-5)

    def gd_stack(self, name, z, cond):
        h = self.lin(name + "/tok", z).unflatten(1, (self.tokens, -1))
        for i in range(self.blocks):
            h = self.gd_block(f"{name}/block{i}", h, cond)
        return self.lin(name + "/det", h.flatten(1))

    def path(self, name, x, e):
        h = self.lin(name + "/x", x) + self.lin(name + "/time", e)
        return self.drop(F.silu(self.norm(name + "/ln", h)))

    def denoiser(self, z, code, cond):
        e = self.lin("denoiser/time_mlp/out", F.silu(self.lin("denoiser/time_mlp/hidden", code)))
        cond["time"] = e
        x, e, kept = z + self.gd_stack("denoiser/gd_in", z, cond), F.silu(e), []
        for i in range(self.depth):
            x = self.path(f"denoiser/down{i}", x, e)
            kept.append(x)
        x = x + self.gd_stack("denoiser/gd_mid", x, cond)
        for i in reversed(range(self.depth - 1)):
            x = self.path(f"denoiser/up{i}", x, e) + kept[i]
        return self.lin("denoiser/out", F.silu(self.norm("denoiser/head_ln", self.lin("denoiser/head", x))))

    def condition(self, pair, drug, mask):
        return self.encode(drug, self.x["dose"][pair], self.x["z_pre"][pair], mask)

    def encode(self, drug, dose, z_pre, mask):
        x = self.x["drugs"][drug].float()
        for i in range(self.mapper):
            x = self.drop(F.silu(self.lin(f"cond/drug_mapper/linear{i}", x)))
        x = self.lin("cond/drug_mapper/out", x)
        film = self.lin("cond/dose_film/out", F.silu(self.lin("cond/dose_film/hidden", dose)))
        gamma, beta = film.chunk(2, 1)
        z_drug = x + (gamma * x + beta)
        pre = torch.where((mask & 1).bool()[:, None], self.w["cond/null_pre"], z_pre)
        drug = torch.where((mask & 2).bool()[:, None], self.w["cond/null_drug"], z_drug)
        fused = self.lin("cond/fuse/out", F.silu(self.lin("cond/fuse/hidden", torch.cat([pre, drug], 1))))
        return z_drug, {"pre": pre, "drug": drug, "fused": fused}

    def directions(self, post, pre):
        return F.normalize(self.x["profiles"][post] - self.x["profiles"][pre], dim=1, eps=1e-6)

    def response(self, z, b):
        """Alignment and InfoNCE through W, stored transposed."""
        W = self.w["response/W"]
        M, p = W @ W.T, self.directions(b["post"], b["pre"]) @ W.T
        n = self.directions(b["neg_post"], b["neg_pre"]) @ W.T
        r = ((z @ M) * z).sum(1).clamp_min(1e-12).sqrt()
        counts = (p != 0).any(1)
        c = (p * z).sum(1) / r
        align = torch.where(counts, 2 - 2 * c, 0.0).mean()
        s, tau = c / self.s["tau"], self.s["tau"]
        others = (z @ n.T) / (r * tau)[:, None]
        others = others.masked_fill(b["neg_key"][None] == b["key"][:, None], -torch.inf)
        info = torch.where(counts, torch.logsumexp(torch.cat([s[:, None], others], 1), 1) - s, 0.0).mean()
        return align, info

    def loss(self, b):
        x, t = self.x, b["t"]
        z_drug, cond = self.condition(b["pair"], b["drug"], b["mask"])
        z_t = x["signal"][t, None] * x["z_0"][b["pair"]] + x["noise"][t, None] * b["eps"]
        denoise = F.mse_loss(self.denoiser(z_t, x["time"][t], cond), b["eps"])
        align, info = self.response(z_drug, b)
        w = b["weights"]
        return w[0] * denoise + w[1] * align + w[2] * info

    def draw(self):
        """A batch, its negatives and the random numbers of a step."""
        x, s, d, B, K = self.x, self.s, self.device, len(self.x["pair"]), len(self.x["neg_key"])
        n = len(x["pair:post"])
        pair, neg = torch.randint(n, (B,), device=d), torch.randint(n, (K,), device=d)
        b = {k: x["pair:" + k][pair] for k in ("post", "pre", "drug", "key")}
        b.update({"neg_" + k: x["pair:" + k][neg] for k in ("post", "pre", "key")})
        drop_pre, drop_drug = (torch.rand(B, device=d) < s[k] for k in ("drop_pre", "drop_drug"))
        return b | {"pair": pair, "mask": drop_pre.int() | drop_drug.int() << 1,
                    "t": torch.randint(len(x["signal"]), (B,), device=d),
                    "eps": torch.randn(B, x["z_0"].shape[1], device=d), "weights": x["weights"]}


if __name__ == "__main__":
    main(Step)
