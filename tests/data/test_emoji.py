"""The emoji of the package: whole, split as promised, described in words that repeat."""

import hashlib
import io
import json
import random
import subprocess
import sys
import tarfile
from collections import Counter
from importlib.resources import files

import numpy as np
import pytest
import torch
from loading import load_file
from PIL import Image

from diffusion_edu._errors import DataError
from diffusion_edu.data import emoji, emoji_caption
from diffusion_edu.data.captions import bare_names, spoken, with_article

module = sys.modules["diffusion_edu.data.emoji"]  # the package offers the function under the same name


@pytest.fixture(scope="module")
def splits():
    return {split: emoji(split, 64) for split in ("train", "test")}


def keys(data):
    return [(data.classes[label], code) for label, code in zip(data.labels.tolist(), data.codes)]


def test_all_pictures_are_there_once(splits):
    train, test = splits["train"], splits["test"]
    assert train.pixels.shape == (4936, 3, 64, 64)
    assert test.pixels.shape == (480, 3, 64, 64)
    assert train.pixels.dtype == torch.uint8
    assert len(set(keys(train) + keys(test))) == 5416
    for data in (train, test):
        for field in (data.labels, data.captions, data.names, data.keywords, data.groups, data.codes):
            assert len(field) == len(data.pixels)
    assert train.classes == ("fluent", "noto", "twemoji")
    assert Counter(s for s, _ in keys(train) + keys(test)) == {"fluent": 1594, "noto": 1911, "twemoji": 1911}


def test_put_together_in_order_they_are_the_pixels_of_the_checksum(splits):
    """Each picture is beside its own name: in the order of the entries, the splits give the checked array again."""
    place = {(e["style"], e["hexcode"]): i for i, e in enumerate(module.read_names())}
    whole = torch.zeros(5416, 64, 64, 3, dtype=torch.uint8)
    for data in splits.values():
        whole[[place[key] for key in keys(data)]] = data.pixels.permute(0, 2, 3, 1)
    assert hashlib.sha256(whole.numpy().tobytes()).hexdigest() == module.PIXELS_SHA256


def test_pictures_look_like_their_names(splits):
    """Hearts and circles have the colour that they are named after, in every style."""
    colours = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "yellow": (1, 1, 0)}
    seen = 0
    for data in splits.values():
        for picture, name in zip(data.pixels, data.names):
            colour, _, shape = name.partition(" ")
            if colour in colours and shape in ("heart", "circle", "square"):
                middle = picture[:, 24:40, 24:40].float().mean((1, 2)) / 255
                nearest = min(colours, key=lambda c: (middle - torch.tensor(colours[c])).square().sum().item())
                assert nearest == colour, name
                seen += 1
    assert seen == 4 * 3 * 3
    assert all((data.pixels[:, :, 0, 0] >= 250).all(1).float().mean() > 0.8 for data in splits.values()), "on white"


def test_the_test_split_asks_for_combinations_only(splits):
    train, test = splits["train"], splits["test"]
    known = set(keys(train))
    for style, code in keys(test):
        assert all((other, code) in known for other in test.classes if other != style), code
    assert len(set(test.codes)) == 480, "one style of each thing"
    assert torch.bincount(test.labels).tolist() == [160, 160, 160]
    assert len(set(test.groups)) == 8


def test_no_test_picture_has_a_copy_in_its_style(splits):
    train, test = splits["train"], splits["test"]

    def small(data):
        return data.pixels.float().reshape(len(data.pixels), 3, 16, 4, 16, 4).mean((3, 5)).flatten(1)

    for style in range(3):
        a, b = small(test)[test.labels == style], small(train)[train.labels == style]
        assert torch.cdist(a, b).min() / a.shape[1] ** 0.5 > 7.9
    twins = Counter((s, p.numpy().tobytes()) for d in splits.values() for (s, _), p in zip(keys(d), d.pixels))
    assert sum(n for n in twins.values() if n > 1) == 72, "as the file beside the pictures says"


def test_half_size_is_the_mean_of_four_pixels(splits):
    small, large = emoji("test", 32), splits["test"]
    assert small.pixels.shape == (480, 3, 32, 32)
    means = large.pixels.double().reshape(480, 3, 32, 2, 32, 2).mean((3, 5))
    assert torch.equal(small.pixels, (means + 0.5).floor().to(torch.uint8))
    assert small.captions == large.captions
    assert small.codes == large.codes


def test_captions_of_the_first_form(splits):
    train = splits["train"]
    found = dict(zip(keys(train), train.captions)) | dict(zip(keys(splits["test"]), splits["test"].captions))
    assert found["noto", "1F34E"] == "a red apple, noto style"
    assert found["twemoji", "1F419"] == "an octopus, twemoji style"
    assert found["fluent", "1F347"] == "grapes, fluent style"
    assert len(set(found.values())) == 5416, "a caption names one picture"


@pytest.mark.parametrize(
    "name, words",
    [
        ("flag: Norway", "a flag of Norway"),
        ("man: beard", "a man, beard"),
        ("family: man, girl", "a family of man, girl"),
        ("unicorn", "a unicorn"),
        ("umbrella", "an umbrella"),
        ("hourglass done", "an hourglass done"),
        ("one o’clock", "one o'clock"),
        ("Japanese “here” button", 'a Japanese "here" button'),
        ("no entry", "no entry"),
        ("SOS button", "an SOS button"),
        ("UP! button", "an UP! button"),
        ("woman’s clothes", "woman's clothes"),
    ],
)
def test_articles_and_plain_words(name, words):
    assert with_article(name) == words


def test_every_exception_is_the_name_of_an_emoji():
    names = {spoken(e["label"]) for e in module.read_names()}
    assert names >= bare_names()
    assert "grapes" in bare_names()


def test_a_seed_varies_the_words_and_repeats_them(splits):
    test = splits["test"]
    one, two = test.described(1), test.described(2)
    assert one == test.described(1) == emoji("test", seed=1).captions
    assert 0.4 < np.mean([a != b for a, b in zip(one, two)]) < 0.95
    state = random.getstate()
    assert emoji_caption("noto", "red apple", ("fruit",), 3) == emoji_caption("noto", "red apple", ("fruit",), 3)
    assert random.getstate() == state, "nobody else's random numbers are touched"
    for seed in range(20):
        for key, name, words, caption in zip(keys(test), test.names, test.keywords, test.described(seed)):
            assert with_article(name) in caption
            assert f"{key[0]} style" in caption
            rest = caption.replace(with_article(name), "", 1).replace(f"{key[0]} style", "")
            spare = {spoken(word) for word in words}
            assert {part.strip() for part in rest.split(",")} <= spare | {"", "in"}


def test_the_forms_of_a_caption():
    drawn = Counter(emoji_caption("noto", "red apple", ("fruit", "diet", "apple pie"), seed) for seed in range(2000))
    share = {form: count / 2000 for form, count in drawn.items()}
    assert share["a red apple, noto style"] == pytest.approx(0.4, abs=0.04)
    assert share["a red apple in noto style"] == pytest.approx(0.15, abs=0.03)
    assert share["noto style, a red apple"] == pytest.approx(0.15, abs=0.03)
    assert share["a red apple, fruit, noto style"] == pytest.approx(0.075, abs=0.025)
    assert share["a red apple, diet, fruit, noto style"] == pytest.approx(0.075, abs=0.025)
    assert len(drawn) == 7, "no keyword that repeats the name, and none twice"
    assert emoji_caption("noto", "red apple", ("apple",), 5).count("apple") == 1


def test_bad_arguments():
    with pytest.raises(ValueError, match="split must be one of train, test, got 'tests'; did you mean 'test'"):
        emoji("tests")
    for size in (16, 63, 128):
        with pytest.raises(ValueError, match=f"size must be 32 or 64, got {size}"):
            emoji("test", size)


@pytest.mark.parametrize(
    "name, change, words",
    [
        ("003.webp", lambda b: b[:-100], "003.webp cannot be read"),
        ("003.webp", lambda b: b"", "003.webp cannot be read"),
        ("003.webp", lambda b: module_file("004.webp"), "emoji images are damaged"),
        ("emoji.json", lambda b: b.replace(b"red apple", b"red pear"), "emoji.json are damaged"),
    ],
)
def test_damaged_files_are_found(monkeypatch, name, change, words):
    monkeypatch.setattr(module, "read_pixels", module.read_pixels.__wrapped__)  # from the files, not as kept for tests
    monkeypatch.setattr(module, "_file", lambda n: change(module_file(n)) if n == name else module_file(n))
    with pytest.raises(DataError, match=words):
        emoji("test")


def module_file(name):
    return (files("diffusion_edu.data") / "files" / "emoji" / name).read_bytes()


def test_licences_and_sources_are_shipped():
    folder = files("diffusion_edu.data") / "files" / "emoji"
    for name, mark in (
        ("LICENSE.noto", "Apache License"),
        ("LICENSE.twemoji", "Creative Commons Attribution 4.0 International"),
        ("LICENSE.fluent", "Copyright (c) Microsoft Corporation"),
        ("LICENSE.names", "UNICODE LICENSE V3"),
    ):
        assert mark in (folder / name).read_text(encoding="utf-8")
        assert name in (folder / "README.md").read_text(encoding="utf-8")
    size = sum(len(module_file(f"{i:03d}.webp")) for i in range(22)) + len(module_file("emoji.json"))
    assert size < 10e6


def test_nothing_is_read_before_it_is_asked_for():
    code = (
        "import pathlib\n"
        "read, seen = pathlib.Path.read_bytes, []\n"
        "pathlib.Path.read_bytes = lambda self: seen.append(self.name) or read(self)\n"
        "import diffusion_edu as de\n"
        "before = list(seen)\n"
        "de.data.emoji('test')\n"
        "print(before, '000.webp' in seen)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] True"


# ---- the tool that made them --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tool():
    return load_file("tools/make_emoji.py")


def test_the_tool_chooses_the_shipped_split_again(tool):
    names = module.read_names()
    assert tool.hold_out(names, module.read_pixels(len(names))) == json.loads(module_file("held_out.json"))


def test_the_tool_packs_without_loss(tool):
    pixels = module.read_pixels(5416)[:260]
    packed = tool.strips(pixels)
    assert list(packed) == ["000.webp", "001.webp"]
    unpacked = [np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) for content in packed.values()]
    assert np.array_equal(np.concatenate(unpacked).reshape(pixels.shape), pixels)


def archive_of(path, contents):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in contents.items():
            content = content if isinstance(content, bytes) else json.dumps(content).encode()
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def test_the_tool_reads_the_packages(tool, tmp_path):
    """A thing that only one style shows is left out; a code is found with or without its mark; glass lies on white."""
    glass = io.BytesIO()
    Image.new("RGBA", (64, 64), (255, 0, 0, 128)).save(glass, "PNG")
    words = {"order": 2, "label": "red heart", "hexcode": "2764", "tags": ["love"], "group": 0, "subgroup": 1}
    first = {"order": 1, "label": "ghost", "hexcode": "1F47B", "group": 0, "subgroup": 0}
    messages = {
        "groups": [{"order": 0, "key": "smileys"}],
        "subgroups": [{"order": 0, "key": "costume"}, {"order": 1, "key": "heart"}],
    }
    lonely = {**first, "order": 0, "label": "orca", "hexcode": "1FACD"}
    data = [words, {"label": "regional indicator", "hexcode": "1F1E6"}, first, lonely]
    archive_of(tmp_path / "emojibase-data-17.0.0.tgz", {"en/data.json": data, "en/messages.json": messages})
    for vendor, has_orca in (("google", True), ("twitter", False)):
        listed = [
            {"unified": "2764-FE0F", "non_qualified": "2764", "image": "heart.png", f"has_img_{vendor}": True},
            {"unified": "1F47B", "non_qualified": None, "image": "ghost.png", f"has_img_{vendor}": True},
            {"unified": "1FACD", "non_qualified": None, "image": "ghost.png", f"has_img_{vendor}": has_orca},
        ]
        pictures = {f"img/{vendor}/64/{name}.png": glass.getvalue() for name in ("heart", "ghost")}
        archive_of(tmp_path / f"emoji-datasource-{vendor}-16.0.0.tgz", {"emoji.json": listed, **pictures})
    archive_of(
        tmp_path / "iconify-json-fluent-emoji-flat-1.2.6.tgz",
        {"icons.json": {"icons": {}}, "chars.json": {"2764": "h"}},
    )
    names, pixels = tool.build(tmp_path)
    ghost = {"label": "ghost", "hexcode": "1F47B", "tags": [], "group": "smileys", "sub": "costume"}
    heart = {"label": "red heart", "hexcode": "2764", "tags": ["love"], "group": "smileys", "sub": "heart"}
    assert names == [{"style": style, **entry} for style in ("noto", "twemoji") for entry in (ghost, heart)]
    assert pixels.shape == (4, 64, 64, 3)
    assert (pixels == [255, 127, 127]).all()


def test_the_tool_finds_another_pixel_and_another_word(tool):
    names, pixels = module.read_names(), module.read_pixels(5416).copy()
    same = {n: module_file(n) for n in ("emoji.json", "held_out.json")}
    assert tool.compare(same, names, pixels) == []
    pixels[7, 0, 0, 0] ^= 1
    assert "pixels have SHA-256" in tool.compare(same, names, pixels)[0]
    other = {**same, "emoji.json": same["emoji.json"] + b" "}
    assert any("names have SHA-256" in line for line in tool.compare(other, names, pixels))
