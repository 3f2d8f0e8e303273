"""The port of the FID's network, without its weights: layers counted and run anew from the paper's table.

The table below is written from the paper's figures and TensorFlow's graph, not from the module: each block is a list of
branches, each branch a chain of (name, kernel, channels out, stride); a pool may lead a branch.
"""

import hashlib

import pytest
import torch
from torch.nn import functional as F

from diffusion_edu._errors import DataError
from diffusion_edu.metrics import inception
from diffusion_edu.metrics.features import inception_features
from diffusion_edu.metrics.inception import SHA256, WEIGHTS, Inception, load_inception, read_inception

STEM_1 = [("Conv2d_1a_3x3", (3, 3), 32, 2, 0), ("Conv2d_2a_3x3", (3, 3), 32, 1, 0), ("Conv2d_2b_3x3", (3, 3), 64, 1, 1)]
STEM_2 = [("Conv2d_3b_1x1", (1, 1), 80, 1, 0), ("Conv2d_4a_3x3", (3, 3), 192, 1, 0)]


def a(pooled):
    return [
        [("branch1x1", (1, 1), 64)],
        [("branch5x5_1", (1, 1), 48), ("branch5x5_2", (5, 5), 64)],
        [("branch3x3dbl_1", (1, 1), 64), ("branch3x3dbl_2", (3, 3), 96), ("branch3x3dbl_3", (3, 3), 96)],
        ["average", ("branch_pool", (1, 1), pooled)],
    ]


def c(inner):
    return [
        [("branch1x1", (1, 1), 192)],
        [("branch7x7_1", (1, 1), inner), ("branch7x7_2", (1, 7), inner), ("branch7x7_3", (7, 1), 192)],
        [
            ("branch7x7dbl_1", (1, 1), inner),
            ("branch7x7dbl_2", (7, 1), inner),
            ("branch7x7dbl_3", (1, 7), inner),
            ("branch7x7dbl_4", (7, 1), inner),
            ("branch7x7dbl_5", (1, 7), 192),
        ],
        ["average", ("branch_pool", (1, 1), 192)],
    ]


def e(pool):
    return [
        [("branch1x1", (1, 1), 320)],
        [("branch3x3_1", (1, 1), 384), [("branch3x3_2a", (1, 3), 384), ("branch3x3_2b", (3, 1), 384)]],
        [
            ("branch3x3dbl_1", (1, 1), 448),
            ("branch3x3dbl_2", (3, 3), 384),
            [("branch3x3dbl_3a", (1, 3), 384), ("branch3x3dbl_3b", (3, 1), 384)],
        ],
        [pool, ("branch_pool", (1, 1), 192)],
    ]


# A fourth entry is the stride; kernels of stride 2 have no padding, all others keep the size.
B = [
    [("branch3x3", (3, 3), 384, 2)],
    [("branch3x3dbl_1", (1, 1), 64), ("branch3x3dbl_2", (3, 3), 96), ("branch3x3dbl_3", (3, 3), 96, 2)],
    ["shrink"],
]
D = [
    [("branch3x3_1", (1, 1), 192), ("branch3x3_2", (3, 3), 320, 2)],
    [
        ("branch7x7x3_1", (1, 1), 192),
        ("branch7x7x3_2", (1, 7), 192),
        ("branch7x7x3_3", (7, 1), 192),
        ("branch7x7x3_4", (3, 3), 192, 2),
    ],
    ["shrink"],
]
MIXED = {
    "Mixed_5b": (a(32), 256, 35),
    "Mixed_5c": (a(64), 288, 35),
    "Mixed_5d": (a(64), 288, 35),
    "Mixed_6a": (B, 768, 17),
    "Mixed_6b": (c(128), 768, 17),
    "Mixed_6c": (c(160), 768, 17),
    "Mixed_6d": (c(160), 768, 17),
    "Mixed_6e": (c(192), 768, 17),
    "Mixed_7a": (D, 1280, 8),
    "Mixed_7b": (e("average"), 2048, 8),
    "Mixed_7c": (e("maximum"), 2048, 8),
}
POOLS = {
    # by hand: the sum over the window divided by how many positions of the picture lie in it
    "average": lambda x: window_sum(x) / window_sum(torch.ones_like(x)),
    "maximum": lambda x: F.max_pool2d(F.pad(x, (1, 1, 1, 1), value=-torch.inf), 3, 1),
    "shrink": lambda x: F.max_pool2d(x, 3, 2),
}


def window_sum(x):
    return F.avg_pool2d(F.pad(x, (1, 1, 1, 1)), 3, 1) * 9


class Table:
    """The network as the table has it: counts its tensors, or runs on a state dict."""

    def __init__(self, state=None):
        self.state, self.shapes = state, {}

    def conv(self, x, name, kernel, out, stride, padding):
        self.shapes[f"{name}.conv.weight"] = (out, x.shape[1], *kernel)
        for part in ("weight", "bias", "running_mean", "running_var"):
            self.shapes[f"{name}.bn.{part}"] = (out,)
        self.shapes[f"{name}.bn.num_batches_tracked"] = ()
        if self.state is None:  # only the sizes matter
            side = [(n + 2 * p - k) // stride + 1 for n, k, p in zip(x.shape[2:], kernel, padding)]
            return x.new_zeros(x.shape[0], out, *side)
        y = F.conv2d(x, self.state[f"{name}.conv.weight"], None, stride, padding)
        mean, var = (self.state[f"{name}.bn.running_{what}"][:, None, None] for what in ("mean", "var"))
        scale, shift = (self.state[f"{name}.bn.{what}"][:, None, None] for what in ("weight", "bias"))
        return ((y - mean) / (var + 1e-3).sqrt() * scale + shift).clamp(min=0)

    def chain(self, x, block, layers):
        for layer in layers:
            if isinstance(layer, list):
                x = torch.cat([self.chain(x, block, [one]) for one in layer], 1)
            elif isinstance(layer, str):
                x = POOLS[layer](x)
            else:
                name, kernel, out, *stride = layer
                padding = (0, 0) if stride else tuple(k // 2 for k in kernel)
                x = self.conv(x, f"{block}.{name}", kernel, out, *(stride or [1]), padding)
        return x

    def run(self, x):
        sizes = []
        for stem in (STEM_1, STEM_2):
            for name, kernel, out, stride, padding in stem:
                x = self.conv(x, name, kernel, out, stride, (padding, padding))
                sizes.append(x.shape[-1])
            x = POOLS["shrink"](x)
            sizes.append(x.shape[-1])
        for block, (branches, channels, side) in MIXED.items():
            x = torch.cat([self.chain(x, block, branch) for branch in branches], 1)
            assert x.shape[1:] == (channels, side, side), block
        self.shapes.update({"fc.weight": (1008, 2048), "fc.bias": (1008,)})
        return x.mean((2, 3)), sizes


@pytest.fixture(scope="module")
def network():
    """Random weights, with batch statistics that matter, in double precision."""
    torch.manual_seed(0)
    model = Inception().double().eval().requires_grad_(False)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.uniform_(0.8, 1.6)
            module.bias.normal_(0, 0.1)
    return model


def test_names_and_shapes_are_those_of_the_table(network):
    table = Table()
    _, sizes = table.run(torch.zeros(1, 3, 299, 299))
    assert {name: tuple(value.shape) for name, value in network.state_dict().items()} == table.shapes
    assert sizes == [149, 147, 147, 73, 73, 71, 35]
    convolutions = [name for name in table.shapes if name.endswith("conv.weight")]
    assert len(convolutions) == 94


def test_it_computes_what_the_table_says(network):
    x = torch.rand(2, 3, 299, 299, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    expected, _ = Table(network.state_dict()).run(x)
    found = network(x)
    assert found.shape == (2, 2048)
    assert expected.std() > 1e-3
    assert torch.allclose(found, expected, rtol=1e-9, atol=1e-12)
    # Each of the three peculiarities is visible: without it the features are others.
    for block, pool in (("Mixed_5b", inception.average3), ("Mixed_7c", None)):
        before = network.get_submodule(block)
        if pool is None:
            before.maximum = False
            changed = network(x[:1])
            before.maximum = True
        else:
            inception.average3 = lambda y: F.avg_pool2d(y, 3, 1, 1)
            changed = network(x[:1])
            inception.average3 = pool
        assert (changed - expected[:1]).abs().max() > 1e-4, block


def test_pictures_of_any_size_are_resized_from_half_pixel_centres(network, monkeypatch):
    seen = []
    monkeypatch.setattr(Inception, "forward", lambda self, x: (seen.append(x), x.new_zeros(len(x), 2048))[1])
    resized = inception.ResizedInception(network)
    ramp = torch.linspace(-1, 1, 32).expand(1, 3, 32, 32)
    resized(ramp)
    assert seen[0].shape == (1, 3, 299, 299)
    # Output j lies at (j + 1/2) 32/299 - 1/2 of the input, held at the edges.
    at = ((torch.arange(299) + 0.5) * 32 / 299 - 0.5).clamp(0, 31)
    assert torch.allclose(seen[0][0, 0, 7], -1 + 2 * at / 31, atol=1e-5)


def test_a_file_of_other_weights_is_refused_by_its_checksum(tmp_path, network):
    path = tmp_path / WEIGHTS
    torch.save(network.state_dict(), path)
    with pytest.raises(
        DataError, match=f"is not {WEIGHTS}: its SHA-256 is {hashlib.sha256(path.read_bytes()).hexdigest()}"
    ):
        load_inception(path)
    with pytest.raises(FileNotFoundError, match="no file"):
        load_inception(tmp_path / "none.pth")
    assert SHA256.startswith(WEIGHTS.split("-")[-1].removesuffix(".pth"))


def test_the_right_file_gives_the_network_of_the_fid(tmp_path, network, monkeypatch):
    path = tmp_path / "weights.pth"
    torch.save({name: value.float() for name, value in network.state_dict().items()}, path)
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    net = inception_features(path)
    assert (net.measure, net.kernel_measure, net.width) == ("FID", "KID", 2048)
    pixels = torch.randint(0, 256, (1, 3, 20, 20), dtype=torch.uint8)
    x = F.interpolate(pixels.double() / 127.5 - 1, size=(299, 299), mode="bilinear", align_corners=False)
    assert torch.allclose(net(pixels).double(), network(x), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("spoil", ["lacks", "adds", "shape", "text"])
def test_files_that_do_not_fit_are_told(tmp_path, network, spoil):
    path, state = tmp_path / "w.pth", dict(network.state_dict())
    if spoil == "lacks":
        del state["Mixed_6b.branch1x1.conv.weight"]
    elif spoil == "adds":
        state["more"] = torch.zeros(1)
    elif spoil == "shape":
        state["fc.bias"] = torch.zeros(1000)
    torch.save(state, path)
    if spoil == "text":
        path.write_text("no weights")
    with pytest.raises(DataError, match=str(path)):
        read_inception(path)


def test_without_a_path_it_is_downloaded_with_its_checksum(tmp_path, monkeypatch):
    asked = []

    def fetch(name, checksum, addresses, advice):
        asked.append((name, checksum, addresses))
        raise DataError(advice)

    monkeypatch.setattr(inception, "fetch", fetch)
    with pytest.raises(DataError, match="give its path as weights"):
        load_inception()
    ((name, checksum, addresses),) = asked
    assert (name, checksum) == (WEIGHTS, f"sha256:{SHA256}")
    assert all(address.startswith("https://") and address.endswith("/") for address in addresses)
