"""Studies, adapters and models that would read, exhaust or execute: each must be refused."""

from __future__ import annotations

import json
import os
import pickle
import random
import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PIL import Image

from benchmarks.campaigns.spoiling import PICTURE, SPACE, TRAINING, YAML, Spoil, both, data, edit, remove, row, text
from studies.files import sha256_of, write_sealed
from studies.images import MAX_BYTES
from trainables.checkpoint_files import ADAPTER, MANIFEST, STATE, checkpoint_folder

# Made in a case's folder by whatever is executed; a picture outside the study stands beside it.
MARKER, OUTSIDE = "executed", "outside.png"
MODEL = "study/model"


@dataclass(frozen=True)
class Hostile:
    """One thing that `skazka check` must refuse."""

    name: str
    spoil: Spoil


class _Executed:
    """Pickled, it runs a command when it is read."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


def malicious(folder: Path) -> bytes:
    """A pickle that makes the marker in `folder` when it is read."""
    return pickle.dumps(_Executed(f"touch {folder / MARKER}"))


# --- paths ---


def _path(value: str, link: str | None = None) -> Hostile:
    """A picture's path in a row; `link`: the link that lies in the study by that name."""

    def spoil(folder: Path) -> None:
        (folder / "study" / "images" / "train-2.png").rename(folder / OUTSIDE)
        if link is not None:
            (folder / "study" / value.split("/")[0]).symlink_to(link)
        row(TRAINING, 2, image=value)(folder)

    return Hostile(f"path {value!r}" + (f" -> {link}" if link else ""), spoil)


PATHS = [
    *(_path(f"{'../' * depth}{OUTSIDE}") for depth in (1, 2, 9)),
    *map(_path, (f"images/../../{OUTSIDE}", f"./../{OUTSIDE}", f"images/..//../{OUTSIDE}", "..", ".", "images")),
    *map(_path, ("/etc/passwd", "//etc/passwd", "/proc/self/environ", "/dev/zero", "~/.ssh/id_rsa", "~root")),
    *map(_path, (f"%2e%2e/{OUTSIDE}", f"..%2f{OUTSIDE}", f"..\\{OUTSIDE}", f"....//{OUTSIDE}", f"\u2025/{OUTSIDE}")),
    *map(_path, ("file:///etc/passwd", "http://evil.example/x.png", "C:\\x.png", "a\0.png", "$HOME/x.png", "|id")),
    _path("link.png", f"../{OUTSIDE}"),
    _path(f"link/{OUTSIDE}", ".."),
    _path("passwd", "/etc/passwd"),
    _path("zero", "/dev/zero"),
    _path("loop", "loop"),
]


def random_path(source: random.Random) -> Hostile:
    """A path of random steps to a picture that does not lie in the study."""
    steps = ("..", ".", "images", "%2e%2e", "....", "..\\", "", "~", "\u2025", "images/..", ".. ", "..;")
    return _path("/".join([*source.choices(steps, k=source.randint(1, 8)), OUTSIDE]))


def _named(field: str, line: int, old: str, new: str) -> Hostile:
    return Hostile(f"{field}: {new!r}", edit(YAML, line, old, new))


def _pipe(folder: Path) -> None:
    (folder / PICTURE).unlink()
    os.mkfifo(folder / PICTURE)


FIELDS = [
    _named("training", 4, "training.jsonl", "../outside.png"),
    _named("training", 4, "training.jsonl", "/etc/passwd"),
    _named("probes", 5, "probes.jsonl", "images/../../x.jsonl"),
    _named("replay", 6, "replay.jsonl", "/dev/zero"),
    _named("space", 15, "own.yaml", "../own.yaml"),
    _named("space", 15, "own.yaml", "/etc/passwd"),
    _named("name", 1, "small", "../../small"),
    _named("name", 1, "small", "/tmp/small"),
    _named("name", 1, "small", '"\\e[2Jsmall"'),
    Hostile("a pipe as picture", _pipe),
]

# --- pictures ---

GIF = b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\2L\1\0;"


def _png(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims a size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _picture(name: str, content: bytes) -> Hostile:
    return Hostile(f"picture: {name}", data(PICTURE, content))


def _black(folder: Path) -> None:
    # A few kilobytes that are good in every way but for their 81 million pixels.
    Image.new("1", (9000, 9000)).save(folder / PICTURE)


def _sparse(folder: Path) -> None:
    os.truncate(folder / PICTURE, MAX_BYTES + 1)


BOMBS = [
    *(_picture(f"{side} pixels a side", _png(side, side)) for side in (8_001, 20_000, 50_000, 2**31 - 1)),
    _picture("a line of pixels", _png(2**31 - 1, 1)),
    _picture("no pixel", _png(0, 1)),
    _picture(
        "giant GIF", b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\2L\1\0;"
    ),
    _picture("giant BMP", b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 60000, 60000, 1, 24, *(0,) * 6)),
    _picture("PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(x) run\n"),
    _picture("SVG", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
    _picture("gzip", zlib.compress(b"\0" * 1_000_000)),
    Hostile("picture: a real one of too many pixels", _black),
    Hostile("picture: a good one with zeros behind it", _sparse),
]

# --- YAML ---

LEVELS = "abcdefghijkl"


def _levels(first: str, item: str) -> str:
    pairs = pairwise(LEVELS)
    levels = "".join(f"{name}: &{name} {item.format(', '.join([f'*{before}'] * 10))}\n" for before, name in pairs)
    return f"a: &a {first}\n{levels}"


LISTS, MERGES = _levels("[x]", "[{}]"), _levels("{x: 1}", "{{<<: [{}]}}")
CALLS = (
    "!!python/object/apply:os.system ['{}']",
    "!!python/object/apply:subprocess.check_output [['sh', '-c', '{}']]",
    "!!python/object/new:os.system ['{}']",
    "!!python/object/new:type {{args: [x, !!python/tuple [], {{x: !!python/name:exec }}], state: '{}'}}",
    "!!python/name:os.system",
    "!!python/module:os",
    "!!js/function 'x'",
)


def _call(file: str, call: str) -> Hostile:
    def spoil(folder: Path) -> None:
        value = call.format(f"touch {folder / MARKER}")
        before = (folder / file).read_text() if file == YAML else ""
        (folder / file).write_text(f"{before}rank: {value}\n")

    return Hostile(f"{file}: {call}", spoil)


def _appended(name: str, more: str) -> Hostile:
    return Hostile(f"yaml: {name}", lambda folder: (folder / YAML).write_text((folder / YAML).read_text() + more))


CODE = [
    *(_call(file, call) for call in CALLS for file in (YAML, SPACE)),
    _appended("billion laughs", LISTS),
    _appended("merged laughs", MERGES),
    _appended("laughs as key", f"{LISTS}? *l\n: x\n"),
    _appended("an endless list", "x: &x [*x]\n"),
    _appended("an endless mapping", "x: &x {y: *x}\n"),
    _appended("deep", "x: " + "[" * 50_000),
    _appended("two megabytes", "# " + "x" * 2**21),
    Hostile("space: billion laughs", text(SPACE, LISTS)),
    Hostile("space: merged laughs", text(SPACE, MERGES)),
    Hostile("rows: deep", text(TRAINING, "[" * 100_000)),
    Hostile("rows: a number of a million digits", text(TRAINING, "9" * 1_000_000)),
]

# --- models and adapters ---


def _pickled(name: str) -> Spoil:
    return lambda folder: (folder / MODEL / name).write_bytes(malicious(folder))


WEIGHTS = remove(f"{MODEL}/model.safetensors")
MODELS = [
    Hostile("model: a pickle named safetensors", _pickled("model.safetensors")),
    Hostile("model: a pickle", both(WEIGHTS, _pickled("pytorch_model.bin"))),
    Hostile("model: a pickled adapter", both(WEIGHTS, _pickled("adapter_model.bin"))),
    Hostile("model: a header beyond the file", data(f"{MODEL}/model.safetensors", b"\xff" * 7 + b"\0{}")),
]
CASES = [*PATHS, *FIELDS, *BOMBS, *CODE, *MODELS]


def cases(size: int, source: random.Random) -> list[Hostile]:
    """`size` of them: all written ones for 0, some of them, or random paths besides."""
    if 0 < size <= len(CASES):
        return source.sample(CASES, size)
    return [*CASES, *(random_path(source) for _ in range(size - len(CASES)))]


def pickled_checkpoint(folder: Path, name: str) -> Path:
    """A trial's folder with a checkpoint that its own manifest vouches for, one file of it (or one more) a pickle."""
    trial = folder / "trial"
    checkpoint = checkpoint_folder(trial, 1)
    checkpoint.mkdir(parents=True)
    for own in (ADAPTER, STATE):
        (checkpoint / own).write_bytes((2).to_bytes(8, "little") + b"{}")
    if name.endswith(".bin"):
        (checkpoint / ADAPTER).unlink()
    (checkpoint / name).write_bytes(malicious(folder))
    hashes = {path.name: sha256_of(path) for path in checkpoint.iterdir()}
    write_sealed(checkpoint / MANIFEST, {"epoch": 1, "identity": {}, "files": hashes, "report": {}})
    return trial


def model_with_code(folder: Path) -> Path:
    """A model folder that brings Python code of its own, which makes the marker."""
    model = folder / "model"
    model.mkdir()
    names = ("AutoConfig", "AutoProcessor", "AutoTokenizer", "AutoModelForImageTextToText")
    config = {"model_type": "evil", "auto_map": {name: "evil.Evil" for name in names}}
    for file in ("config.json", "processor_config.json", "preprocessor_config.json", "tokenizer_config.json"):
        (model / file).write_text(json.dumps(config))
    (model / "evil.py").write_text(f"open({str(folder / MARKER)!r}, 'w')\nclass Evil: pass\n")
    return model
