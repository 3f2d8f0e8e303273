"""Words to numbers: a WordPiece vocabulary, learned from texts and kept as one JSON file."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .._arguments import checked, iterable_of_texts
from .._errors import DataError, bad_value

PAD, UNKNOWN, START, END = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


@checked
class Tokenizer:
    """Texts in, token ids out: lower case, cut at spaces and punctuation, rare words in pieces ("top", "##hat").

    Every text becomes [CLS] pieces [SEP]; shorter ones of a batch are filled up with [PAD], whose id is 0.

    Args:
        content: JSON as :attr:`content` holds it.
        first: its first tokens, with the ids 0, 1, ...; another BERT's vocabulary may have [PAD] alone there.

    Raises:
        DataError: the JSON is damaged, or is that of another kind of tokenizer.
        ImportError: the library `tokenizers` is not installed.

    Source: Wu et al. 2016, section 4.1, as in Devlin et al. 2019.
    """

    def __init__(self, content: str, first: Sequence[str] = SPECIAL) -> None:
        library = _library()
        try:
            self._pieces = library.Tokenizer.from_str(content)
        except Exception as error:  # the library raises plain Exception
            raise DataError(f"the tokenizer's JSON is damaged: {error}") from error
        if [self._pieces.token_to_id(token) for token in first] != list(range(len(first))):
            raise DataError(f"the tokenizer's first tokens must be {', '.join(first)}")
        self._pieces.no_padding()  # a file may ask for both; :meth:`encode` sees to them
        self._pieces.no_truncation()

    @classmethod
    @checked(texts=iterable_of_texts)
    def train(cls, texts: Iterable[str], size: int = 2048) -> Tokenizer:
        """Learn a vocabulary: all letters, then the pieces that shorten the texts most. Same texts, same vocabulary.

        Args:
            texts: what it has to write.
            size: most tokens; fewer when the texts have no more pieces.

        Raises:
            ValueError: size has no room for the letters of the texts.
        """
        library = _library()
        texts = list(texts)
        empty = _empty({token: i for i, token in enumerate(SPECIAL)})
        words = [word for text in texts for word, _ in _split(empty, text)]
        letters = sorted(set("".join(words)))
        # Given as special tokens the letters have fixed ids, and so do ties: left alone, the library takes them in
        # the order of a hash table, which is another one in each run.
        fixed = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters)]
        if size < len(fixed):
            raise bad_value("size", size, f"at least {len(fixed)}, for the {len(letters)} letters of the texts")
        trainer = library.trainers.WordPieceTrainer(vocab_size=size, special_tokens=fixed, show_progress=False)
        empty.train_from_iterator(words, trainer)
        return cls(_empty(empty.get_vocab(with_added_tokens=True)).to_str())

    @classmethod
    @checked
    def read(cls, path: str | Path) -> Tokenizer:
        """The tokenizer in a file that holds :attr:`content`.

        Raises:
            FileNotFoundError: no such file.
            DataError: as the constructor.
        """
        return cls(Path(path).read_text(encoding="utf-8"))

    @property
    def content(self) -> str:
        """The JSON that makes this tokenizer again, here and in a web page."""
        return self._pieces.to_str()

    @property
    def size(self) -> int:
        """Number of tokens; ids run from 0 to size - 1."""
        return self._pieces.get_vocab_size()

    @property
    def vocabulary(self) -> list[str]:
        """The tokens in the order of their ids."""
        tokens = self._pieces.get_vocab()
        return sorted(tokens, key=tokens.__getitem__)

    @checked
    def encode(self, texts: Sequence[str], length: int | None = None) -> tuple[Tensor, Tensor]:
        """Texts as numbers.

        Args:
            texts: B texts.
            length: L, where it must be a certain one; longer texts lose their end, though not the last token [SEP].

        Returns:
            ids (B, L) int64 and mask (B, L) bool, True for real tokens. Without a length L is that of the longest.

        Raises:
            TypeError: texts is one string, or holds something else.
            ValueError: no text, or a length below 2.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TypeError(f"texts must be a list of strings, got {texts!r}")
        if len(texts) == 0:
            raise bad_value("texts", list(texts), "at least one string")
        if length is not None and length < 2:
            raise bad_value("length", length, "at least 2, for [CLS] and [SEP]")
        rows = [self._pieces.encode(text).ids for text in texts]
        if length is not None:
            rows = [row if len(row) <= length else [*row[: length - 1], row[-1]] for row in rows]
        width = length or max(map(len, rows))
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        mask = torch.arange(width) < torch.tensor([[len(row)] for row in rows])
        return ids, mask

    @checked
    def encode_within(self, texts: Sequence[str], most: int) -> tuple[Tensor, Tensor]:
        """As :meth:`encode`, with L that of the longest text, or `most` where that is less.

        Warns:
            UserWarning: a text has more tokens than `most`, and loses its end.
        """
        ids, mask = self.encode(texts)
        if ids.shape[1] <= most:
            return ids, mask
        first = texts[int((mask.sum(1) > most).nonzero()[0])]
        warnings.warn(f"a text of more than {most} tokens loses its end: {first[:40]!r}", stacklevel=3)
        return self.encode(texts, most)

    @checked
    def pieces(self, text: str) -> list[str]:
        """What a text is cut into, [CLS] and [SEP] included."""
        return self._pieces.encode(text).tokens

    @checked
    def words(self, text: str) -> list[str]:
        """What a text is cut into before rare words fall into pieces: lower case, signs on their own."""
        return [word for word, _ in _split(self._pieces, text)]


@cache
def emoji_tokenizer() -> Tokenizer:
    """The vocabulary of the emoji's captions, shipped with the package; made by `tools/make_vocabulary.py`."""
    file = files("diffusion_edu.systems") / "files" / "emoji_words.json"
    return Tokenizer(file.read_text(encoding="utf-8"))


def _library() -> Any:
    try:
        import tokenizers
        import tokenizers.models
        import tokenizers.normalizers
        import tokenizers.pre_tokenizers
        import tokenizers.processors
        import tokenizers.trainers
    except ImportError as error:
        raise ImportError(f"texts need the library `tokenizers`: pip install tokenizers ({error})") from error
    return tokenizers


def _empty(vocabulary: dict[str, int]) -> Any:
    """A tokenizer of the library with these tokens."""
    library = _library()
    pieces = library.Tokenizer(library.models.WordPiece(vocabulary, unk_token=UNKNOWN))
    pieces.normalizer = library.normalizers.BertNormalizer()
    pieces.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    ends = (END, vocabulary[END]), (START, vocabulary[START])
    pieces.post_processor = library.processors.BertProcessing(*ends)
    return pieces


def _split(pieces: Any, text: str) -> list[tuple[str, tuple[int, int]]]:
    return pieces.pre_tokenizer.pre_tokenize_str(pieces.normalizer.normalize_str(text))
