"""The autoencoder's training step of `bench_step ... vae` in PyTorch on the CPU: the peer of `bench/run vae`. Commands and
modes: training.py. Same layers, batch norm, losses and update; torch's own batch norm and PReLU."""
import torch
import torch.nn.functional as F

from training import Trainer, main


class Vae(Trainer):
    dropout = 0.15
    names = ("rows", "weights", "reparam")

    def __init__(self, path, dropout, device="cpu", mode="eager"):
        super().__init__(path, device, mode)
        self.p = dropout
        self.x["reparam"] = next(v for k, v in self.x.items() if k.endswith("reparam"))
        self.blocks = sum(k.startswith("vae/encoder/block") and k.endswith("/linear/W") for k in self.w)

    def block(self, name, x, p):
        w = self.w
        x = self.lin(name + "/linear", F.dropout(x, p) if p else x)
        x = F.batch_norm(x, w[name + "/bn/running_mean"], w[name + "/bn/running_var"], w[name + "/bn/gain"],
                         w[name + "/bn/bias"], True, 0.1, 1e-5)
        return F.prelu(x, w[name + "/prelu/slope"])

    def stack(self, name, x):
        for i in range(self.blocks):
            x = self.block(f"{name}/block{i}", x, self.p if i else 0)
        return x

    def loss(self, b):
        x = self.x["profiles"][b["rows"]]
        h = self.stack("vae/encoder", x)
        mu, logvar = self.lin("vae/encoder/mean", h), self.lin("vae/encoder/logvar", h).clamp(-10, 4)
        z = mu + torch.exp(logvar / 2) * b["reparam"]
        out = self.lin("vae/decoder/out", self.stack("vae/decoder", z))
        kl = 0.5 * (mu * mu + logvar.exp() - 1 - logvar).mean()
        return b["weights"][0] * F.mse_loss(out, x) + b["weights"][1] * kl

    def draw(self):
        rows = torch.randint(len(self.x["profiles"]), self.x["rows"].shape, device=self.device)
        return {"rows": rows, "weights": self.x["weights"],
                "reparam": torch.randn(self.x["reparam"].shape, device=self.device)}


if __name__ == "__main__":
    main(Vae)
