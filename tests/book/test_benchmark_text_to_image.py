"""benchmarks/text_to_image.py: the whole of it with small random networks, and each of its rules by itself."""

import json
import math
import re
import sys
from pathlib import Path

import pytest
import torch
from loading import load_file

from diffusion_edu.data import emoji
from diffusion_edu.data.emoji import halved

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from text_to_image import command, cost, eyes, latents, parts, results, sets, sources  # noqa: E402
from text_to_image.drawing import Easel  # noqa: E402

SMALL = ["--tiny", "--n", "12", "--sweep", "4", "--choose", "4", "--steps", "2"]


def measured(folder, *more):
    """The command in this process -> its file, and what it said of parts."""
    assert command.main("about", [*SMALL, "--out", str(folder), *more]) == 0
    return json.loads((folder / command.RESULT).read_text())


# ---- from end to end -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_whole_command_goes_on_where_it_was_and_makes_whole_tables(tmp_path, monkeypatch, capsys):
    first = measured(tmp_path, "--only", "choose")
    assert list(first["systems"]) == ["emoji", "emoji-dalle", "emoji-imagen", "emoji-latent"]
    assert all(set(found) - {"weights", "size"} == {"choose"} for found in first["systems"].values())
    whole = measured(tmp_path)
    asked = "--tiny --n 12 --sweep 4 --choose 4 --steps 2"
    assert whole["command"] == f"python benchmarks/text_to_image.py {asked}", "the settings, and not the folder"
    for name, found in whole["systems"].items():
        parts_done = {"choose", "headline", "guidance", "steps", "training"} | ({"autoencoder"} & set(found))
        assert set(found) == {"weights", "size", *parts_done}
        assert ("autoencoder" in found) == (name == "emoji-latent")
        assert found["choose"] == first["systems"][name]["choose"], "what was done is not done again"
        assert found["headline"]["n"] == 12 and found["headline"]["guidance"] == found["choose"]["guidance"]
        assert [point["guidance"] for point in found["guidance"]["points"]] == list(parts.SCALES)
        assert [point["steps"] for point in found["steps"]["points"]] == list(parts.STEPS)
    capsys.readouterr()
    assert measured(tmp_path)["systems"] == whole["systems"] and capsys.readouterr().out == ""
    again = measured(tmp_path, "--only", "training", "--checkpoint", "interim", "--system", "emoji-latent")
    told = again["systems"]["emoji-latent"]["training"]["points"]
    assert [point["file"] for point in told] == ["interim", "emoji-latent"], "the interim weights, and then the system"
    assert told[0]["held_out_loss"] != told[1]["held_out_loss"]

    monkeypatch.syspath_prepend(str(ROOT / "book/_ext"))
    made = load_file("book/_ext/benchmark_tables.py")
    monkeypatch.setattr(made, "RESULTS", tmp_path)
    tables = made.tables("text_to_image")
    assert len(tables) == 14
    several = [table.caption.split(":")[0] for table in tables if "what more training gives" in table.caption]
    assert several == ["emoji-latent"], "of one length of a training there is nothing to compare"
    for table in tables:
        assert table.rows and {len(row) for row in table.rows} == {len(table.head)}
        assert all(isinstance(cell, str) and cell for row in table.rows for cell in row)
    top5 = again["systems"]["emoji"]["headline"]["judge"]["top5"]["value"]
    (row,) = [row for row in tables[0].rows if row[0].startswith("emoji, ")]
    assert row[2].startswith(f"{100 * top5:.1f}% (")

    other = [*SMALL[:-1], "3", "--out", str(tmp_path), "--only", "choose", "--system", "emoji"]
    assert command.main("about", other) == 0
    assert "made with other settings: begun anew" in capsys.readouterr().out
    assert set(json.loads((tmp_path / command.RESULT).read_text())["systems"]) == {"emoji"}


def test_a_grid_of_64_images_and_an_unknown_name(tmp_path, capsys):
    words = [*SMALL, "--out", str(tmp_path), "--system", "emoji-latent", "--grid", str(tmp_path / "look")]
    assert command.main("about", words) == 0
    assert [file.name for file in tmp_path.rglob("*.*")] == ["emoji-latent.png"]
    from PIL import Image

    with Image.open(tmp_path / "look/emoji-latent.png") as image:
        assert image.size == (2 * (8 * 64 + 7 * 2), 2 * (8 * 64 + 7 * 2))
    held_out, seen = set(emoji("test").captions), set(emoji("train").captions)
    assert set(command.SEEN) <= seen and set(command.UNSEEN) <= held_out
    assert command.main("about", [*SMALL, "--system", "emojis"]) == 1
    assert "--system must be of emoji, emoji-dalle, emoji-imagen, emoji-latent, got emojis" in capsys.readouterr().out


def test_the_described_file_has_the_keys_that_are_written():
    """The schema that chapters are written against names each part and each measure."""
    about = (ROOT / "benchmarks/text_to_image.py").read_text(encoding="utf-8").split('"""')[1]
    for name in command.PARTS:
        assert re.search(rf"^ +{name} +\S", about, re.M), name
    for name in ("frechet_judge", "frechet_efficientnet", "core_seconds", "other_style", "floor_of_sweeps", "copies"):
        assert name in about


# ---- results -------------------------------------------------------------------------------------------------------

HERE = {"settings": {"n": 1}, "judge": "j", "reader": "r", "efficientnet": "e"}


def test_other_weights_of_a_system_or_of_the_judge_are_measured_anew(tmp_path, capsys):
    path = tmp_path / "file.json"
    one = results.Results(path, HERE)
    one.all["true"] = {"held_out": 1}
    one.of("emoji", {"sha256": "a"}, 32)["headline"] = 1
    one.of("emoji-latent", {"sha256": "b"}, 64)["headline"] = 2
    one.save()
    two = results.Results(path, HERE)
    assert "headline" not in two.of("emoji", {"sha256": "new"}, 32)
    assert two.of("emoji-latent", {"sha256": "b"}, 64)["headline"] == 2 and two.all["true"] == {"held_out": 1}
    assert results.Results(path, HERE | {"judge": "other"}).all["systems"] == {}
    path.write_text("{")
    with pytest.raises(SystemExit, match="is damaged"):
        results.Results(path, HERE)


# ---- the rules -----------------------------------------------------------------------------------------------------


def test_wilson_interval_by_its_equation():
    """Its ends are the shares p for which the value lies z standard errors off: (v - p)^2 = z^2 p (1 - p) / n."""
    for value, n in ((0.25, 480), (0.5, 96), (0.9, 30)):
        found = eyes.share(value, n)
        for end in ("low", "high"):
            p = found[end]
            assert (value - p) ** 2 == pytest.approx(eyes.Z**2 * p * (1 - p) / n, rel=0.01)
        assert found["low"] < value < found["high"]
    assert eyes.share(0.0, 100)["low"] == 0 and eyes.share(1.0, 100)["high"] == 1


def test_nearest_pixels_is_the_brute_force_answer_and_zero_for_a_copy():
    generator = torch.Generator().manual_seed(0)
    many = torch.randint(0, 256, (40, 3, 8, 8), generator=generator, dtype=torch.uint8)
    few = torch.randint(0, 256, (5, 3, 8, 8), generator=generator, dtype=torch.uint8)
    few[2] = many[7]
    apart = few[:, None].double() - many[None].double()  # (5, 40, 3, 8, 8)
    wanted = apart.square().flatten(2).mean(2).sqrt().amin(1)
    found = eyes.nearest_pixels(few, many, batch_size=2)
    assert torch.allclose(found, wanted) and found[2] == 0


def test_the_style_is_asked_among_captions_of_the_same_thing():
    """An image whose embedding is that of one caption is in the style of that caption, and in no other."""
    clip, texts = (
        sources.Trial().clip,
        ["a red apple, noto style", "flag of France, fluent style", "a cat, twemoji style"],
    )
    image = eyes.encode_texts(clip, texts)
    assert eyes.in_style(clip, image, texts)["value"] == 1
    others = ["a red apple, fluent style", "flag of France, noto style", "a cat, noto style"]
    assert eyes.in_style(clip, image, others)["value"] == 0


@pytest.fixture(scope="module")
def bench():
    settings = {"n": 60, "sweep_n": 8, "choose_n": 8, "steps": 2, "seed": 0}
    return parts.Bench(sets.Sets(60), sources.Trial().eyes(), settings)


def test_training_images_are_copies_and_true_held_out_images_are_not(bench):
    pixels = bench.sets.training.pixels[32]
    for found in bench.copies(pixels).values():
        assert found["copies"]["value"] == 1 and found["median"] == pytest.approx(0, abs=1e-6)
    for found in bench.copies(bench.sets.held_out.pixels[32]).values():
        assert found["copies"]["value"] <= 0.02 and found["median"] == found["true_median"] > 0


def test_prompts_come_with_their_own_images(bench):
    for prompts, split in ((bench.sets.held_out, "test"), (bench.sets.training, "train")):
        data = emoji(split)
        assert prompts.texts == [data.captions[i] for i in prompts.place.tolist()]
        assert torch.equal(prompts.pixels[32], data.pixels[prompts.place])
        assert torch.equal(prompts.pixels[32], halved(prompts.pixels[64]))
        assert len(set(prompts.texts)) == 60
    assert not set(bench.sets.held_out.texts) & set(emoji("train").captions)


def test_the_other_style_is_the_same_thing_and_each_style_is_as_frequent():
    test, train = emoji("test"), emoji("train")
    place = sets.next_style(test, train)
    assert [train.names[i] for i in place.tolist()] == list(test.names)
    assert torch.equal(train.labels[place], (test.labels + 1) % 3)
    assert torch.equal(train.labels[place].bincount(), test.labels.bincount())


def test_the_lowest_guidance_near_the_best_is_chosen():
    def points(*top5):
        rows = zip((1.0, 2.0, 4.0), top5)
        return [{"guidance": w, "judge": {"top5": {"value": value, "n": 100}}} for w, value in rows]

    assert parts.lowest_good(points(0.20, 0.46, 0.50)) == 2.0, "0.04 below, and the standard error is 0.05"
    assert parts.lowest_good(points(0.20, 0.44, 0.50)) == 4.0
    assert parts.lowest_good(points(0.50, 0.44, 0.50)) == 1.0


def test_nothing_is_drawn_twice_and_image_i_does_not_depend_on_how_many(bench, monkeypatch):
    subject = sources.Trial().subject("emoji-latent")
    easel = Easel(subject, seed=0)
    many = easel.draw(bench.sets.held_out, 8, 2.0, 2)
    alone = Easel(subject, seed=0).draw(bench.sets.held_out, 3, 2.0, 2)
    # Another batch may round otherwise: by a level of 255 here and there.
    assert (many.pixels[:3].int() - alone.pixels.int()).abs().max() <= 1
    monkeypatch.setattr(subject.system, "generate", lambda *_, **__: pytest.fail("it was drawn before"))
    assert torch.equal(easel.draw(bench.sets.held_out, 3, 2.0, 2).pixels, many.pixels[:3])


@pytest.mark.parametrize("name", ["emoji-latent", "emoji-dalle", "emoji-imagen"])
def test_cost_of_an_image_counts_each_network_call(bench, name):
    subject = sources.Trial().subject(name)
    system = subject.system
    networks = {"unet": system.unet}
    networks |= {"prior": system.prior} if name == "emoji-dalle" else {}
    networks |= {"up32": system.up[0], "up64": system.up[1]} if name == "emoji-imagen" else {}
    calls = dict.fromkeys(networks, 0)

    def count(network):
        def hook(module, args, out):
            calls[network] += len(args[0])

        return hook

    handles = [network.register_forward_hook(count(name)) for name, network in networks.items()]
    for guidance in (0.0, 1.0, 3.0):
        counted = cost.cost(subject, bench.sets.held_out.texts, guidance, 3)
        calls = dict.fromkeys(networks, 0)
        system.generate(bench.sets.held_out.texts[:4], guidance=guidance, steps=3)
        wanted = {"unet": counted["evaluations"]}
        wanted |= {name: part["evaluations"] for name, part in counted.get("others", {}).items()}
        assert calls == {name: 4 * often for name, often in wanted.items()}
    for handle in handles:
        handle.remove()
    drawn = Easel(subject, seed=0).draw(bench.sets.held_out, 2, 3.0, 3)
    parts = counted.get("others", {}).values()
    whole = counted["evaluations"] * counted["unet_flops"] + counted["decoder_flops"]
    assert drawn.flops == whole + sum(part["flops"] * part["evaluations"] for part in parts)
    assert (counted["decoder_flops"] > 0) == (name != "emoji-imagen") and counted["unet_flops"] > 0
    assert all(part["flops"] > 0 for part in parts)


def test_flops_of_a_prior_are_those_of_its_layers_and_of_attention():
    """By hand: each position goes through the layers of the trunk, which looks from each at each."""
    system = sources.Trial().subject("emoji-dalle").system
    texts = ["a red apple, noto style"]
    counted = cost.cost(sources.Subject("emoji-dalle", system), texts, 2.0, 3)
    c, tokens = system.config.prior, system.text(texts).tokens.shape[1]
    width, positions = c.trunk.width, tokens + 4
    layers = positions * width * width * (4 + 2 * c.trunk.ratio) + 2 * positions * positions * width
    time = sum(p.numel() for p in system.prior.time.parameters() if p.ndim == 2)
    ends = tokens * c.token_dim * width + 3 * c.embedding * width + time
    assert counted["others"]["prior"]["flops"] == 2 * (c.trunk.depth * layers + ends)


def test_the_same_texts_are_read_once():
    asked = []
    read = sources.remembered(lambda texts: asked.append(texts) or len(asked))
    assert [read(["a"]), read(["a"]), read(["a", "b"]), read(["a"])] == [1, 1, 2, 1] and asked == [["a"], ["a", "b"]]


def test_a_system_without_its_sentence_encoder_is_left_out(monkeypatch, capsys):
    cards = {
        "a": {"model": {"class": "Imagen", "config": {"text": sources.NAME}}},
        "b": {"model": {"class": "Dalle", "config": {"text": "emoji-clip"}}, "uses": {"emoji-clip": ""}},
        "c": {"model": {"class": "PixelDiffusion", "config": {"text": None}}},
        "d": {"model": {"class": "CLIP", "config": {"text": {"width": 8}}}},
    }
    monkeypatch.setattr(sources, "available", lambda: list(cards))
    monkeypatch.setattr(sources, "find_weights", lambda name: name)
    monkeypatch.setattr(sources, "read_card", cards.get)
    monkeypatch.setattr(sources, "encoder_folder", lambda: ROOT)
    assert sources.Package().names() == ["a", "b"] and capsys.readouterr().out == ""

    def absent():
        raise ImportError

    monkeypatch.setattr(sources, "encoder_folder", absent)
    assert sources.Package().names() == ["b"]
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("left out: a reads with") and "pip install" in line


def test_psnr_of_a_known_error():
    true = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    ours = true.clone()
    ours[1] = 51  # a fifth of the range: 20 log10(5)
    found = latents.psnr(latents.squared_errors(ours, true))
    assert found[1].item() == pytest.approx(20 * math.log10(5)) and found[0] == 100


@pytest.mark.parametrize("name", ["emoji-latent", "emoji-dalle", "emoji-imagen"])
def test_loss_has_the_same_noise_each_time_and_sees_the_caption(bench, name):
    subject = sources.Trial().subject(name)
    prompts = bench.sets.held_out
    value = latents.loss(subject, prompts)
    assert value == latents.loss(subject, prompts)
    mixed = sets.Prompts("held_out", prompts.texts[::-1], prompts.pixels, prompts.place)
    assert (latents.loss(subject, mixed) == value) == (name == "emoji-dalle"), "whose decoder reads no text"
