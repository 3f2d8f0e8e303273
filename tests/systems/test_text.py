"""Texts as conditions: what a frozen CLIP hands to a generator, alone, in a batch and from a table."""

import math

import pytest
import torch

import diffusion_edu as de
from diffusion_edu.systems.text import (
    ClipText,
    caption_table,
    chosen_phrasing,
    encode_texts,
    known_words,
    unknown_words,
)
from diffusion_edu.systems.tokenizer import emoji_tokenizer

TEXTS = ["a red apple, noto style", "cat", "a woman mountain biking with medium skin tone, twemoji style"]


@pytest.fixture(scope="module")
def read():
    return ClipText(de.load("emoji-clip"))


def test_tokens_mask_and_vector_are_those_of_the_clip(read):
    cond = read(TEXTS)
    assert cond.tokens.shape == (3, cond.mask.shape[1], read.token_dim)
    assert cond.vec.shape == (3, read.vec_dim)
    assert cond.mask.sum(1).tolist() == sorted(
        cond.mask.sum(1).tolist(), key=lambda n: cond.mask.sum(1).tolist().index(n)
    )
    assert torch.allclose(cond.vec.square().mean(1), torch.ones(3), atol=1e-5)


def test_one_text_is_no_list_of_its_letters(read):
    """The report behind it: "apple" gave five embeddings, and no text torch.cat's own error."""
    for call in (lambda: encode_texts(read.clip, "apple"), lambda: read("apple"), lambda: unknown_words("apple")):
        with pytest.raises(TypeError, match="texts must be a list of strings, got 'apple'"):
            call()
    with pytest.raises(ValueError, match=r"texts must be a list of strings, at least one, got \[\]"):
        encode_texts(read.clip, [])


def test_the_vector_points_where_the_embedding_does(read):
    embedding = read.clip.encode_text(*emoji_tokenizer().encode(TEXTS))
    assert torch.allclose(read(TEXTS).vec, embedding * math.sqrt(read.vec_dim), atol=1e-5)


def test_a_text_is_read_alike_alone_and_beside_longer_ones(read):
    together = read(TEXTS)
    for i, text in enumerate(TEXTS):
        alone = read([text])
        length = alone.mask.shape[1]
        assert torch.equal(together.mask[i].nonzero(), alone.mask[0].nonzero())
        assert torch.allclose(together.tokens[i, :length], alone.tokens[0], atol=1e-5)
        assert torch.allclose(together.vec[i], alone.vec[0], atol=1e-5)


def test_an_empty_text_says_nothing(read):
    cond = read(["", "a red apple", "  "])
    assert cond.mask.any(1).tolist() == [False, True, False]
    assert not cond.vec[0].any()
    assert cond.vec[1].any()
    nothing = cond.nothing()
    assert torch.equal(nothing.mask[0], cond.mask[0])
    assert torch.equal(nothing.vec[0], cond.vec[0])


def test_a_very_long_text_loses_its_end(read):
    with pytest.warns(UserWarning, match=f"more than {read.length} tokens loses its end: 'apple apple"):
        cond = read(["apple " * 500])
    assert cond.tokens.shape[1] == read.clip.config.text.length
    with pytest.warns(UserWarning, match="loses its end"):
        assert torch.allclose(cond.vec, read(["apple " * 499]).vec)


def test_a_table_holds_what_reading_would_give(read):
    table = caption_table(read, [TEXTS, TEXTS[::-1]])
    longest = table["mask"].shape[2]
    assert table["tokens"].shape == (3, 2, longest, read.token_dim)
    assert table["tokens"].dtype == table["vec"].dtype == torch.float16
    chosen = chosen_phrasing(table, torch.tensor([0, 1, 1]))
    fresh = read([TEXTS[0], TEXTS[1], TEXTS[0]])
    for i in range(3):
        count = int(fresh.mask[i].sum())
        assert torch.equal(chosen.mask[i].nonzero(), fresh.mask[i].nonzero())
        assert torch.allclose(chosen.tokens[i, :count], fresh.tokens[i, :count], atol=5e-3)
    assert torch.allclose(chosen.vec, fresh.vec, atol=5e-3)


def test_words_that_no_caption_holds_are_named_once():
    assert unknown_words(["a red apple, noto style", "two xylograph apples, xylograph 42!"]) == ["xylograph", "apples"]
    assert unknown_words(["", "A Red Apple"]) == []
    assert {"apple", "noto", "style", "with", "fruit"} <= known_words()


def test_what_is_no_list_of_texts_is_refused(read):
    with pytest.raises(TypeError, match="texts must be a list of strings, got 'cat'"):
        read("cat")
    with pytest.raises(ValueError, match="texts must be at least one string"):
        read([])


def test_a_clip_reads_texts_as_they_are():
    """In one line, as the front of the package promises: equal to the tokens by hand, and a long text loses its end."""
    clip = de.load("emoji-clip")
    ids, mask = emoji_tokenizer().encode(["a red apple", "dog"])
    assert torch.equal(clip.encode_text(["a red apple", "dog"]), clip.encode_text(ids, mask))
    assert clip.encode_text(["apple " * 100]).shape == (1, clip.config.embedding)
