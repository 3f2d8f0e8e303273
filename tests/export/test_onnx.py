"""Exported files against PyTorch, and the shipped graph against the shipped weights."""

import re

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from tiny_painters import shaken
from torch import nn

import diffusion_edu as de
from diffusion_edu import files, pretrained
from diffusion_edu.cli import main
from diffusion_edu.export import ExportError, compare, to_graph, to_onnx
from diffusion_edu.export import onnx as module
from diffusion_edu.nn import by_name
from diffusion_edu.systems import PixelDiffusion, PixelDiffusionConfig


class Words(nn.Module):
    """A text encoder in its smallest form: ids and mask in, one vector out. A U-Net takes ten times as long."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(500, 64)
        self.square = nn.Linear(64, 64)  # on three axes: the exporter turns its weight round
        self.linear = nn.Linear(64, 4)

    def forward(self, ids, mask):
        mean = (self.square(self.table(ids)) * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.linear(mean)


EXAMPLE = {"ids": torch.tensor([[3, 141, 59, 2, 6], [53, 5, 8, 97, 9]]), "mask": torch.ones(2, 5)}


def words():
    torch.manual_seed(0)
    return Words().eval()


def trained_like(config):
    """A U-Net none of whose layers is at zero, as after training."""
    torch.manual_seed(0)
    model = de.UNet(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model.eval()


def answer(path, **inputs):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {k: v.numpy() for k, v in inputs.items()})[0])


@pytest.fixture(scope="module")
def unet():
    return trained_like(de.UNetConfig.tiny(in_channels=1, channels=(8, 16), attention_levels=(1,)))


@pytest.fixture(scope="module")
def written(unet, tmp_path_factory):
    return to_onnx(unet, tmp_path_factory.mktemp("onnx") / "tiny.onnx", size=8)


@pytest.fixture(scope="module")
def words_written(tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "words.onnx"
    return to_onnx(words(), path, example=EXAMPLE, output="embedding", half=False)


@pytest.mark.parametrize("batch", [1, 3])
def test_file_computes_what_the_network_with_rounded_weights_computes(unet, written, batch):
    x_t = torch.randn(batch, 1, 8, 8)
    t = torch.randint(1, 1001, (batch,))
    rounded = trained_like(unet.config)
    rounded.load_state_dict({name: value.half().float() for name, value in unet.state_dict().items()})
    with torch.no_grad():
        wanted, full = rounded(x_t, t), unet(x_t, t)
    found = answer(written.path, x_t=x_t, t=t)
    assert torch.allclose(found, wanted, atol=1e-4 * wanted.std().item())
    assert 0 < (found - full).abs().max() < 0.02 * full.std(), "half precision costs something, and little"


def test_weights_are_stored_in_half_precision_or_full(unet, written, words_written):
    parameters = sum(p.numel() for p in unet.parameters())
    assert 2 * parameters < written.bytes < 2 * parameters + 150_000
    assert written.bytes == written.path.stat().st_size
    parameters = sum(p.numel() for p in words().parameters())
    assert 4 * parameters < words_written.bytes < 4 * parameters + 10_000
    assert words_written.difference <= compare.TOLERANCE


def test_inputs_have_names_and_a_free_batch_and_nothing_else_is_in_the_file(written):
    proto = onnx.load(written.path)
    onnx.checker.check_model(proto)
    assert [i.name for i in proto.graph.input] == ["x_t", "t"]
    assert [o.name for o in proto.graph.output] == ["prediction"]
    assert all(i.type.tensor_type.shape.dim[0].dim_param for i in proto.graph.input)
    assert not any(node.metadata_props or node.doc_string for node in proto.graph.node)
    assert not re.search(rb"/(home|root|usr|work|tmp)/", written.path.read_bytes())


def test_the_network_itself_is_left_as_it_was(tmp_path):
    model = words().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    to_onnx(model, tmp_path / "a.onnx", example=EXAMPLE)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_any_module_can_be_written_by_example(words_written):
    ids, mask = torch.randint(0, 500, (4, 5)), torch.tensor([[1.0, 1, 1, 0, 0]]).repeat(4, 1)
    assert torch.allclose(answer(words_written.path, ids=ids, mask=mask), words()(ids, mask), atol=1e-6)


def test_a_file_that_computes_something_else_is_not_written(tmp_path, monkeypatch):
    fill = module.fill
    monkeypatch.setattr(module, "fill", lambda initializer, value: fill(initializer, value * np.float16(1.01)))
    with pytest.raises(ExportError, match="differs by"):
        to_onnx(words(), tmp_path / "wrong.onnx", example=EXAMPLE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("model", "example", "error", "told"),
    [
        (nn.Linear(2, 2), None, TypeError, "example is needed for a Linear"),
        (nn.Linear(2, 2), {"input": torch.zeros(1, 2)}, ValueError, "example .* at least 2"),
        (Words(), {"ids": torch.zeros(2, 5).long(), "mask": torch.ones(3, 5)}, ValueError, "one batch size"),
        (Words(), {"words": torch.zeros(2, 5).long()}, ValueError, "names of the arguments ids, mask, got 'words'"),
    ],
)
def test_mistakes_are_told(tmp_path, model, example, error, told):
    with pytest.raises(error, match=told):
        to_onnx(model, tmp_path / "a.onnx", example=example)
    assert list(tmp_path.iterdir()) == []


def test_an_output_has_another_name_than_the_inputs(tmp_path):
    """The runtime said "duplicate definition", of a name that nobody had given twice."""
    with pytest.raises(ValueError, match="output must be another name than those of the inputs, input, got 'input'"):
        to_onnx(nn.Linear(2, 2), tmp_path / "a.onnx", example={"input": torch.zeros(2, 2)}, output="input")


def test_graph_points_into_the_weights(tmp_path):
    weights, model = tmp_path / "words.safetensors", words()
    model.load_state_dict({k: v.half().float() for k, v in model.state_dict().items()})
    files.write(weights, {k: v.half() for k, v in model.state_dict().items()}, {})
    done = to_graph(model, tmp_path / "words.onnx", weights, example=EXAMPLE)
    assert done.bytes < 10_000
    inputs = {key: value[[1, 0, 1]] for key, value in EXAMPLE.items()}
    with torch.no_grad():
        wanted = model(**inputs)
    assert torch.allclose(answer(done.path, **inputs), wanted, atol=1e-4 * wanted.std().item())
    # Other numbers in the weights' file are other answers of the same graph: nothing was copied.
    files.write(weights, {k: 0.5 * v.half() for k, v in model.state_dict().items()}, {})
    model.load_state_dict({k: 0.5 * v for k, v in model.state_dict().items()})
    with torch.no_grad():
        other = model(**inputs)
    assert torch.allclose(answer(done.path, **inputs), other, atol=1e-4 * wanted.std().item())
    assert not torch.allclose(other, wanted, atol=0.1 * wanted.std().item())


def test_graph_refuses_weights_that_do_not_fit(tmp_path):
    weights, path, model = tmp_path / "words.safetensors", tmp_path / "words.onnx", words()
    with pytest.raises(ValueError, match=r"weights .* in the folder"):
        to_graph(model, tmp_path / "elsewhere" / "words.onnx", weights, example=EXAMPLE)
    files.write(weights, {k: v for k, v in model.state_dict().items() if k != "square.weight"}, {})
    with pytest.raises(ValueError, match=r"square\.weight"):
        to_graph(model, path, weights, example=EXAMPLE)
    files.write(weights, {k: 2 * v for k, v in model.state_dict().items()}, {})
    with pytest.raises(ExportError):
        to_graph(model, path, weights, example=EXAMPLE)
    assert not path.exists()


GRAPHS = [p.stem for p in sorted(pretrained.WEIGHTS.glob("*.onnx"))]


@pytest.mark.parametrize("name", GRAPHS)
def test_shipped_graph_fits_the_shipped_weights(name):
    """New weights with an old graph would put noise into every page: `diffusion-edu export NAME --graph` mends it."""
    folder, (owner, *part) = pretrained.WEIGHTS, name.split(".")
    proto = onnx.load(folder / f"{name}.onnx", load_external_data=False)
    places = {place[2:] for place in files.tensor_places(folder / f"{owner}.safetensors").values()}
    pointed = set()
    for initializer in proto.graph.initializer:
        entry = {e.key: e.value for e in initializer.external_data}
        if entry:
            assert entry["location"] == f"{owner}.safetensors"
            pointed.add((int(entry["offset"]), int(entry["length"])))
    assert pointed <= places
    graphs = de.load(owner).graphs()
    assert part or (len(graphs) == 1 and pointed == places), "a graph alone has all the weights"
    network, inputs = graphs[part[0] if part else next(iter(graphs))]
    generator = torch.Generator().manual_seed(0)
    inputs = {
        key: torch.randn(value.shape, generator=generator) if value.is_floating_point() else value
        for key, value in inputs.items()
    }
    with torch.no_grad():
        wanted = by_name(network)(**inputs)
    wanted = wanted if isinstance(wanted, torch.Tensor) else wanted[0]
    found = answer(folder / f"{name}.onnx", **inputs)
    assert torch.allclose(found, wanted, atol=1e-4 * wanted.std().item())


def test_graphs_are_shipped_of_what_draws_in_a_page():
    assert set(GRAPHS) == {"emoji", "emoji-latent.decoder", "emoji-latent.unet", "fashion"}


def test_command_line_writes_a_file_and_says_how_well_it_agrees(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = de.UNetConfig(1, (4,), 1, attention_levels=())
    system = PixelDiffusion(PixelDiffusionConfig(config, 4, {"name": "cosine", "T": 100}))
    pretrained.export_system(shaken(system), tmp_path / "dots.safetensors", {}, {})
    assert main(["export", "dots.safetensors"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"dots.onnx: {(tmp_path / 'dots.onnx').stat().st_size:,} bytes")
    assert "largest difference to PyTorch" in told
    assert main(["export", "fashion", "--graph", "--full"]) == 2
    assert "--full" in capsys.readouterr().err


def test_missing_extra_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    monkeypatch.chdir(tmp_path)
    assert main(["export", "fashion"]) == 1
    assert "pip install 'diffusion-edu[export]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
