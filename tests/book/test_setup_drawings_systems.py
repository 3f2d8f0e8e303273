"""The drawings of whole systems say what the systems are: their sizes, the order of what is read, what is frozen."""

import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import nbformat
import pytest
import torch
import yaml
from loading import ROOT

from diffusion_edu import Cond
from diffusion_edu.nn import AutoEncoder
from diffusion_edu.randomness import seeded
from diffusion_edu.runs import emoji, emoji_clip, emoji_dalle, emoji_imagen, emoji_latent
from diffusion_edu.systems import CodePrior, DiffusionPrior, Imagen, PrincipalCodes

sys.path.insert(0, str(ROOT))
from tools.drawings import compared
from tools.drawings.book_map import NODES
from tools.drawings.canvas import LARGE
from tools.drawings.catalog import DRAWINGS

NAMES = ("dalle-2", "dalle-2-priors", "imagen", "four-systems", "book-map")
LENGTH = 3  # tokens of a text


def texts(name):
    """(x, y, words) of each text of a drawing as it is committed."""
    root = ET.parse(ROOT / f"book/_static/drawings/{name}.svg").getroot()
    found = root.iter("{http://www.w3.org/2000/svg}text")
    return [(float(t.get("x")), float(t.get("y")), "".join(t.itertext())) for t in found]


def words(name):
    return [text for *_, text in texts(name)]


def hwc(tensor):
    """(B, C, H, W) as the drawings write it."""
    _, c, h, w = tensor.shape
    return f"{h}×{w}×{c}"


def said(config):
    g = torch.Generator().manual_seed(1)
    tokens = torch.randn(1, LENGTH, config.token_dim, generator=g)
    return Cond(vec=torch.randn(1, config.embedding, generator=g), tokens=tokens)


def read_by(network, *inputs):
    """What the trunk of a prior is given, and what it makes of it: two (positions, width), and the answer."""
    seen = []
    handle = network.trunk.register_forward_hook(lambda module, args, out: seen.append((args[0][0], out[0])))
    with torch.no_grad():
        answer = network(*inputs)
    handle.remove()
    return *seen[0], answer


def named(sequence, parts):
    """The name of the part that stands at each position."""
    names = [[name for name, vector in parts if torch.allclose(vector, row, atol=1e-6)] for row in sequence]
    assert all(len(found) == 1 for found in names), names
    return [found[0] for found in names]


def column(panel, top, low):
    """The places of a panel of dalle-2-priors from top to bottom: (name, what comes out beside it)."""
    rows = [(x, y, text) for x, y, text in texts(panel) if top < y < low]
    places = sorted((y, text) for x, y, text in rows if 80 < x < 120 and "prior" not in text)
    outs = {y: text for x, y, text in rows if x > 340}
    return [(text, outs.get(next((at for at in outs if abs(at - y) < 3), None), "")) for y, text in places]


@pytest.fixture(scope="module")
def panels():
    """The two priors of the drawing, each from its title to the next."""
    titles = {text.split(":")[0]: y for _, y, text in texts("dalle-2-priors") if text.startswith("prior by")}
    diffusion, codes = titles["prior by diffusion"], titles["prior by codes"]
    return column("dalle-2-priors", diffusion, codes), column("dalle-2-priors", codes, 1e9)


def test_the_places_of_the_diffusion_prior_stand_in_the_order_in_which_they_are_read(panels):
    config = emoji_dalle.CONFIG.prior
    prior = seeded(lambda: DiffusionPrior(config), 0).eval()
    cond, x_t, t = said(config), torch.randn(1, config.embedding), torch.tensor([400])
    sequence, out, answer = read_by(prior, x_t, t, cond)
    with torch.no_grad():
        parts = [(f"token {i + 1}", prior.said.token(cond.tokens)[0, i]) for i in range(LENGTH)]
        parts += [("text embedding", prior.said.embedding(cond.vec)[0]), ("step t", prior.time(t)[0])]
        parts += [("xt", prior.noised(x_t)[0]), ("learned query", prior.query)]
        at_last = prior.out(out[-1])
    read = named(sequence, parts)
    drawn = [name.split(",")[0] for name, _ in panels[0]]
    assert drawn == ["token 1", "token L", *read[LENGTH:]]
    assert torch.allclose(answer[0], at_last, atol=1e-6), "the answer stands at the last place"
    assert [name.split(",")[0] for name, beside in panels[0] if beside] == [read[-1]]
    assert f"{sequence.shape[1]}" in words("dalle-2-priors")
    sizes = {name: f"{vector.shape[-1]}" for name, vector in (("token 1", cond.tokens), ("xt", x_t))}
    assert all(f"{name}, {size}" in [text for text, _ in panels[0]] for name, size in sizes.items())


def test_the_places_of_the_prior_by_codes_stand_in_the_order_in_which_they_are_read(panels):
    config = emoji_dalle.CONFIG.code_prior
    prior = seeded(lambda: CodePrior(config), 0).eval()
    cond, codes = said(config), torch.randint(config.levels, (1, config.codes - 1))
    sequence, out, answer = read_by(prior, codes, cond)
    with torch.no_grad():
        known = prior.value(codes)[0] + prior.place
        parts = [(f"token {i + 1}", prior.said.token(cond.tokens)[0, i]) for i in range(LENGTH)]
        parts += [("text embedding", prior.said.embedding(cond.vec)[0])]
        parts += [(f"code c{k + 1}", known[k]) for k in range(len(known))]
        first = prior.out(out[LENGTH])
    read = named(sequence, parts)
    assert torch.allclose(answer[0, 0], first, atol=1e-5), "the first code is said at the place of the text embedding"
    assert answer.shape[1:] == (config.codes, config.levels)
    drawn = [(name.split(",")[0], beside) for name, beside in panels[1] if name.startswith(("t", "code"))]
    whole, first_code, last_code = read[LENGTH], read[LENGTH + 1], read[-1]
    places = [(whole, "p(c1)"), (first_code, "p(c2)"), (last_code, f"p(c{config.codes})")]
    assert drawn == [("token 1", ""), ("token L", ""), *places]
    assert f"each p holds {config.levels} probabilities;" in words("dalle-2-priors")


@pytest.mark.parametrize("kind", ["prior", "code_prior"])
def test_each_place_reads_itself_and_those_above_it(kind):
    config = getattr(emoji_dalle.CONFIG, kind)
    blocks = [text for text in words("dalle-2-priors") if text.endswith("blocks")]
    assert f"{config.trunk.depth} blocks" in blocks and len(blocks) == 2
    assert config.trunk.causal


def test_dalle_has_the_sizes_of_its_run():
    clip, drawn = emoji_clip.CONFIG, " | ".join(words("dalle-2"))
    with torch.no_grad():
        size = emoji_latent.SIZE
        latent = AutoEncoder(emoji_latent.AUTOENCODER).encode(torch.zeros(1, 3, size, size)).mean
        codes = PrincipalCodes(emoji_dalle.CONFIG.code_prior).encode(torch.zeros(1, clip.embedding))
    assert drawn.count(f"embedding, {clip.embedding}") == 4
    assert f"tokens, L×{clip.text.width}" in drawn
    assert drawn.count(f"latent, {hwc(latent)}") == 2 and drawn.count(f"{codes.shape[1]} codes") == 2
    assert f"{emoji_dalle.CONFIG.side}×{emoji_dalle.CONFIG.side}×3" in drawn and f"image, {size}×{size}×3" in drawn


def test_dalle_names_what_is_frozen_and_what_is_trained():
    stages = {stage.name for stage in emoji_dalle.RUN.stages}
    assert stages == {"prior", "codes", "decoder"}, "three trainings are drawn"
    assert all(not stage.needs for stage in emoji_dalle.RUN.stages[1:]), "each by itself"
    drawn = words("dalle-2")
    assert sum("frozen" in text for text in drawn) == 4  # CLIP and the auto-encoder, in both halves
    assert drawn.count("+ noise") == 2
    target = {"x0": "finds x0", "v": "finds v"}
    schedule = emoji_dalle._schedule()
    for stage, name in ((0, "x0"), (2, emoji_dalle.CONFIG.target)):
        assert emoji_dalle.RUN.stages[stage].objective({}).target == name
        assert target[name] in drawn
    assert emoji_dalle.RUN.stages[0].objective({}).schedule.T == schedule.T


def test_imagen_has_the_sizes_that_it_draws():
    config = emoji_imagen.CONFIG
    tiny = replace(
        config,
        base=replace(config.base, channels=(8, 8, 8)),
        up=tuple(replace(up, channels=(8, 8, 8)) for up in config.up),
    )
    g = torch.Generator().manual_seed(0)

    def reader(prompts):
        tokens = torch.randn(len(prompts), LENGTH, config.base.token_dim, generator=g)
        return Cond(vec=torch.randn(len(prompts), config.base.vec_dim, generator=g), tokens=tokens)

    given = []
    system = Imagen(tiny, text=reader)
    for network in (system.base, *system.up):
        network.register_forward_hook(lambda module, args, kwargs, out: given.append(args), with_kwargs=True)
    images = system.generate(["a"], 1, guidance=1.0, steps=1, stages=True)
    drawn = words("imagen")
    for image in images:
        assert hwc(image) in drawn and f"noise, {hwc(image)}" in drawn
    assert len(given) == len(images)
    for x_t, _, cond in given[1:]:
        assert hwc(x_t) == hwc(cond.concat) and f"{hwc(cond.concat)}," in drawn
        assert int(cond.level[0]) == config.level
    told = [cond is not None and cond.tokens is not None for *_, cond in given]
    assert told == [True, True, False]
    assert drawn.count("is given no text") == told.count(False)
    assert f"tokens, L×{config.base.token_dim}, and a vector, {config.base.vec_dim}" in drawn
    assert f"{config.level} in drawing," in drawn and f"0 to {config.most_level} in training" in drawn


def test_the_four_columns_are_the_four_runs():
    columns = compared.systems()
    assert [column.chapter for column in columns] == ["11", "12", "13", "14"]
    latent = emoji_latent.CONFIG
    side = latent.size // latent.autoencoder.factor
    wanted = [
        [f"{emoji.CONFIG.size}×{emoji.CONFIG.size}×3"],
        [f"{side}×{side}×{latent.autoencoder.latent_channels}"],
        [f"{emoji_dalle.CONFIG.prior.embedding}", f"{side}×{side}×{latent.autoencoder.latent_channels}"],
        [f"{size}×{size}×3" for size in emoji_imagen.CONFIG.sizes],
    ]
    assert [[part.noise for part in column.parts if part and part.noise] for column in columns] == wanted
    configs = (emoji.CONFIG.unet, latent.unet, emoji_dalle.CONFIG.prior, emoji_imagen.CONFIG.base)
    told = [f"$L×{c.token_dim}$, {getattr(c, 'vec_dim', None) or c.embedding}" for c in configs]
    assert [column.told for column in columns] == told
    drawn = words("four-systems")
    assert drawn.count("+") == len(emoji_imagen.CONFIG.up), "noise on what each upscaler is given"
    assert drawn.count("frozen") == 4


def test_text_of_these_drawings_has_twelve_pixels_on_a_phone():
    made = {drawing.name: drawing for drawing in (draw() for draw in DRAWINGS)}
    assert [made[name].least for name in NAMES] == [LARGE] * len(NAMES) and LARGE == 12


def letters(text):
    return re.sub(r"[^a-zé0-9]", "", text.lower())


def test_the_map_has_every_chapter_of_the_book_by_a_word_of_its_title():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [entry["file"] for part in toc["parts"] for entry in part["chapters"] if "notebooks/" in entry["file"]]
    assert sorted(NODES) == [int(file.split("/")[1][:2]) for file in files]
    for file in files:
        number = int(file.split("/")[1][:2])
        title = nbformat.read(ROOT / f"{file}.ipynb", as_version=4).cells[0].source.splitlines()[0]
        for word in re.split(r"[ ,]+", NODES[number][0].replace("ODE", "equation")):
            assert letters(word) in letters(title), (number, word, title)
    numbers = [text for text in words("book-map") if text.isdigit()]
    assert sorted(map(int, numbers)) == sorted(NODES)
