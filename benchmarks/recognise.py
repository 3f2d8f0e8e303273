"""Does a classifier that has only seen real pictures recognise the samples of a model?

    python benchmarks/recognise.py --out benchmarks/results/recognise.json

It trains a small convolutional classifier on the 60,000 training pictures, states its accuracy on the 10,000 test
pictures, and then asks it about samples: the share that it is sure of (probability of the best class >= 0.9), the
mean of that probability, and how evenly the ten classes appear. Real test pictures and pure noise give the scale.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import platform
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu import files

SURE = 0.9


class Classifier(nn.Module):
    """Three convolutions with batch normalisation, then a linear layer: about 90% on Fashion-MNIST in minutes."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 32, 64, 128)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(), nn.MaxPool2d(2))
            for i, o in itertools.pairwise(widths)
        )
        self.head = nn.Linear(widths[-1] * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, 32, 32) in [-1, 1] -> (B, 10) logits."""
        for layer in self.layers:
            x = layer(x)
        return self.head(F.dropout(x.flatten(1), 0.3, self.training))


def train_classifier(epochs: int, seed: int) -> tuple[Classifier, float]:
    """The trained classifier and its accuracy on the test pictures."""
    torch.manual_seed(seed)
    data, test = de.data.fashion_mnist("train"), de.data.fashion_mnist("test")
    model, batch = Classifier(), 128
    steps = epochs * math.ceil(len(data.pixels) / batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)
    for _ in range(epochs):
        for index in torch.randperm(len(data.pixels)).split(batch):
            x = de.data.to_x0(data.pixels[index])
            # Garments keep their label when mirrored or moved by a pixel or two.
            if torch.rand(()) < 0.5:
                x = x.flip(3)
            x = x.roll(tuple(torch.randint(-2, 3, (2,)).tolist()), dims=(2, 3))
            loss = F.cross_entropy(model(x), data.labels[index].long())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
    model.eval()
    return model, (probabilities(model, de.data.to_x0(test.pixels)).argmax(1) == test.labels).float().mean().item()


@torch.no_grad()
def probabilities(model: Classifier, x: Tensor) -> Tensor:
    """(N, 1, 32, 32) -> (N, 10)."""
    return torch.cat([model(part).softmax(1) for part in x.split(500)])


def describe(model: Classifier, x: Tensor) -> dict[str, object]:
    """What the classifier says of a set of pictures."""
    p = probabilities(model, x)
    best, label = p.max(1)
    share = p.mean(0)
    return {
        "pictures": len(x),
        "share_sure": round((best >= SURE).float().mean().item(), 4),
        "mean_confidence": round(best.mean().item(), 4),
        # 10 when all classes appear equally often, 1 when there is only one
        "effective_classes": round(math.exp(-(share * share.clamp(min=1e-12).log()).sum().item()), 2),
        "labels": torch.bincount(label, minlength=10).tolist(),
    }


def main() -> None:
    """Train the classifier (or take the one of the last run), sample, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="fashion", help="name or file of the model")
    parser.add_argument("--n", type=int, default=1000, help="samples of the fast runs")
    parser.add_argument("--n-ddpm", type=int, default=100, help="samples of the 1000-step run")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--classifier", type=Path, default=Path("runs/fashion-classifier.safetensors"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/recognise.json"))
    args = parser.parse_args()

    if args.classifier.exists():
        tensors, meta = files.read(args.classifier)
        classifier, accuracy = Classifier().eval(), meta["accuracy"]
        classifier.load_state_dict(tensors)
    else:
        classifier, accuracy = train_classifier(args.epochs, args.seed)
        files.write(args.classifier, classifier.state_dict(), {"accuracy": accuracy, "epochs": args.epochs})
    print(f"accuracy on the test pictures: {accuracy:.4f}", flush=True)

    model = de.load(args.model)
    test = de.data.to_x0(de.data.fashion_mnist("test").pixels)
    generator = torch.Generator().manual_seed(args.seed)
    rows = {
        "real test pictures": describe(classifier, test),
        "pure noise": describe(classifier, torch.randn((1000, *test.shape[1:]), generator=generator).clamp(-1, 1)),
    }
    for label, method, steps, count in [
        ("DDIM, 50 steps", "ddim", 50, args.n),
        ("DPM-Solver++(2M), 20 steps", "dpm-solver", 20, args.n),
        ("DDPM, 1000 steps", "ddpm", 1000, args.n_ddpm),
    ]:
        start = time.perf_counter()
        samples = model.generate(count, seed=args.seed, sampler=de.named_sampler(method), steps=steps)
        rows[label] = {**describe(classifier, samples), "seconds": round(time.perf_counter() - start, 1)}
        print(label, rows[label], flush=True)
    report = {
        "model": args.model,
        "classifier_accuracy": round(accuracy, 4),
        "sure_means_probability_of_at_least": SURE,
        "rows": rows,
        "machine": {"processor": platform.machine(), "torch": torch.__version__, "threads": torch.get_num_threads()},
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report, indent=1) + "\n")
    for label, row in rows.items():
        print(f"{label:30}", row)


if __name__ == "__main__":
    main()
