"""Encoders of text alone: the network against transformers', the table of prompts, the random control."""

import json
from importlib.resources import files as package_files

import pytest
import torch
import transformers

from diffusion_edu import files
from diffusion_edu._errors import DataError
from diffusion_edu.files import CheckpointError
from diffusion_edu.nn import TextEncoderConfig
from diffusion_edu.systems import PromptTable, RandomText, SentenceText, emoji_tokenizer
from diffusion_edu.systems import sentences as module
from diffusion_edu.systems.sentence_encoder import NAME, SHA256, encoder_folder, load_encoder
from diffusion_edu.systems.sentences import sentence_reader, sentence_text
from diffusion_edu.systems.text import caption_table, chosen_phrasing

TEXTS = ["a red apple, noto style", "cat", "a much longer text about a cat and a red apple in another style"]
LENGTH = 28


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small BERT with random weights in the files of a real one; its tokenizer asks for padding and a short end."""
    where = tmp_path_factory.mktemp("encoder")
    config = transformers.BertConfig(
        vocab_size=emoji_tokenizer().size,
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=24,
        max_position_embeddings=LENGTH,
    )
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = transformers.BertModel(config)
        for parameter in model.parameters():
            parameter.data.add_(0.3 * torch.randn(parameter.shape))  # normalisations stay near 1
    model.save_pretrained(where)
    content = json.loads(emoji_tokenizer().content)
    content["truncation"] = {"max_length": 4, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    (where / "tokenizer.json").write_text(json.dumps(content))
    return where


@pytest.fixture(scope="module")
def read(folder):
    return SentenceText.load(folder)


def random_text(seed=0, **changes):
    return RandomText(TextEncoderConfig.tiny(vocabulary=emoji_tokenizer().size, length=LENGTH, **changes), seed)


def test_states_are_those_of_transformers(folder, read):
    theirs = transformers.BertModel.from_pretrained(folder).eval()
    ids, mask = read.tokenizer.encode(TEXTS)
    assert ids.shape[1] > 4, "a tokenizer's own limit does not cut"
    with torch.no_grad():
        wanted = theirs(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    assert torch.allclose(read.encoder(ids, mask)[mask], wanted[mask], atol=1e-5)


def test_tokens_are_normalised_and_the_vector_is_the_mean_of_the_states(read):
    cond = read(TEXTS)
    ids, mask = read.tokenizer.encode(TEXTS)
    states = read.encoder(ids, mask)
    for i in range(3):
        mine, own = cond.tokens[i, mask[i]], states[i, mask[i]]
        assert torch.allclose(mine.mean(1), torch.zeros(len(mine)), atol=1e-5)
        assert torch.allclose(mine.var(1, correction=0), torch.ones(len(mine)), atol=1e-3)
        assert torch.allclose(mine * own.std(1, correction=0, keepdim=True) + own.mean(1, keepdim=True), own, atol=1e-4)
        direction = own.mean(0) / own.mean(0).norm()
        assert torch.allclose(cond.vec[i], 4 * direction, atol=1e-5)  # sqrt(16)
    assert torch.equal(cond.mask, mask) and (read.token_dim, read.vec_dim) == (16, 16)


@pytest.mark.parametrize("kind", ["sentence", "random"])
def test_a_text_is_read_alike_alone_and_beside_longer_ones_and_an_empty_one_says_nothing(read, kind):
    reader = read if kind == "sentence" else random_text()
    together = reader([*TEXTS, "", "  "])
    for i, text in enumerate(TEXTS):
        alone, count = reader([text]), int(together.mask[i].sum())
        assert alone.mask.sum() == count
        assert torch.allclose(together.tokens[i, :count], alone.tokens[0], atol=1e-5)
        assert torch.allclose(together.vec[i], alone.vec[0], atol=1e-5)
    assert not together.mask[3:].any() and not together.vec[3:].any()
    assert not torch.allclose(together.vec[0], together.vec[1], atol=0.05)


@pytest.mark.parametrize("kind", ["sentence", "random"])
def test_a_very_long_text_loses_its_end(read, kind):
    reader = read if kind == "sentence" else random_text()
    assert reader(["cat " * 60]).tokens.shape[1] == LENGTH
    assert torch.allclose(reader(["cat " * 60]).vec, reader(["cat " * 50]).vec)


def test_a_random_encoder_is_a_function_of_its_seed_and_learns_nothing():
    one, same, other = random_text(0)(TEXTS), random_text(0)(TEXTS), random_text(1)(TEXTS)
    assert torch.equal(one.tokens, same.tokens) and not torch.allclose(one.tokens, other.tokens, atol=0.1)
    assert not any(p.requires_grad for p in random_text().encoder.parameters())
    assert torch.allclose(one.vec.square().mean(1), torch.ones(3), atol=1e-4)
    with pytest.raises(ValueError, match=r"config\.vocabulary must be at least \d+, got 64"):
        RandomText(TextEncoderConfig.tiny())


# ---- tables of prompts -----------------------------------------------------------------------------------


def same(one, two):
    """Two conditions, up to half precision and padding."""
    length = min(one.tokens.shape[1], two.tokens.shape[1])
    assert torch.equal(one.mask.sum(1), two.mask.sum(1))
    for a, b, count in zip(one.tokens, two.tokens, one.mask.sum(1).tolist()):
        assert count <= length and torch.allclose(a[:count], b[:count], atol=5e-3)
    assert torch.allclose(one.vec, two.vec, atol=5e-3)


def test_a_table_says_what_the_encoder_says(read, tmp_path):
    PromptTable.of(read, TEXTS).write(tmp_path / "states.safetensors", {"encoder": "a test"})
    table = PromptTable.read(tmp_path / "states.safetensors")
    assert table.texts == tuple(TEXTS) and (table.token_dim, table.vec_dim) == (16, 16)
    asked = [TEXTS[2], "", TEXTS[0], "CAT", "a  red apple, Noto style "]
    same(table(asked), read(asked))
    assert table(asked).tokens.dtype == table(asked).vec.dtype == torch.float32
    empty = table(["", " "])
    assert empty.tokens.shape == (2, 1, 16) and not empty.mask.any() and not empty.vec.any()


def test_a_text_that_repeats_another_is_read_once(read):
    asked = []

    def counting(texts):
        asked.extend(texts)
        return read(texts)

    table = PromptTable.of(counting, ["cat", "dog", "Cat", "", "dog"], batch_size=1)
    assert sorted(asked) == ["cat", "dog"] or sorted(asked) == ["Cat", "dog"]
    rows = caption_table(table, [["cat", "dog"], ["dog", "dog"]])
    same(chosen_phrasing(rows, torch.tensor([0, 1])), read(["cat", "dog"]))


def test_a_prompt_that_nobody_can_read_is_named(read):
    table = PromptTable.of(read, TEXTS)
    with pytest.raises(ValueError, match=r"one of the 3 texts .*the nearest is 'cat'.* got 'cats'"):
        table(["cat", "cats"])
    table.otherwise = read
    same(table(["cat", "cats", "", "a dog"]), read(["cat", "cats", "", "a dog"]))


def test_tables_that_are_not_whole_are_named(read, tmp_path):
    table = PromptTable.of(read, TEXTS)
    with pytest.raises(ValueError, match="texts, lengths, vec and tokens must fit each other"):
        PromptTable(["a", "A"], table.tokens, table.lengths[:2], table.vec[:2])
    files.write(tmp_path / "other.safetensors", {"x": torch.zeros(2)}, {})
    with pytest.raises(CheckpointError, match="holds no states of texts"):
        PromptTable.read(tmp_path / "other.safetensors")
    with pytest.raises(TypeError, match="texts must be a list of strings, got 'cat'"):
        table("cat")
    with pytest.raises(ValueError, match="texts must be at least one string"):
        table([])


# ---- what is shipped, and the extra ----------------------------------------------------------------------


@pytest.fixture
def without_the_extra(monkeypatch):
    monkeypatch.setattr("diffusion_edu.systems.sentence_encoder.find_spec", lambda name: None)
    module._shipped.cache_clear()
    sentence_text.cache_clear()
    yield
    module._shipped.cache_clear()
    sentence_text.cache_clear()


def test_the_shipped_prompts_are_read_without_the_encoder(without_the_extra):
    reader = sentence_reader(NAME)
    cond = reader(["a red apple, noto style", ""])
    assert cond.tokens.shape[2] == cond.vec.shape[1] == 384 and cond.mask.any(1).tolist() == [True, False]
    assert torch.allclose(cond.vec[0].square().mean(), torch.tensor(1.0), atol=1e-2)
    with pytest.raises(ValueError, match=r"got 'a yellow submarine'.*pip install 'diffusion-edu\[sentences\]'"):
        reader(["a yellow submarine"])
    with pytest.raises(ImportError, match=r"diffusion-edu\[sentences\]"):
        encoder_folder()
    _, meta = files.read(package_files("diffusion_edu.systems") / "files" / module.STATES)
    assert (meta["encoder"], meta["sha256"]) == (NAME, SHA256)


def test_other_texts_are_read_by_the_encoder_of_the_extra(monkeypatch, without_the_extra):
    asked = []

    def encoder(texts):
        asked.extend(texts)
        n = len(texts)
        return module.Cond(
            vec=torch.ones(n, 384), tokens=torch.ones(n, 2, 384), mask=torch.ones(n, 2, dtype=torch.bool)
        )

    monkeypatch.setattr(module, "sentence_text", lambda: encoder)
    cond = sentence_reader(NAME)(["a yellow submarine", "a red apple, noto style"])
    assert asked == ["a yellow submarine"]
    assert cond.mask.sum(1).tolist()[0] == 2 and torch.equal(cond.vec[0], torch.ones(384))


def test_damaged_files_are_named(folder, tmp_path):
    with pytest.raises(DataError, match="must be the weights of all-MiniLM-L6-v2 with the SHA-256"):
        load_encoder(folder, SHA256)
    with pytest.raises(DataError, match="does not hold a sentence encoder"):
        SentenceText.load(tmp_path)
    for name in ("model.safetensors", "config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(DataError, match=r"does not hold a sentence encoder.*tokenizer\.json"):
        SentenceText.load(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 4}))
    with pytest.raises(DataError, match="does not hold a sentence encoder"):
        load_encoder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "gpt2"}))
    with pytest.raises(DataError, match="a gpt2 with gelu, not a BERT"):
        load_encoder(tmp_path)
