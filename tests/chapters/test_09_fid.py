import math

import nbformat
import numpy as np
import pytest
import torch

import diffusion_edu as de
from diffusion_edu import metrics
from diffusion_edu.metrics import Statistics

from .cells import NOTEBOOKS, run_cells


@pytest.fixture(scope="module")
def chapter():
    return run_cells("09_fid", "check-frechet", "buggy-frechet", "solution-frechet-bug", np=np)


def distance_with(center=True, ddof=1, root="factor", square=True, twice=2.0):
    """A Frechet distance put together from parts, right by default."""

    def covariance(x):
        if center:
            return np.cov(x.T, ddof=ddof)
        return x.T @ x / (len(x) - 1) - np.outer(x.mean(0), x.mean(0))

    def trace_of_root(a, b):
        if root == "entries":
            return np.trace(np.sqrt(np.abs(a @ b)))
        if root == "one triangle":
            return np.sqrt(np.linalg.eigvalsh(a @ b).clip(0)).sum()
        values, vectors = np.linalg.eigh(a)
        factor = np.sqrt(values.clip(0))[:, None] * vectors.T
        return np.sqrt(np.linalg.eigvalsh(factor @ b @ factor.T).clip(0)).sum()

    def distance(x, y):
        apart = x.mean(0) - y.mean(0)
        a, b = covariance(x), covariance(y)
        mean = apart @ apart if square else np.linalg.norm(apart)
        return mean + np.trace(a + b) - twice * trace_of_root(a, b)

    return distance


def test_the_chapters_judge_accepts_right_distances(chapter):
    is_right = chapter["is_right"]
    assert is_right(chapter["fixed_distance"])
    assert is_right(distance_with())
    assert is_right(lambda x, y: de.frechet_distance(*(Statistics(6).update(rows) for rows in (x, y))))


def test_the_published_mistakes_are_rejected_together_and_one_by_one(chapter):
    is_right = chapter["is_right"]
    assert not is_right(chapter["buggy_distance"])
    assert not is_right(distance_with(center=False)), "N and N - 1 mixed"
    assert not is_right(distance_with(root="one triangle")), "eigvalsh of a product"
    assert not is_right(distance_with(square=False)), "a root too many"


def test_other_ways_to_be_wrong_are_rejected(chapter):
    is_right = chapter["is_right"]
    assert not is_right(distance_with(root="entries")), "the root of each entry"
    assert not is_right(distance_with(ddof=0)), "divided by N"
    assert not is_right(distance_with(twice=1.0)), "the factor 2"
    assert not is_right(lambda x, y: math.sqrt(distance_with()(x, y))), "the root of the whole"
    float32 = lambda x, y: distance_with(center=False)(x.astype(np.float32), y.astype(np.float32))  # noqa: E731
    assert not is_right(float32), "sums in single precision"


@pytest.fixture(scope="module")
def small():
    """The chapter's tools, on few pictures."""
    clothes = de.data.fashion_mnist("test")
    order = torch.randperm(10_000, generator=torch.Generator().manual_seed(0))
    names = {"de": de, "torch": torch, "np": np, "Statistics": Statistics, "metrics": metrics, "math": math}
    return names | {"pixels": clothes.pixels[order], "labels": clothes.labels[order]}


def test_blur_keeps_the_light_and_takes_the_edges(small):
    source = {c.id: c.source for c in nbformat.read(NOTEBOOKS / "09_fid.ipynb", as_version=4).cells}["faults"]
    exec(source, small)
    before = small["pixels"][:200]
    after = small["blur"](before, 0.6)
    assert after.dtype == torch.uint8 and after.shape == before.shape
    assert after.float().mean() == pytest.approx(before.float().mean().item(), rel=0.02)
    edges = [x.float().diff(dim=3).abs().mean().item() for x in (before, after, small["blur"](before, 1.0))]
    assert edges[0] > 1.2 * edges[1] > 1.2 * edges[2]
    noisy = small["noise"](before, 24)
    inside = (before > 80) & (before < 176)  # where nothing is clipped
    assert (noisy.float() - before.float())[inside].std() == pytest.approx(24, rel=0.05)


def test_neighbours_tell_what_the_chapter_says(small):
    source = {c.id: c.source for c in nbformat.read(NOTEBOOKS / "09_fid.ipynb", as_version=4).cells}["sol-fool-code"]
    exec("def own_kind" + source.split("def own_kind")[1].split("for name")[0], small)
    g = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 400, 8, generator=g)
    assert small["own_kind"](a, b) == pytest.approx(0.5, abs=0.08)
    assert small["own_kind"](a, b + 9) == 1
    assert small["own_kind"](a, a + 1e-6) == 0, "every row's nearest is its twin in the other set"


def test_one_picture_has_no_distance(capsys):
    run_cells("09_fid", "one-picture", torch=torch, de=de, Statistics=Statistics)
    assert "a must hold at least 2 rows, got 1" in capsys.readouterr().out


def test_only_the_network_of_2015_is_called_fid():
    """The rule that the chapter states is the one that the package keeps."""
    net = de.feature_network("fashion-classifier")
    assert net.measure == "FD (fashion-classifier)"
    text = "\n".join(c.source for c in nbformat.read(NOTEBOOKS / "09_fid.ipynb", as_version=4).cells)
    shown = "\n".join(
        "".join(o.get("text", "")) + o.get("data", {}).get("text/plain", "")
        for c in nbformat.read(NOTEBOOKS / "09_fid.ipynb", as_version=4).cells
        if c.cell_type == "code"
        for o in c.outputs
    )
    assert "FD (fashion-classifier)" in shown and "FID" not in shown
    assert "Only one network makes it an **FID**" in text
