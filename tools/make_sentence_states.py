"""Write what the sentence encoder says of the book's prompts: `python tools/make_sentence_states.py`.

With these states `emoji-imagen` draws the prompts without the encoder, which is the extra `sentences` (90 MB).
"""

import argparse
from pathlib import Path

from diffusion_edu.systems import PromptTable, SentenceText
from diffusion_edu.systems.sentence_encoder import NAME, SHA256
from diffusion_edu.systems.sentences import STATES

FILE = Path(__file__).resolve().parents[1] / "src/diffusion_edu/systems/files" / STATES
STYLES = ("noto", "twemoji", "fluent")
# Things of the training captions, in the three styles.
THINGS = (
    "a red apple",
    "a green apple",
    "a banana",
    "a strawberry",
    "a lemon",
    "a tulip",
    "a cactus",
    "a cat face",
    "a dog face",
    "a panda",
    "a penguin",
    "a butterfly",
    "a smiling face with sunglasses",
    "a red heart",
    "a house",
    "a rocket",
)
# Words that no caption holds, which an encoder of text has read elsewhere; and what negative prompts say.
OTHERS = (
    "a blue apple, noto style",
    "a kitten, noto style",
    "a puppy, noto style",
    "a spacecraft, noto style",
    "a cottage, noto style",
    "an astronaut riding a horse, noto style",
    "a red apple",
    "a cat",
    "a dog",
    "fruit",
    "a face",
    "noto style",
    "twemoji style",
    "fluent style",
)


def prompts() -> list[str]:
    """All of them, each once."""
    return [*(f"{thing}, {style} style" for thing in THINGS for style in STYLES), *OTHERS]


def main() -> None:
    """Read, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FILE)
    path = parser.parse_args().out
    table = PromptTable.of(SentenceText.load(), prompts())
    table.write(path, {"encoder": NAME, "sha256": SHA256})
    print(f"{path.name}: {len(table.texts)} prompts, {len(table.tokens)} tokens, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
