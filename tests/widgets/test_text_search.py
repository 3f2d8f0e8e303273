"""The search of pictures by words: the page's tokens, embeddings, ranking and loss are those of the package."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from chromium import PATIENCE, wait_until
from kernel import answer, mount

from diffusion_edu import files
from diffusion_edu.data import emoji
from diffusion_edu.data.emoji import read_names
from diffusion_edu.nn import TextEncoderConfig
from diffusion_edu.pretrained import WEIGHTS, load
from diffusion_edu.systems import clip_loss, emoji_tokenizer
from diffusion_edu.systems.clip import CLIP, CLIPConfig
from diffusion_edu.systems.text import encode_texts
from diffusion_edu.widgets import TextSearch
from diffusion_edu.widgets.model import tower as text_tower
from diffusion_edu.widgets.search.captions import caption_words, phrases
from diffusion_edu.widgets.search.widget import WORDS

FILE = WEIGHTS / "emoji-clip.safetensors"
HARD = [
    *(
        "",
        " ",
        "CAFÉ",
        "naïve piñata",
        "o'clock",
        "well-known jack-o'-lantern",
        "a_b",
        "$5+3=8",
        "“quoted”",
        "x\u0301y",
    ),
    *(
        "İstanbul",
        "ΟΔΟΣ",
        "日本 語",
        "🥰 heart",
        "a\u200bb",
        "tab\tand\nline",
        "\x85a\xa0b",
        "½ ﬁ ß Æ ×",
        "♪ ✓ 〒",
        "no—dash",
    ),
    *("a" * 100, "a" * 101, "a " * 60, "[CLS] [PAD] ##a", "\ufffd\0a", "Ǆ K Å"),
]
MODULES = """
const [pieces, encoder, ranking, results, tower] = await Promise.all(
  ["maths/word_pieces", "maths/text_encoder", "maths/ranking", "search/words", "model/tower"].map((n) => load(n)));
const read = async ({words, heads, ...rest}) => {
  const [t, e] = [pieces.makeTokenizer(words), encoder.makeTextEncoder(await tower.unpackTower(rest), heads)];
  return (text) => e.encode(t.encode(text).ids);
};
const rows = (code) => ranking.directions(kit.bytesFromBase64(code), 128);
"""


@pytest.fixture(scope="module")
def widget() -> TextSearch:
    return TextSearch()


@pytest.fixture(scope="module")
def clip() -> CLIP:
    return load(FILE)


@pytest.fixture(scope="module")
def tower() -> dict:
    return text_tower.tower_of_file(FILE, WORDS)


def random_texts(count: int) -> list[str]:
    """Letters of many scripts, signs, spaces and control characters, at random."""
    rng = random.Random(0)
    ranges = [
        (0x20, 0x7F),
        (0x20, 0x7F),
        (0xA0, 0x250),
        (0x300, 0x36F),
        (0x370, 0x530),
        (0x2000, 0x2070),
        (0x4E00, 0x4F00),
    ]
    return ["".join(chr(rng.randrange(*rng.choice(ranges))) for _ in range(rng.randrange(1, 25))) for _ in range(count)]


def test_tokens_are_those_of_the_library(js) -> None:
    captions = sorted({*emoji("train").captions, *emoji("test").captions, *emoji("train").described(3)})
    assert len(captions) > 5000
    texts = [*captions, *HARD, *random_texts(500)]
    tokenizer = emoji_tokenizer()
    code = f"{MODULES}const t = pieces.makeTokenizer(data.words); result = data.texts.map((x) => t.encode(x).ids)"
    found = js(code, {"words": tokenizer.vocabulary, "texts": texts})
    ids, mask = tokenizer.encode(texts, 32)
    wrong = [text for text, row, real, got in zip(texts, ids, mask, found) if row[real].tolist() != list(map(int, got))]
    assert wrong == []
    assert any(row[real].eq(1).any() for row, real in zip(ids, mask)), "some of the texts hold unknown signs"


def test_words_are_split_as_in_python(js) -> None:
    code = f"{MODULES}result = data.map(pieces.splitWords)"
    assert js(code, HARD) == [emoji_tokenizer().words(text) for text in HARD]


def test_embeddings_are_those_of_pytorch(js, clip, tower) -> None:
    captions = emoji("test").captions
    texts = [
        *captions[:: len(captions) // 40],
        "xylophone",
        "日本",
        "",
        "a very " * 20,
        "Zürich!",
        "a blue heart",
        *HARD[10:16],
    ]
    assert len(texts) >= 50
    code = f"{MODULES}result = data.texts.map(await read(data.tower))"
    found = torch.tensor([list(map(float, row)) for row in js(code, {"tower": tower, "texts": texts})])
    ids, mask = emoji_tokenizer().encode(texts, 32)
    with torch.no_grad():
        wanted = torch.stack([clip.encode_text(i[m][None], m[m][None])[0] for i, m in zip(ids, mask)])
    difference = (found - wanted).abs().max().item()
    print(f"{len(texts)} texts: largest difference {difference:.1e}")
    assert difference < 1e-6
    assert found.norm(dim=1).sub(1).abs().max() < 1e-6
    assert (found[0] - found[1]).abs().max() > 0.01


def test_embeddings_of_a_network_of_other_sizes(js) -> None:
    """Widths that no loop divides evenly; three blocks; weights that are random, so that nothing hides."""
    text = TextEncoderConfig.small(vocabulary=emoji_tokenizer().size, width=18, depth=3, heads=3, ratio=3, length=9)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = CLIP(CLIPConfig.tiny(embedding=7, text=text)).eval()
        for value in model.parameters():
            value.data = torch.randn_like(value).mul(0.3).half().float()
    state = [(name, list(v.shape), v.half().numpy().tobytes()) for name, v in model.state_dict().items()]
    found = text_tower.tower(state, heads=3, words=emoji_tokenizer().vocabulary)
    rows = [[2, 3], [2, 40, 500, 3], [2, 7, 8, 9, 1, 1999, 30, 31, 3]]
    code = f"""{MODULES}
    const e = encoder.makeTextEncoder(await tower.unpackTower(data.tower), data.tower.heads);
    result = [e.length, ...data.rows.map(e.encode)]"""
    length, *got = js(code, {"tower": found, "rows": rows})
    assert int(length) == 9
    for ids, embedding in zip(rows, got):
        with torch.no_grad():
            wanted = model.encode_text(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.bool))[0]
        assert (torch.tensor(list(map(float, embedding))) - wanted).abs().max() < 2e-6


def test_half_precision_and_gelu(js) -> None:
    bits = np.array([0, 1, 0x3FF, 0x400, 0x3C00, 0xC000, 0x7BFF, 0x8001, 0x3555], dtype=np.uint16)
    x = torch.linspace(-6, 6, 101, dtype=torch.float64)
    half, gelu = js(
        f"{MODULES}result = [data[0].map(encoder.fromHalf), data[1].map(encoder.gelu)]", [bits.tolist(), x.tolist()]
    )
    assert list(map(float, half)) == bits.view(np.float16).astype(float).tolist()
    assert np.abs(np.array(gelu, dtype=float) - torch.nn.functional.gelu(x).numpy()).max() < 3e-7


def test_ranking_is_that_of_python(js, widget, tower) -> None:
    asked = ["a blue heart", "shark", "the moon, noto style", "xylophone", "an open book", "Piñata"]
    code = f"""{MODULES}
    const d = data.payload, encode = await read(data.tower), pictures = rows(d.pictures);
    result = data.asked.map((words) => {{
      const own = ranking.phrases(words, d.styles);
      const v = ranking.meanDirection(own.map(encode));
      const cosines = pictures.map((row) => ranking.dot(row, v));
      return [own, ranking.ranked(cosines).slice(0, 12).map((i) => [d.captions[i], cosines[i]])];
    }})"""
    found = js(code, {"payload": json.loads(widget.payload), "tower": tower, "asked": asked})
    for words, (own, best) in zip(asked, found):
        assert own == phrases(words, ("fluent", "noto", "twemoji"))
        wanted = widget.search(words, 12)
        assert [name for name, _ in best] == [name for name, _ in wanted]
        assert [float(cosine) for _, cosine in best] == pytest.approx([cosine for _, cosine in wanted], abs=1e-6)
    assert widget.search("a blue heart")[0][0] == "a blue heart, noto style"


def test_a_search_is_asked_in_the_form_of_the_captions() -> None:
    styles = ("noto", "fluent")
    assert phrases(" apple ", styles) == ["an apple, noto style", "an apple, fluent style"]
    assert phrases("The Sun", styles) == ["The Sun, noto style", "The Sun, fluent style"]
    assert phrases("red apple, noto style", styles) == ["red apple, noto style"]
    assert phrases("", styles) == [""]


def test_search_finds_what_training_never_saw(widget) -> None:
    """Every third of the held-out pictures, asked for by its name, is among the first five of 192."""
    data, hits = widget._data, []
    for i in [i for i, flag in enumerate(widget._unseen) if flag][::3]:
        found = [caption for caption, _ in widget.search(data.captions[i].rsplit(", ", 1)[0], 5)]
        hits.append(data.captions[i] in found)
    assert np.mean(hits) > 0.6


def test_bytes_keep_the_directions(widget, clip) -> None:
    with torch.no_grad():
        exact = clip.encode_image(widget._data.pixels / 127.5 - 1)
        texts = encode_texts(clip, widget._data.captions)
    for through, full in ((widget._pictures, exact), (widget._texts, texts)):
        assert (through @ full.T - full @ full.T).abs().max() < 0.01
        assert (through * full).sum(1).min() > 0.9998


@pytest.mark.parametrize("temperature", [0.01, 0.07, 1.0])
def test_loss_of_the_batch_is_that_of_the_package(js, widget, temperature) -> None:
    code = f"""{MODULES}const chosen = (code) => data.batch.map((i) => rows(code)[i]);
    result = ranking.contrast(chosen(data.pictures), chosen(data.texts), data.temperature)"""
    payload = json.loads(widget.payload)
    for batch in (payload["batches"]["mixed"], payload["batches"]["alike"], [5, 180]):
        found = js(code, {**payload, "batch": batch, "temperature": temperature})
        image, text = (part[batch] for part in (widget._pictures, widget._texts))
        widget.batch, widget.temperature = batch, temperature
        scaled = image.double() @ text.double().T / temperature
        assert float(found["loss"]) == pytest.approx(widget.loss, abs=2e-5)
        assert float(found["loss"]) == pytest.approx(float(clip_loss(image, text, -np.log(temperature))), abs=2e-5)
        assert float(found["loss"]) == pytest.approx((float(found["pictureLoss"]) + float(found["textLoss"])) / 2)
        for name, wanted in (
            ("rows", scaled.softmax(1)),
            ("columns", scaled.softmax(0)),
            ("cosines", scaled * temperature),
        ):
            assert torch.allclose(
                torch.tensor([[float(v) for v in row] for row in found[name]]).double(), wanted, atol=1e-5
            )
        right = torch.arange(len(batch))
        assert int(found["pictureRight"]) == (scaled.argmax(1) == right).sum()
        assert int(found["textRight"]) == (scaled.argmax(0) == right).sum()


def test_what_it_cannot_read_is_said(js, tower) -> None:
    code = f"""{MODULES}const t = pieces.makeTokenizer(data.words);
    result = data.texts.map((x) => results.readingNotes(t.encode(x), new Set(data.known)))"""
    texts = ["a red apple", "a xylophone", "日 apple"]
    plain, rare, sign = js(code, {"words": tower["words"], "texts": texts, "known": caption_words()})
    assert plain == []
    assert len(rare) == 1 and "“xylophone” stands in no caption" in rare[0] and "##phone" in rare[0]
    assert len(sign) == 1 and "“日”" in sign[0] and "[UNK]" in sign[0]


def test_a_name_that_no_image_has_is_noticed(js) -> None:
    code = f"{MODULES}result = data.asked.map((q) => Number(results.isNamed(q, data.names, ['noto'])))"
    asked = ["a dog", "Dogs, noto style", "the", "", "a man with a beard", "a unicorn", "no cat", "a noto style"]
    found = js(code, {"asked": asked, "names": ["a dog", "a man, beard", "houses"]})
    assert list(map(int, found)) == [1, 1, 1, 1, 1, 0, 0, 1]


def test_completions(js) -> None:
    code = f"{MODULES}result = data.map(([typed, names, words]) => ranking.completions(typed, names, words))"
    names, words = ["a red heart", "a heart on fire", "a blue heart"], ["heart", "red", "hearth", "rest", "he"]
    found = js(code, [[typed, names, words] for typed in ("", "hea", "a blue hea", "Red H", "heart", "zz")])
    empty, begun, name, capital, whole, nothing = found
    assert empty == nothing == []
    assert begun[:3] == ["a red heart", "a blue heart", "a heart on fire"] and begun[3:] == ["heart", "hearth"]
    assert name == ["a blue heart", "a blue hearth"]
    assert capital == ["a red heart", "red heart", "red hearth", "red he"]
    assert "heart" not in whole and "hearth" in whole


def test_pictures_are_half_new_and_each_another_thing(widget) -> None:
    file = Path(read_names.__globals__["__file__"]).parent / "files/emoji/held_out.json"
    held_out = {tuple(key) for key in json.loads(file.read_text(encoding="utf-8"))}
    code = {(entry["style"], entry["label"]): entry["hexcode"] for entry in read_names()}
    data, unseen = widget._data, widget._unseen
    assert (len(data.names), sum(unseen)) == (192, 96)
    assert len(set(data.names)) == 192
    styles = [data.classes[label] for label in data.labels.tolist()]
    assert [(style, code[style, name]) in held_out for style, name in zip(styles, data.names)] == unseen
    assert min(np.bincount(data.labels.numpy())) > 55
    assert {"dog", "cat"} <= set(data.names)
    for name in ("a dog", "a cat"):
        assert widget.search(name)[0][0].startswith(f"{name}, ")


def test_words_for_completion_are_those_of_training(widget) -> None:
    travelled = json.loads(widget.payload)["words"].split(" ")
    assert travelled == caption_words()
    assert {"apple", "heart", "style"} <= set(travelled) and "xylophone" not in travelled


def test_the_page_stays_light(widget) -> None:
    assert len(zlib.compress(widget.html().encode(), 6)) < 130_000
    picture, alt = widget._picture()
    assert len(picture) < 20_000
    assert "a blue heart: a blue heart, noto style (0.8" in alt


def test_stored_answers_are_those_of_a_search(widget) -> None:
    stored = json.loads(widget.payload)["stored"]
    assert len(stored) >= 5
    for one in stored:
        wanted = widget.search(one["query"], len(one["best"]))
        assert [widget._data.captions[i] for i, _ in one["best"]] == [caption for caption, _ in wanted]
        assert [cosine for _, cosine in one["best"]] == pytest.approx([c for _, c in wanted], abs=1e-4)


def test_the_tower_is_the_same_from_file_and_model_and_needs_no_library(widget, clip, tower, tmp_path) -> None:
    model = TextSearch(clip)
    assert widget._tower == model._tower == tower
    full = tmp_path / "full.safetensors"
    tensors, meta = files.read(FILE)
    files.write(full, {name: value.float() for name, value in tensors.items()}, meta)
    assert text_tower.tower_of_file(full, WORDS) == tower
    code = (
        "import sys, importlib.util as u; from pathlib import Path; s = u.spec_from_file_location('t', sys.argv[1]);"
        "m = u.module_from_spec(s); s.loader.exec_module(m);"
        "print(m.tower_of_file(Path(sys.argv[2]), Path(sys.argv[3]))['id']);"
        "assert not {'torch', 'numpy', 'diffusion_edu'} & set(sys.modules)"
    )
    run = [sys.executable, "-I", "-S", "-c", code, text_tower.__file__, str(FILE), str(WORDS)]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.stdout.strip() == tower["id"], done.stderr
    changed = CLIP(CLIPConfig.from_dict(clip.config.to_dict()))
    assert TextSearch(changed)._tower["id"] != tower["id"]


def test_a_file_of_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match=r"fashion-classifier.safetensors must hold a CLIP, got Classifier"):
        text_tower.tower_of_file(WEIGHTS / "fashion-classifier.safetensors", WORDS)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"batch": [1]}, r"batch must hold 2\.\.10 different images, got \[1\]"),
        ({"batch": [1, 1]}, "batch must hold"),
        ({"batch": list(range(11))}, "batch must hold"),
        ({"batch": [0, 192]}, r"batch must be an integer in 0\.\.191, got 192"),
        ({"temperature": 0.0}, r"temperature must be in 0\.01\.\.1, got 0\.0"),
        ({"temperature": float("nan")}, "temperature must be"),
        ({"data": emoji("test")}, "unseen must hold one bool per image, 480 in all, got 0"),
    ],
)
def test_mistakes_are_told(change, told, clip) -> None:
    with pytest.raises(ValueError, match=told):
        TextSearch(clip, **change)


def test_a_missing_file_is_told() -> None:
    with pytest.raises(ValueError, match=r"model must be one of .*emoji-clip.* got 'no-such.safetensors'"):
        TextSearch("no-such.safetensors")


STATE = "document.querySelector('.de-widget').state"


@pytest.fixture
def page(chromium):
    problems: list[str] = []
    page = chromium.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.set_content("<!doctype html><html lang=en><body></body></html>")
    yield page
    page.close()
    assert problems == []


@pytest.mark.browser
def test_with_a_kernel_the_page_gets_its_encoder_and_both_follow_each_other(page, widget) -> None:
    asked = []

    def ask(content, buffers):
        asked.append(content)
        return answer(widget, content, buffers)

    mount(page, widget, ask)
    wait_until(page, f"{STATE}.source === 'stored'")
    assert asked == []
    page.locator("[data-role=query]").fill("shark")
    wait_until(page, f"{STATE}.source === 'page'")
    assert asked == [{"wanted": "tower"}]
    found = page.evaluate(STATE)
    wanted = widget.search("shark", 192)
    assert [widget._data.captions[i] for i, _ in found["ranking"]] == [caption for caption, _ in wanted]
    wait_until(page, "model.saved.query === 'shark'")
    page.evaluate("model.push('query', 'a rose'); model.push('batch', [3, 4, 5]); model.push('temperature', 0.5)")
    wait_until(page, f"{STATE}.query === 'a rose' && {STATE}.batch.length === 3 && {STATE}.temperature === 0.5")
    assert page.locator("[data-role=query]").input_value() == "a rose"
    assert page.locator("[data-role=matrix] tbody tr").count() == 3
    best = page.evaluate(f"{STATE}.ranking[0][0]")
    assert widget._data.captions[best] == widget.search("a rose")[0][0]
    page.locator("[data-role=result]").first.click()
    wait_until(page, f"model.saved.batch.length === 4 && model.saved.batch[3] === {best}")
    page.evaluate("leave()")
    assert page.evaluate("Object.values(model.listeners).flat().length") == 0
    assert page.locator(".de-panel").count() == 0


@pytest.mark.browser
def test_another_encoder_than_the_pictures_is_refused(page, widget) -> None:
    mount(page, widget, lambda content, buffers: ({"tower": {**widget._tower, "id": "other"}}, [""]))
    page.locator("[data-role=load]").click()
    wait_until(page, f"{STATE}.phase === 'failed'")
    assert "not the one that goes with these images" in page.locator("[role=alert]").inner_text()
    assert page.evaluate(STATE)["source"] == "stored"
