"""Make the vocabulary of the emoji's captions: `python tools/make_vocabulary.py`. Same captions, same file.

It learns from the captions of the training split in all their phrasings; the test split has the same names.
"""

import argparse
from pathlib import Path

from diffusion_edu.data import emoji
from diffusion_edu.systems.tokenizer import Tokenizer

FILE = Path(__file__).resolve().parents[1] / "src/diffusion_edu/systems/files/emoji_words.json"
SIZE = 2048
PHRASINGS = 16


def captions() -> list[str]:
    """All training captions, plain and in sixteen phrasings."""
    data = emoji("train")
    return [text for seed in (None, *range(PHRASINGS)) for text in data.described(seed)]


def main() -> None:
    """Learn, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FILE)
    path = parser.parse_args().out
    tokenizer = Tokenizer.train(captions(), SIZE)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tokenizer.content + "\n", encoding="utf-8")
    print(f"{path.name}: {tokenizer.size} tokens, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
