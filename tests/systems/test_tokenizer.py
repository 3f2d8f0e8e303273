"""The tokenizer: what it makes of texts, and that the shipped vocabulary is what its script makes."""

import sys

import pytest
import torch
from loading import ROOT, load_file

from diffusion_edu._errors import DataError
from diffusion_edu.data import emoji
from diffusion_edu.systems import Tokenizer, emoji_tokenizer
from diffusion_edu.systems.tokenizer import SPECIAL

TEXTS = ["a red apple, noto style", "a red apple", "a green apple", "two green snakes", "red, red, red"]


@pytest.fixture(scope="module")
def small():
    return Tokenizer.train(TEXTS, 60)


def script():
    return load_file("tools/make_vocabulary.py")


def test_texts_become_padded_rows(small):
    ids, mask = small.encode(["a red apple", "red"])
    assert ids.dtype == torch.int64
    assert mask.dtype == torch.bool
    assert ids.shape == mask.shape
    assert (ids[:, 0] == 2).all(), "[CLS]"
    assert mask.sum(1).tolist() == [len(small.pieces("a red apple")), len(small.pieces("red"))]
    assert torch.equal(ids != 0, mask), "padding is 0, and nothing else is"
    for row, real in zip(ids, mask):
        assert row[real][-1] == 3, "[SEP]"


def test_pieces_spell_the_text(small):
    assert "".join(p.removeprefix("##") for p in small.pieces("Two RED snakes")[1:-1]) == "tworedsnakes"
    assert small.pieces("red")[1:-1] == ["red"], "a frequent word is one token"
    assert small.pieces("green,red")[-3:-1] == [",", "red"], "a comma stands alone"
    assert small.pieces("☃")[1:-1] == ["[UNK]"]


def test_a_given_length_pads_and_cuts_and_keeps_the_end(small):
    ids, mask = small.encode(["a red apple, noto style", "red"], length=4)
    assert ids.shape == (2, 4)
    assert ids[0, -1] == 3
    assert mask[0].all()
    assert ids[1].tolist()[2:] == [3, 0]
    assert torch.equal(ids[0, :3], small.encode(["a red apple, noto style"])[0][0, :3])
    assert small.encode(["red"], length=9)[0].shape == (1, 9)


def test_it_travels_as_json(small, tmp_path):
    (tmp_path / "words.json").write_text(small.content, encoding="utf-8")
    again = Tokenizer.read(tmp_path / "words.json")
    assert again.content == small.content
    assert torch.equal(again.encode(TEXTS)[0], small.encode(TEXTS)[0])
    assert small.vocabulary[:4] == list(SPECIAL)
    assert len(small.vocabulary) == small.size <= 60


def test_the_same_texts_make_the_same_vocabulary(small):
    """In the same process and whatever the order of the texts."""
    assert Tokenizer.train(TEXTS[::-1], 60).content == small.content


@pytest.mark.slow
def test_the_shipped_vocabulary_is_what_the_script_makes(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["make_vocabulary.py", "--out", str(tmp_path / "words.json")])
    script().main()
    shipped = ROOT / "src/diffusion_edu/systems/files/emoji_words.json"
    assert (tmp_path / "words.json").read_bytes() == shipped.read_bytes()


def test_the_shipped_vocabulary_can_write_every_caption():
    tokenizer, unknown = emoji_tokenizer(), 1
    for split in ("train", "test"):
        data = emoji(split)
        for seed in (None, 3, 99):
            ids, mask = tokenizer.encode(data.described(seed))
            assert not (ids == unknown).any()
            assert mask.sum(1).max() <= 32
    assert tokenizer.size == 2048
    for style in data.classes:
        assert tokenizer.pieces(style)[1:-1] == [style]


@pytest.mark.parametrize(
    ("texts", "length", "error", "words"),
    [
        ("a red apple", None, TypeError, ["texts", "list of strings", "'a red apple'"]),
        (["a", 3], None, TypeError, ["texts", "3"]),
        ([], None, ValueError, ["texts", "at least one"]),
        (["a"], 1, ValueError, ["length", "at least 2", "1"]),
    ],
)
def test_texts_that_are_none_are_named(small, texts, length, error, words):
    with pytest.raises(error) as caught:
        small.encode(texts, length)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("content", ["", "{}", "nonsense"])
def test_damaged_json_is_named(content):
    with pytest.raises(DataError, match="tokenizer's JSON is damaged"):
        Tokenizer(content)


def test_a_vocabulary_with_other_first_tokens_is_refused(small):
    with pytest.raises(DataError, match=r"first tokens must be \[PAD\]"):
        Tokenizer(small.content.replace("[PAD]", "[NIL]"))


def test_a_vocabulary_of_another_kind_is_read_where_it_is_asked_for(small):
    """Its own padding and its own limit would change what encode says of masks and lengths."""
    import json

    content = json.loads(small.content.replace("[UNK]", "[NIL]"))
    content["model"]["unk_token"] = "[NIL]"
    content["truncation"] = {"max_length": 3, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    padding = {"strategy": {"Fixed": 30}, "direction": "Right", "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}
    other = Tokenizer(json.dumps({**content, "padding": {**padding, "pad_to_multiple_of": None}}), first=["[PAD]"])
    for one, two in zip(other.encode(TEXTS), small.encode(TEXTS)):
        assert torch.equal(one, two)


def test_a_vocabulary_without_room_for_the_letters_is_refused():
    with pytest.raises(ValueError, match=r"size must be at least \d+, for the \d+ letters of the texts, got 10"):
        Tokenizer.train(TEXTS, 10)


def test_a_missing_library_is_named(monkeypatch, small):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match="pip install tokenizers"):
        Tokenizer(small.content)


def test_the_library_is_imported_only_when_needed():
    import subprocess

    code = "import sys, diffusion_edu.systems; print('tokenizers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
