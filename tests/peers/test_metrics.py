"""Against what people report numbers with: pytorch-fid's and torch-fidelity's expressions, torchmetrics itself."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torchmetrics.image.fid import FrechetInceptionDistance, _compute_fid
from torchmetrics.image.kid import poly_mmd

from diffusion_edu.metrics import Statistics, frechet_distance, squared_mmd

WIDTH = 48


def pytorch_fid(mean_a, cov_a, mean_b, cov_b):
    """The root of the product by scipy, with a little added to the diagonal where it is not finite."""
    root = sqrtm(cov_a @ cov_b)
    if not np.isfinite(root).all():
        more = np.eye(len(cov_a)) * 1e-6
        root = sqrtm((cov_a + more) @ (cov_b + more))
    if np.iscomplexobj(root):
        assert np.allclose(np.diagonal(root).imag, 0, atol=1e-3)
        root = root.real
    apart = mean_a - mean_b
    return apart @ apart + np.trace(cov_a) + np.trace(cov_b) - 2 * np.trace(root)


def torch_fidelity(mean_a, cov_a, mean_b, cov_b):
    """The roots of the product's eigenvalues."""
    roots = np.sqrt(np.linalg.eigvals(cov_a @ cov_b).astype(complex)).real
    apart = mean_a - mean_b
    return apart @ apart + np.trace(cov_a) + np.trace(cov_b) - 2 * roots.sum()


def torchmetrics_fid(*moments):
    return _compute_fid(*(torch.from_numpy(m) for m in moments)).item()


PEERS = [pytorch_fid, torch_fidelity, torchmetrics_fid]


def features(seed, count, decay):
    """Rows whose standard deviations fall over `decay` powers of ten, along axes of their own."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0]
    return rng.normal(size=(count, WIDTH)) * 10 ** -np.linspace(0, decay, WIDTH) @ axes + rng.normal(size=WIDTH)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("count", [2000, WIDTH + 2, 30])
@pytest.mark.parametrize("decay", [0, 2, 5])
def test_the_same_distance(peer, count, decay):
    """To 1e-6: many rows, just enough, too few (a singular covariance); round clouds and nearly flat ones."""
    a, b = features(1, count, decay), features(2, count, decay)
    theirs = peer(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))
    ours = frechet_distance(Statistics(WIDTH).update(a), Statistics(WIDTH).update(b))
    assert ours == pytest.approx(theirs, rel=1e-6)


class Flatten(torch.nn.Module):
    """A feature network that is none: pixels as features, in the range that torchmetrics gives to networks."""

    num_features = 3 * 4 * 4

    def forward(self, x):
        return x.flatten(1).double() / 255


def test_torchmetrics_as_a_whole():
    """From pictures to the number, in batches: their sums and ours, then the same distance."""
    generator = torch.Generator().manual_seed(0)
    real = torch.randint(0, 200, (300, 3, 4, 4), generator=generator, dtype=torch.uint8)
    made = torch.randint(20, 256, (250, 3, 4, 4), generator=generator, dtype=torch.uint8)
    theirs, ours = FrechetInceptionDistance(Flatten()).set_dtype(torch.float64), []
    for pictures, is_real in ((real, True), (made, False)):
        stats = Statistics(Flatten.num_features)
        for part in pictures.split(64):
            theirs.update(part, real=is_real)
            stats.update(Flatten()(part))
        ours.append(stats)
    assert frechet_distance(*ours) == pytest.approx(theirs.compute().item(), rel=1e-6)


@pytest.mark.parametrize("degree", [1, 3])
def test_the_same_kernel_distance(degree):
    a, b = (torch.from_numpy(features(seed, 200, 1)) for seed in (1, 2))
    theirs = poly_mmd(a, b, degree=degree).item()
    assert squared_mmd(a, b, degree) == pytest.approx(theirs, rel=1e-9)
