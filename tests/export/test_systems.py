"""Graphs of whole systems: conditions by name, decoders, text towers, several networks in one file of weights."""

import copy
import shutil

import onnx
import onnxruntime
import pytest
import torch
from torch import nn

import diffusion_edu as de
from diffusion_edu import files
from diffusion_edu.cli import main
from diffusion_edu.export import ExportError, to_graph, to_graphs, to_onnx
from diffusion_edu.export import onnx as onnx_module
from diffusion_edu.nn import (
    AutoEncoder,
    AutoEncoderConfig,
    ByName,
    TextEncoder,
    TextEncoderConfig,
    by_name,
    example_inputs,
)

CONFIG = de.UNetConfig.tiny(
    in_channels=3,
    channels=(8,),  # more levels have no more kinds of layers that listen to a condition
    attention_levels=(),
    cross_levels=(0,),
    vec_dim=3,
    token_dim=4,
    concat_channels=1,
    level=True,
)


def shaken(module):
    """The module, none of whose tensors is at zero or one, as after training; weights that half precision holds."""
    g = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            tensor.add_(0.1 * torch.randn(tensor.shape, generator=g)).copy_(tensor.half().float())
    return module.eval()


def close(path, model, inputs):
    """Whether a file answers as the model does."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert sorted(i.name for i in session.get_inputs()) == sorted(inputs)
    found = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    with torch.no_grad():
        wanted = model(**inputs)
    wanted = [wanted] if isinstance(wanted, torch.Tensor) else wanted
    return all(torch.allclose(torch.from_numpy(f), w, atol=2e-4 * w.std().item()) for f, w in zip(found, wanted))


class Decoder(nn.Module):
    """The last part of a system alone, as a system gives it to a page: it is wrapped around the system."""

    def __init__(self, system):
        super().__init__()
        self.system = system

    def forward(self, z):
        return self.system.autoencoder.decode(z / self.system.scale + self.system.shift).clamp(-1, 1)


class Latent(nn.Module):
    """Two networks and two buffers in one state."""

    def __init__(self):
        super().__init__()
        self.autoencoder = AutoEncoder(AutoEncoderConfig.tiny())
        self.unet = de.UNet(CONFIG)
        self.register_buffer("shift", torch.zeros(3, 1, 1))
        self.register_buffer("scale", torch.ones(3, 1, 1))

    def graphs(self):
        return {
            "unet": (self.unet, example_inputs(CONFIG, 8, length=5)),
            "decoder": (Decoder(self), {"z": torch.randn(2, 3, 4, 4)}),
        }


class Pair(nn.Module):
    """A system whose graphs are written in a second each: for what is asked of files and names."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2)

    def graphs(self):
        return {
            "first": (self.first, {"input": torch.ones(2, 3)}),
            "both": (nn.Sequential(self.first, self.second), {"input": torch.ones(2, 3)}),
        }


def stored(module, path):
    """The file of a module's weights in half precision."""
    files.write(path, {name: value.half() for name, value in module.state_dict().items()}, {})
    return path


@pytest.fixture(scope="module")
def system():
    return shaken(Latent())


@pytest.fixture(scope="module")
def written(system, tmp_path_factory):
    """The folder with the system's weights and its graphs, and what was said of them."""
    folder = tmp_path_factory.mktemp("latent")
    weights = stored(system, folder / "latent.safetensors")
    return folder, to_graphs(system, folder / "latent.onnx", weights)


@pytest.fixture(scope="module")
def pair():
    return shaken(Pair())


def test_a_network_takes_its_condition_by_name(system):
    inputs = example_inputs(CONFIG, 8)
    fields = {name: inputs[name] for name in ("vec", "tokens", "mask", "concat", "level")}
    with torch.no_grad():
        wanted = system.unet(inputs["x_t"], inputs["t"], de.Cond(**fields))
        assert torch.equal(ByName(system.unet)(**inputs), wanted)
        plain = de.UNet(de.UNetConfig.tiny())
        alone = example_inputs(plain.config, 8, batch=3)
        assert set(alone) == {"x_t", "t"}
        assert torch.equal(ByName(plain)(**alone), plain(alone["x_t"], alone["t"]))
    assert isinstance(by_name(plain), ByName)
    tower = TextEncoder(TextEncoderConfig.tiny())
    assert by_name(tower) is tower


def test_a_conditional_network_is_written_for_any_batch(system, written):
    """The checks of a condition must not fix the batch of the file."""
    path = written[0] / "latent.unet.onnx"
    named = [i.name for i in onnx.load(path, load_external_data=False).graph.input]
    assert named == ["x_t", "t", "vec", "tokens", "mask", "concat", "level"]
    for batch in (1, 3, 8):
        inputs = example_inputs(CONFIG, 8, batch, length=5)
        inputs["mask"] = torch.arange(5).expand(batch, 5) < torch.arange(batch)[:, None]  # the first prompt is empty
        assert close(path, ByName(system.unet), inputs), batch
    changed = {**inputs, "tokens": inputs["tokens"] + 1}
    assert not close(path, lambda **_: ByName(system.unet)(**changed), inputs), "the text reaches the answer"


def test_a_strided_network_is_written_for_any_batch(tmp_path):
    """And by the example that its configuration makes."""
    config = de.UNetConfig.tiny(channels=(8,), attention_levels=(), stride=2, concat_channels=3, level=True)
    unet = shaken(de.UNet(config))
    done = to_graph(unet, tmp_path / "unet.onnx", stored(unet, tmp_path / "unet.safetensors"), size=8)
    for batch in (1, 3):
        assert close(done.path, ByName(unet), example_inputs(config, 8, batch))


def test_every_graph_of_a_system_points_into_its_one_file_of_weights(system, written, tmp_path):
    folder, done = written
    assert {name: made.path.name for name, made in done.items()} == {
        "unet": "latent.unet.onnx",
        "decoder": "latent.decoder.onnx",
    }
    assert all(made.bytes < 120_000 for made in done.values())
    for batch in (1, 5):
        assert close(done["unet"].path, ByName(system.unet), example_inputs(CONFIG, 8, batch, length=5))
        assert close(done["decoder"].path, Decoder(system), {"z": torch.randn(batch, 3, 4, 4)})
    places, pointed = files.tensor_places(folder / "latent.safetensors"), set()
    for made in done.values():
        for initializer in onnx.load(made.path, load_external_data=False).graph.initializer:
            pointed |= {(int(e.value)) for e in initializer.external_data if e.key == "offset"}
    unused = {name for name, place in places.items() if place[2] not in pointed}
    assert all(name.startswith("autoencoder.encoder.") for name in unused), "every other tensor is read from the file"
    # Other numbers in the file are other answers of the same graphs: nothing was copied.
    other = copy.deepcopy(system)
    with torch.no_grad():
        for tensor in other.state_dict().values():
            tensor.mul_(0.5)
    stored(other, tmp_path / "latent.safetensors")
    paths = {name: shutil.copy(made.path, tmp_path) for name, made in done.items()}
    z = {"z": torch.randn(2, 3, 4, 4)}
    assert close(paths["decoder"], Decoder(other), z)
    assert not close(paths["decoder"], Decoder(system), z)
    assert close(paths["unet"], ByName(other.unet), example_inputs(CONFIG, 8, length=5))


def test_a_prefix_finds_a_part_in_the_file(pair, tmp_path):
    weights, inputs = stored(pair, tmp_path / "pair.safetensors"), {"input": torch.tensor([[1.0, -2, 3], [0, 1, 5]])}
    done = to_graph(pair.second, tmp_path / "a.onnx", weights, prefix="second.", example={"input": torch.ones(2, 4)})
    assert close(done.path, pair.second, {"input": torch.tensor([[1.0, -2, 3, 4]])})
    with pytest.raises(ValueError, match=r"weights must be to hold .* found nothing"):
        to_graph(pair.first, tmp_path / "b.onnx", weights, example=inputs)
    assert not (tmp_path / "b.onnx").exists()


def test_a_text_tower_has_two_outputs(tmp_path, monkeypatch):
    """States and the vector that stands for the whole; its matrices lie the other way round in the file."""
    tower = shaken(TextEncoder(TextEncoderConfig.tiny()))
    ids = torch.randint(0, 64, (2, 6), generator=torch.Generator().manual_seed(1))
    example = {"ids": ids, "mask": torch.arange(6).expand(2, 6) < torch.tensor([[6], [3]])}
    options = {"example": example, "output": ("states", "pooled")}
    made_graph, graphs = onnx_module.bare_graph, {}

    def bare_graph(model, inputs, outputs):
        """The graph without its numbers is the same for all three files."""
        key = (type(model), tuple(inputs), tuple(outputs))
        if key not in graphs:
            graphs[key] = made_graph(model, inputs, outputs)
        return copy.deepcopy(graphs[key])

    monkeypatch.setattr(onnx_module, "bare_graph", bare_graph)
    made = {"whole": to_onnx(tower, tmp_path / "whole.onnx", **options)}
    for number in ("half", "float"):
        weights = tmp_path / f"{number}.safetensors"
        files.write(weights, {f"text.{k}": getattr(v, number)() for k, v in tower.state_dict().items()}, {})
        made[number] = to_graph(tower, tmp_path / f"{number}.onnx", weights, prefix="text.", **options)
    more = {"ids": ids[[0, 1, 0]], "mask": example["mask"][[1, 0, 0]]}
    for name, done in made.items():
        assert [o.name for o in onnx.load(done.path, load_external_data=False).graph.output] == ["states", "pooled"]
        assert close(done.path, tower, more), name


def test_the_command_line_writes_every_graph(pair, tmp_path, monkeypatch, capsys):
    weights = stored(pair, tmp_path / "pair.safetensors")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("diffusion_edu.cli.exporting.load_drawing", lambda name: pair)
    assert main(["export", str(weights), "--graph"]) == 0
    assert main(["export", str(weights), "--out", "whole.onnx"]) == 0
    made = ("pair.first.onnx", "pair.both.onnx", "whole.first.onnx", "whole.both.onnx")
    assert sorted(p.name for p in tmp_path.glob("*.onnx")) == sorted(made)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0].rpartition("/")[2] for line in lines] == list(made)
    inputs = {"input": torch.tensor([[1.0, -2, 3], [0, 1, 5], [2, 2, 2]])}
    for name in made:
        network = pair.first if "first" in name else nn.Sequential(pair.first, pair.second)
        assert close(tmp_path / name, network, inputs), name


def test_a_file_of_the_network_alone_will_do(tmp_path):
    """As a training leaves it: the names of the network, without that of its place in the system."""

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = nn.Linear(3, 4)

        def graphs(self):
            return {"network": (self.network, {"input": torch.ones(2, 3)})}

    plain, weights = shaken(Plain()), tmp_path / "plain.safetensors"
    files.write(weights, plain.network.state_dict(), {})
    done = to_graphs(plain, tmp_path / "plain.onnx", weights)
    assert close(done["network"].path, plain.network, {"input": torch.tensor([[1.0, -2, 3]])})
    assert done["network"].path.name == "plain.onnx"


def test_mistakes_are_named(system, pair, tmp_path):
    path, weights, example = tmp_path / "a.onnx", tmp_path / "pair.safetensors", {"input": torch.ones(2, 3)}
    stored(pair, weights)
    with pytest.raises(ExportError, match="the network has 1 outputs, named were 2: a, b"):
        to_onnx(pair.first, path, example=example, output=("a", "b"))
    with pytest.raises(ValueError, match=r"prefix must be left out where within names the tensors, got 'first\.'"):
        to_graph(pair.first, path, weights, prefix="first.", within=pair)
    with pytest.raises(ValueError, match="within must hold every tensor of the graph, it lacks"):
        to_graph(Pair().first, path, weights, example=example, within=pair)
    with pytest.raises(TypeError, match=r"system must have graphs\(\), got a UNet"):
        to_graphs(system.unet, path, weights)
    assert not path.exists()
