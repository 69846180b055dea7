"""Folders, names, links and pictures as users have them."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Literal

from PIL import Image, ImageCms, PngImagePlugin

from benchmarks.campaigns.brought_data import (
    EACH,
    LESSONS,
    NAMES,
    TARGETS,
    Brought,
    Make,
    arguments,
    columns,
    folders,
    grey,
    paint,
    write,
)

ODD = (
    *("data [v2]", "a*b", "what?", "{x,y}", "two words", "quo'te", 'dou"ble', "#1", "50%", "%20", "a=b", "-dash"),
    *("naïve", "новая папка", "semi;colon", "a,b", "$HOME", "~tilde", "back\\slash", "dot.png"),
)
Form = Literal["NFC", "NFD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD")
SIDES = {
    "training": ("train", "training"),
    "search": ("val", "valid", "validation", "eval", "evaluation", "dev"),
    "test": ("test", "testing"),
}
OTHERS = (".heic", ".HEIF", ".svg", ".psd", ".cr2", ".mp4", ".pdf", ".docx", ".zip", ".jxl")
JUNK = (".DS_Store", "Thumbs.db", "desktop.ini", "._0.png", ".hidden.png")


def unicode_forms() -> Iterator[Brought]:
    """A name is the same in every Unicode form: of files, of folders, of characters."""

    def table(file: str, on_disk: Form, in_row: Form) -> Make:
        def make(root: Path) -> Sequence[str]:
            rows = columns(root)
            for row in rows:
                own = f"img/й{Path(row['image']).name}"
                (root / row["image"]).rename(root / unicodedata.normalize(on_disk, own))
                row["image"] = unicodedata.normalize(in_row, own)
                row["character"] = unicodedata.normalize(in_row, row["character"])
            return arguments(write(root / file, rows))

        return make

    def folder(on_disk: Form, said: Form) -> Make:
        def make(root: Path) -> Sequence[str]:
            for one in LESSONS:
                paint(root / unicodedata.normalize(on_disk, one.character) / f"{one.picture}.png", one.picture)
            targets = [unicodedata.normalize(said, text) for text in TARGETS]
            return ("--from", str(root), *targets, "--model", "demo")

        return make

    for one, other in product(FORMS, repeat=2):
        for file in ("data.json", "data.jsonl", "data.csv", "data.parquet"):
            yield Brought(f"{file}: files in {one}, rows in {other}", table(file, one, other))
        yield Brought(f"folders in {one}, --targets in {other}", folder(one, other), None)


def odd_names() -> Iterator[Brought]:
    """A path is a path: no pattern, no list, no option."""

    def make(name: str, file: str) -> Make:
        def source(root: Path) -> Sequence[str]:
            if not file:
                folders(root / name)
                return arguments(root / name)
            return arguments(write(root / name / file, columns(root / name)))

        return source

    for name, file in product(ODD, ("", "data.json", "data.csv", "data.parquet")):
        yield Brought(f"{file or 'folders'} in {name!r}", make(name, file), LESSONS if file else None)


def links() -> Iterator[Brought]:
    """Links inside the source are followed; what leads out of it is named."""

    def linked(count: int, root: Path) -> Sequence[str]:
        folders(root / "src")
        (root / "src" / "store").mkdir()
        for name in NAMES[:count]:
            (root / "src" / name).rename(root / "src" / "store" / name)
            (root / "src" / name).symlink_to(Path("store") / name)
        return arguments(root / "src")

    def blobs(root: Path) -> Sequence[str]:
        hub = root / "hub"
        for place, path in enumerate(folders(hub / "snapshots" / "abc")):
            blob = hub / "blobs" / f"{place:040x}"
            blob.parent.mkdir(exist_ok=True)
            path.rename(blob)
            path.symlink_to(Path("../../../blobs") / blob.name)
        return arguments(hub / "snapshots" / "abc")

    def loop(root: Path) -> Sequence[str]:
        folders(root)
        (root / NAMES[0] / "again").symlink_to(root)
        return arguments(root)

    def outside(root: Path) -> Sequence[str]:
        folders(root / "src")
        (root / "src" / NAMES[0]).rename(root / "elsewhere")
        (root / "src" / NAMES[0]).symlink_to(root / "elsewhere")
        return arguments(root / "src")

    def broken(root: Path) -> Sequence[str]:
        paths = folders(root)
        paths[7].unlink()
        paths[7].symlink_to("nowhere.png")
        return arguments(root)

    # The folders that the links lead to hold the same pictures: which name counts is not said.
    for count in (1, 2):
        yield Brought(f"{count} linked folders of characters", partial(linked, count), None, remedy=("",))
    yield Brought("a snapshot of the hub's cache", blobs, None)
    yield Brought("a folder with a link to the source", loop, None)
    yield Brought("a folder linked from outside", outside, None, remedy=(NAMES[0],))
    yield Brought("a broken link", broken, None, frozenset({7}), ("7.png",), remedy=("7.png",))


def prefixes() -> Iterator[Brought]:
    """Paths that were right on another machine: found by their tails, or refused with what would help."""
    before = {
        "Label Studio": "/data/upload/7/",
        "another home": "/home/someone/datasets/fairy/img/",
        "a drive": "C:\\Users\\someone\\img\\",
        "a URI": "file:///home/someone/img/",
        "a bucket": "s3://bucket/img/",
        "a dot": "./img/",
        "a backslash": "img\\",
        "two slashes": "img//",
    }

    def make(file: str, prefix: str) -> Make:
        def source(root: Path) -> Sequence[str]:
            rows = columns(root)
            for row in rows:
                row["image"] = prefix + Path(row["image"]).name
            return arguments(write(root / file, rows))

        return source

    for (called, prefix), file in product(before.items(), ("data.json", "data.csv")):
        remedy = None if prefix.startswith(("./", "img//")) else ("--",)
        yield Brought(f"{file}: paths with {called}", make(file, prefix), remedy=remedy)


def sides() -> Iterator[Brought]:
    """Every usual name of a side is one."""
    splits = {place: ("training", "training", "training", "search", "test")[place % EACH] for place in range(15)}
    cased: tuple[Callable[[str], str], ...] = (str.lower, str.title, str.upper)
    usual = {side: names[0] for side, names in SIDES.items()}

    def make(own: Mapping[str, str], root: Path) -> Sequence[str]:
        for one in LESSONS:
            paint(root / own[splits[one.picture]] / one.character / f"{one.picture}.png", one.picture)
        return arguments(root)

    for side, names in SIDES.items():
        for name, case in product(names, cased):
            own = {**usual, side: case(name)}
            yield Brought(f"the side {case(name)}", partial(make, own), None, sides=splits)


def _deep(number: int, whitest: int) -> list[int]:
    return [value * whitest // 255 for value in grey(number).tobytes()]


def _mode(number: int, mode: str) -> Image.Image:
    """A picture in a mode of Pillow."""
    image = grey(number)
    if mode.startswith("I"):
        deep = Image.new("I", image.size)
        deep.putdata(_deep(number, 4095 if mode.endswith("of 12 bits") else 65535))
        return deep.convert("I;16") if mode.startswith("I;16") else deep
    if mode in ("F 1", "F 255"):
        deep = Image.new("F", image.size)
        deep.putdata([value / (255 if mode == "F 1" else 1) for value in grey(number).tobytes()])
        return deep
    if mode == "CMYK":
        empty = Image.new("L", image.size)
        return Image.merge("CMYK", (empty, empty, empty, image.point(lambda value: 255 - value)))
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        made = ImageCms.profileToProfile(image.convert("RGB"), *profiles, outputMode="LAB")
        assert made is not None
        return made
    if mode == "clear":
        # Black with the alpha that shows as this tone on white.
        return Image.merge("LA", (Image.new("L", image.size), image.point(lambda value: 255 - value)))
    return image.convert("RGB").convert(mode) if mode == "YCbCr" else image.convert(mode)


MODES: dict[str, tuple[str, ...]] = {
    "png": ("L", "LA", "P", "RGB", "RGBA", "I;16", "I;16 of 12 bits", "clear"),
    "tif": (
        "L",
        "LA",
        "RGB",
        "RGBA",
        "P",
        "CMYK",
        "YCbCr",
        "LAB",
        "I;16",
        "I;16 of 12 bits",
        "I",
        "I of 12 bits",
        "F 1",
        "F 255",
    ),
    "jpg": ("L", "RGB", "CMYK"),
    "webp": ("RGB", "RGBA"),
    "bmp": ("L", "P", "RGB"),
    "gif": ("L", "P"),
}


def modes() -> Iterator[Brought]:
    """Every mode keeps its tones; every suffix is read, whatever its case."""

    def make(suffix: str, mode: str, name: str) -> Make:
        def source(root: Path) -> Sequence[str]:
            for one in LESSONS:
                path = root / one.character / f"{one.picture}.{suffix}"
                path.parent.mkdir(exist_ok=True)
                options: dict[str, Any] = {"quality": 100} if suffix == "jpg" else {}
                options |= {"lossless": True} if suffix == "webp" else {}
                _mode(one.picture, mode).save(path, **options)
                path.rename(path.with_suffix(f".{name}"))
            return arguments(root)

        return source

    for suffix, known in MODES.items():
        for mode in known:
            yield Brought(f"{suffix} in {mode}", make(suffix, mode, suffix), None)
    for suffix, name in (
        *(("jpg", name) for name in ("JPG", "jpeg", "JPEG", "jfif", "jpe")),
        *(("tif", name) for name in ("tiff", "TIF")),
        *(("png", name) for name in ("PNG", "jpg")),
        *(("webp", name) for name in ("WebP", "png")),
    ):
        yield Brought(f"{suffix} named .{name}", make(suffix, "RGB", name), None)


def others() -> Iterator[Brought]:
    """What is no picture for us is named; what systems leave behind is no picture and no character."""

    def beside(suffix: str, root: Path) -> Sequence[str]:
        for path in folders(root)[:3]:
            path.with_name(f"more{path.stem}{suffix}").write_bytes(b"not a picture")
        return arguments(root)

    def junk(name: str, root: Path) -> Sequence[str]:
        for path in folders(root)[::EACH]:
            path.with_name(name).write_bytes(b"\0\0")
        return arguments(root)

    def packed(root: Path) -> Sequence[str]:
        for path in folders(root):
            left = root / "__MACOSX" / path.parent.name / f"._{path.name}"
            left.parent.mkdir(parents=True, exist_ok=True)
            left.write_bytes(b"\0\5\x16\7")
        return arguments(root)

    for suffix in OTHERS:
        yield Brought(f"files {suffix} beside", partial(beside, suffix), None, told=(suffix.lower(),))
    for name in JUNK:
        yield Brought(f"{name} beside", partial(junk, name), None)
    yield Brought("a folder __MACOSX beside", packed, None)


def _copies(path: Path) -> dict[str, Callable[[Path], object]]:
    image = Image.open(path).convert("RGB")
    about = PngImagePlugin.PngInfo()
    about.add_text("Comment", "the same")
    return {
        "copy.bmp": image.save,
        "copy.tif": image.save,
        "copy.webp": lambda target: image.save(target, lossless=True),
        "copy.png": lambda target: image.save(target, compress_level=0),
        "said.png": lambda target: image.save(target, pnginfo=about),
        "clear.png": image.convert("RGBA").save,
        "bytes.png": lambda target: target.write_bytes(path.read_bytes()),
    }


def copies() -> Iterator[Brought]:
    """A picture is the same in other bytes: never on two sides, never of two characters."""

    def make(name: str, *, elsewhere: bool) -> Make:
        def source(root: Path) -> Sequence[str]:
            paths = folders(root)
            for number in range(EACH):
                target = paths[number + EACH if elsewhere else number].with_name(f"{number}-{name}")
                _copies(paths[number])[name](target)
            return arguments(root)

        return source

    twice = frozenset(range(EACH))
    for name in ("copy.bmp", "copy.tif", "copy.webp", "copy.png", "said.png", "clear.png", "bytes.png"):
        yield Brought(f"the same as {name}", make(name, elsewhere=False), None)
        # Nobody is left to learn of the first character: to refuse is right.
        yield Brought(f"another character's as {name}", make(name, elsewhere=True), None, twice, remedy=("",))


def inside() -> Iterator[Brought]:
    """A study that was made inside its own source is no data of the next one."""

    def make(name: str, root: Path) -> Sequence[str]:
        from click.testing import CliRunner

        from skazka.cli import main

        folders(root)
        CliRunner().invoke(main, ["init", str(root / name), *arguments(root)])
        return arguments(root)

    for name in ("study1", "train", "a/deep/one"):
        yield Brought(f"a study made in {name}", partial(make, name), None)


def empty() -> Iterator[Brought]:
    """Nothing to read is said with what was seen."""

    def bare(root: Path) -> Sequence[str]:
        root.mkdir(exist_ok=True)
        return arguments(root)

    def unreadable(root: Path) -> Sequence[str]:
        for path in folders(root):
            # A picture under a wrong suffix would be known by how it begins.
            path.with_suffix(".svg").write_text("<svg/>")
            path.unlink()
        return arguments(root)

    def unknown(root: Path) -> Sequence[str]:
        rows = [{"a": row["image"], "b": row["character"], "c": row["answer"]} for row in columns(root)]
        return arguments(write(root / "data.csv", rows))

    yield Brought("an empty folder", bare, refused=True, remedy=("",))
    yield Brought("pictures of a suffix that is not read", unreadable, refused=True, remedy=("svg",))
    yield Brought("columns of unknown names", unknown, refused=True, remedy=("--column",))

    def nobody(root: Path) -> Sequence[str]:
        shutil.rmtree(root / NAMES[0], ignore_errors=True)
        folders(root)
        return ("--from", str(root), "--targets", "Никто", "--model", "demo")

    yield Brought("a target that nobody is", nobody, refused=True, remedy=("Никто",))


def cases() -> Iterator[Brought]:
    """All of them."""
    for kind in (unicode_forms, odd_names, links, prefixes, sides, modes, others, copies, inside, empty):
        yield from kind()
