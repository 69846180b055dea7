"""Small cartoon pictures for the embedded demo study, drawn with Pillow alone.

`draw(character, seed)` is a pure function of its arguments: pose, size, place, shades, background and cover
all come from one `random.Random`. Figures are built in figure units: x to the right, y down, both in about
[-0.5, 0.5], so a figure is about 1 tall. A `Canvas` turns figure units into pixels.
"""

import colorsys
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

Point = tuple[float, float]
Colour = tuple[int, int, int]
Ink = Callable[[Colour], Colour | int]

SUPERSAMPLING = 4  # shapes are drawn this many times larger, then averaged: Pillow's shapes have hard edges
COVER_PROBABILITY = 0.4
COVER_SHARE = (0.13, 0.28)  # wanted hidden share; the slide's step may overshoot it, to at most about 0.35
SLIDE_STEPS = 27
MASK_SIDE = 40  # pixels a side of the small masks that measure the hidden share

UNIT_CIRCLE: tuple[Point, ...] = tuple((math.cos(i * math.tau / 28), math.sin(i * math.tau / 28)) for i in range(28))

OUTLINE = (48, 38, 44)
BLACK = (26, 24, 30)
WHITE = (246, 246, 242)
SKIN = (246, 206, 172)
BLUSH = (238, 128, 104)
BROWN = (134, 80, 42)
TAN = (226, 178, 122)
GOLD = (244, 190, 62)
RED = (206, 40, 44)
BLUE = (44, 80, 186)
GREEN = (86, 160, 66)
STEEL = (164, 172, 184)
STRAW = (236, 202, 108)


@dataclass(frozen=True)
class Pose:
    """How one figure stands: angles in radians, lengths as shares of the frame's side."""

    lean: float
    mirrored: bool
    size: float
    centre: Point
    arms: tuple[float, float]  # each arm's angle from hanging straight down: 0 down, pi straight up
    look: Point  # where the pupils point, each part in [-1, 1]
    dressed_up: bool  # whether an optional garment is worn


class Canvas:
    """Draws shapes given in figure units onto an image, leaned, mirrored, scaled and shifted."""

    def __init__(
        self, image: Image.Image, ink: Ink, centre: Point, scale: float, lean: float = 0.0, mirrored: bool = False
    ) -> None:
        """centre: share of the image's side; scale: pixels a figure unit."""
        self._draw = ImageDraw.Draw(image)
        self._ink = ink
        self._scale = scale
        self._centre = (centre[0] * image.width, centre[1] * image.height)
        self._cos, self._sin = math.cos(lean) * scale, math.sin(lean) * scale
        self._flip = -1.0 if mirrored else 1.0

    def _pixels(self, points: Sequence[Point]) -> list[tuple[int, int]]:
        """Whole pixels, so that a last-bit difference between two machines' cosines cannot show."""
        cos, sin, flip, (left, top) = self._cos, self._sin, self._flip, self._centre
        return [(round(left + flip * x * cos - y * sin), round(top + flip * x * sin + y * cos)) for x, y in points]

    def _width(self, width: float) -> int:
        return max(1, round(width * self._scale))

    def polygon(self, points: Sequence[Point], colour: Colour, outlined: bool = True) -> None:
        """A filled polygon, with a dark edge that keeps it apart from a background of its own colour."""
        pixels = self._pixels(points)
        self._draw.polygon(pixels, fill=self._ink(colour))
        if outlined:
            self._draw.line([*pixels, pixels[0]], fill=self._ink(OUTLINE), width=self._width(0.014))

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour, outlined: bool = False) -> None:
        """A filled ellipse around (x, y)."""
        self.polygon([(x + rx * cos, y + ry * sin) for cos, sin in UNIT_CIRCLE], colour, outlined)

    def line(self, points: Sequence[Point], width: float, colour: Colour = BLACK) -> None:
        """An open line through points."""
        self._draw.line(self._pixels(points), fill=self._ink(colour), width=self._width(width))

    def limb(self, start: Point, end: Point, width: float, colour: Colour) -> None:
        """An outlined straight bar from start to end."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        half = width / 2 / math.hypot(dx, dy)
        (x0, y0), (x1, y1), (nx, ny) = start, end, (-dy * half, dx * half)
        self.polygon([(x0 + nx, y0 + ny), (x1 + nx, y1 + ny), (x1 - nx, y1 - ny), (x0 - nx, y0 - ny)], colour)


class Shades:
    """Maps each named colour to this picture's own shade of it, the same at every use."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._chosen: dict[Colour, Colour] = {}

    def __call__(self, colour: Colour) -> Colour:
        if colour not in self._chosen:
            light = self._rng.uniform(0.84, 1.12)
            red, green, blue = (min(255, max(0, int(c * light + self._rng.uniform(-12, 12)))) for c in colour)
            self._chosen[colour] = (red, green, blue)
        return self._chosen[colour]


def _mask_ink(_colour: Colour) -> int:
    """Every colour alike: what a figure or a cover occupies, not how it looks."""
    return 255


# --- parts that several figures share ---


def _eyes(canvas: Canvas, pose: Pose, x: float, y: float, radius: float) -> None:
    """Two eyes at (-x, y) and (x, y); figures are mirrored, so the look is mirrored with them."""
    for side in (-x, x):
        canvas.ellipse(side, y, radius, radius * 1.15, WHITE, outlined=True)
        x_pupil, y_pupil = side + pose.look[0] * radius * 0.4, y + pose.look[1] * radius * 0.4
        canvas.ellipse(x_pupil, y_pupil, radius * 0.55, radius * 0.55, BLACK)


def _smile(canvas: Canvas, y: float, half_width: float, depth: float, x: float = 0.0) -> None:
    steps = (-1.0, -0.5, 0.0, 0.5, 1.0)
    canvas.line([(x + half_width * step, y + depth * (1 - step * step)) for step in steps], 0.022)


def _cheeks(canvas: Canvas, x: float, y: float, radius: float) -> None:
    for side in (-x, x):
        canvas.ellipse(side, y, radius, radius * 0.75, BLUSH)


def _arms(
    canvas: Canvas, pose: Pose, shoulder: Point, length: float, width: float, sleeve: Colour, hand: Colour
) -> tuple[Point, Point]:
    """Draws both arms and returns where the left and the right hand are."""
    hands: list[Point] = []
    for side, angle in zip((-1, 1), pose.arms, strict=True):
        start = (side * shoulder[0], shoulder[1])
        end = (start[0] + side * length * math.sin(angle), start[1] + length * math.cos(angle))
        canvas.limb(start, end, width, sleeve)
        canvas.ellipse(*end, width * 0.62, width * 0.62, hand, outlined=True)
        hands.append(end)
    return hands[0], hands[1]


def _legs(canvas: Canvas, trousers: Colour, boots: Colour, top: float = 0.2) -> None:
    for side in (-0.085, 0.085):
        canvas.limb((side, top), (side * 1.15, 0.42), 0.12, trousers)
        canvas.ellipse(side * 1.35, 0.44, 0.09, 0.055, boots, outlined=True)


def _torso(canvas: Canvas, colour: Colour, belt: Colour, bottom: float = 0.25) -> None:
    canvas.polygon([(-0.18, -0.08), (0.18, -0.08), (0.15, bottom), (-0.15, bottom)], colour)
    canvas.limb((-0.155, 0.17), (0.155, 0.17), 0.05, belt)


def _cape(canvas: Canvas, colour: Colour) -> None:
    canvas.polygon([(-0.17, -0.1), (0.17, -0.1), (0.34, 0.38), (0.1, 0.34), (-0.1, 0.4), (-0.34, 0.36)], colour)


def _furry_body(canvas: Canvas, pose: Pose) -> None:
    """The brown toy body that Cheburashka and the bear cub have alike."""
    for side in (-0.12, 0.12):
        canvas.ellipse(side, 0.43, 0.11, 0.065, BROWN, outlined=True)
    canvas.ellipse(0, 0.22, 0.19, 0.22, BROWN, outlined=True)
    canvas.ellipse(0, 0.24, 0.12, 0.15, TAN)
    _arms(canvas, pose, (0.14, 0.12), 0.2, 0.1, BROWN, BROWN)


# --- figures ---


def _cheburashka(canvas: Canvas, pose: Pose) -> None:
    _furry_body(canvas, pose)
    for side in (-0.35, 0.35):
        canvas.ellipse(side, -0.2, 0.185, 0.195, BROWN, outlined=True)
        canvas.ellipse(side, -0.19, 0.125, 0.135, TAN)
    canvas.ellipse(0, -0.17, 0.25, 0.23, BROWN, outlined=True)
    canvas.ellipse(0, -0.13, 0.195, 0.165, TAN)
    _eyes(canvas, pose, 0.085, -0.17, 0.058)
    canvas.ellipse(0, -0.09, 0.035, 0.026, BLACK)
    _smile(canvas, -0.05, 0.07, 0.03)


def _bear_cub(canvas: Canvas, pose: Pose) -> None:
    _furry_body(canvas, pose)
    for side in (-0.2, 0.2):
        canvas.ellipse(side, -0.37, 0.105, 0.105, BROWN, outlined=True)
        canvas.ellipse(side, -0.36, 0.06, 0.06, TAN)
    canvas.ellipse(0, -0.18, 0.29, 0.25, BROWN, outlined=True)
    canvas.ellipse(0, -0.09, 0.15, 0.115, TAN)
    _eyes(canvas, pose, 0.12, -0.23, 0.045)
    canvas.ellipse(0, -0.14, 0.055, 0.04, BLACK)
    _smile(canvas, -0.08, 0.07, 0.03)


def _bun_face(canvas: Canvas, pose: Pose, size: float) -> None:
    """The face that Kolobok and the sun have alike."""
    _cheeks(canvas, 0.55 * size, 0.2 * size, 0.18 * size)
    _eyes(canvas, pose, 0.32 * size, -0.2 * size, 0.17 * size)
    canvas.ellipse(0, 0.08 * size, 0.09 * size, 0.08 * size, (222, 140, 52))
    _smile(canvas, 0.32 * size, 0.36 * size, 0.22 * size)


def _kolobok(canvas: Canvas, pose: Pose) -> None:
    canvas.ellipse(0, 0, 0.45, 0.43, (214, 146, 48), outlined=True)
    canvas.ellipse(0, -0.025, 0.425, 0.39, GOLD)
    canvas.ellipse(-0.17, -0.29, 0.11, 0.05, (252, 226, 138))
    _bun_face(canvas, pose, 0.42)


def _sun(canvas: Canvas, pose: Pose) -> None:
    for index in range(0, 28, 2):
        (ax, ay), (bx, by) = UNIT_CIRCLE[index - 1], UNIT_CIRCLE[(index + 1) % 28]
        tip, length = UNIT_CIRCLE[index], 0.5 if index % 4 else 0.43
        canvas.polygon([(ax * 0.31, ay * 0.31), (tip[0] * length, tip[1] * length), (bx * 0.31, by * 0.31)], GOLD)
    canvas.ellipse(0, 0, 0.32, 0.32, (252, 216, 70), outlined=True)
    _bun_face(canvas, pose, 0.3)


def _alyosha(canvas: Canvas, pose: Pose) -> None:
    _cape(canvas, RED)
    _legs(canvas, (96, 92, 120), BROWN)
    _torso(canvas, (226, 226, 214), BROWN, bottom=0.29)
    _arms(canvas, pose, (0.16, -0.04), 0.22, 0.085, (226, 226, 214), SKIN)
    canvas.polygon([(-0.19, -0.24), (0.19, -0.24), (0.2, -0.12), (-0.2, -0.12)], STRAW)
    canvas.ellipse(0, -0.19, 0.155, 0.145, SKIN, outlined=True)
    canvas.polygon([(-0.16, -0.23), (0.05, -0.2), (0.16, -0.24), (0.1, -0.3), (-0.1, -0.3)], STRAW, outlined=False)
    _pointed_helmet(canvas)
    _eyes(canvas, pose, 0.065, -0.17, 0.036)
    _smile(canvas, -0.105, 0.06, 0.03)


def _pointed_helmet(canvas: Canvas) -> None:
    dome = [(-0.2, -0.26), (-0.18, -0.35), (-0.07, -0.43), (0, -0.54), (0.07, -0.43), (0.18, -0.35), (0.2, -0.26)]
    canvas.polygon(dome, STEEL)
    canvas.limb((-0.205, -0.26), (0.205, -0.26), 0.05, GOLD)


def _knight(canvas: Canvas, pose: Pose) -> None:
    if pose.dressed_up:
        _cape(canvas, RED)
    _legs(canvas, STEEL, (104, 110, 124))
    _torso(canvas, STEEL, BROWN, bottom=0.29)
    left, right = _arms(canvas, pose, (0.17, -0.04), 0.2, 0.09, STEEL, (104, 110, 124))
    _sword(canvas, right)
    _shield(canvas, left)
    canvas.polygon([(-0.19, -0.06), (-0.19, -0.28), (0.19, -0.28), (0.19, -0.06), (0, 0.0)], STEEL)
    _pointed_helmet(canvas)
    canvas.limb((-0.15, -0.19), (0.15, -0.19), 0.055, BLACK)
    for side in (-0.07, 0.07):
        canvas.ellipse(side + pose.look[0] * 0.02, -0.19, 0.02, 0.02, WHITE)
    canvas.line([(0, -0.15), (0, -0.03)], 0.02, OUTLINE)


def _sword(canvas: Canvas, hand: Point) -> None:
    x, y = hand
    canvas.polygon([(x - 0.025, y), (x - 0.025, y - 0.34), (x, y - 0.4), (x + 0.025, y - 0.34), (x + 0.025, y)], WHITE)
    canvas.limb((x - 0.08, y), (x + 0.08, y), 0.035, GOLD)


def _shield(canvas: Canvas, hand: Point) -> None:
    outline = ((-0.13, -0.13), (0.13, -0.13), (0.12, 0.05), (0, 0.17), (-0.12, 0.05))
    canvas.polygon([(hand[0] + x, hand[1] + y) for x, y in outline], RED)
    canvas.line([(hand[0], hand[1] - 0.1), (hand[0], hand[1] + 0.12)], 0.045, WHITE)
    canvas.line([(hand[0] - 0.1, hand[1] - 0.03), (hand[0] + 0.1, hand[1] - 0.03)], 0.045, WHITE)


def _gena(canvas: Canvas, pose: Pose) -> None:
    coat = (176, 62, 50)
    canvas.polygon([(-0.1, 0.2), (-0.12, 0.36), (-0.4, 0.45), (-0.28, 0.3)], GREEN)
    _legs(canvas, (74, 70, 84), BLACK)
    canvas.polygon([(-0.17, -0.08), (0.17, -0.08), (0.21, 0.3), (-0.21, 0.3)], coat)
    canvas.polygon([(-0.09, -0.08), (0.09, -0.08), (0, 0.14)], WHITE, outlined=False)
    _arms(canvas, pose, (0.16, -0.02), 0.22, 0.09, coat, GREEN)
    _crocodile_head(canvas, pose)
    for side in (-1, 1):
        canvas.polygon([(0, -0.04), (side * 0.1, -0.09), (side * 0.1, 0.02)], WHITE)


def _crocodile_head(canvas: Canvas, pose: Pose) -> None:
    """A long snout to the right; mirroring the figure turns it to the left."""
    canvas.ellipse(-0.03, -0.2, 0.17, 0.15, GREEN, outlined=True)
    snout = [(0.02, -0.24), (0.36, -0.21), (0.44, -0.25), (0.5, -0.19), (0.47, -0.1), (0.3, -0.07), (0.0, -0.08)]
    canvas.polygon(snout, GREEN)
    canvas.ellipse(0.44, -0.21, 0.018, 0.016, BLACK)
    teeth = [(0.1 + 0.045 * i, -0.135 + (0.035 if i % 2 else 0.0)) for i in range(8)]
    canvas.polygon(teeth, WHITE, outlined=False)
    canvas.line([(0.06, -0.14), (0.47, -0.14)], 0.018)
    canvas.ellipse(0.04, -0.27, 0.055, 0.065, WHITE, outlined=True)
    canvas.ellipse(0.05 + pose.look[0] * 0.018, -0.27 + pose.look[1] * 0.02, 0.03, 0.03, BLACK)
    canvas.polygon([(-0.18, -0.3), (-0.15, -0.5), (0.05, -0.5), (0.07, -0.34)], BLACK)
    canvas.limb((-0.25, -0.3), (0.14, -0.34), 0.04, BLACK)


def _frog(canvas: Canvas, pose: Pose) -> None:
    for side in (-1, 1):
        canvas.ellipse(side * 0.24, 0.3, 0.13, 0.16, GREEN, outlined=True)
        canvas.ellipse(side * 0.28, 0.44, 0.17, 0.05, GREEN, outlined=True)
    canvas.ellipse(0, 0.2, 0.23, 0.25, GREEN, outlined=True)
    canvas.ellipse(0, 0.24, 0.16, 0.19, (206, 222, 140))
    _arms(canvas, pose, (0.17, 0.12), 0.22, 0.075, GREEN, GREEN)
    for bulge in (-0.17, 0.17):
        canvas.ellipse(bulge, -0.28, 0.115, 0.115, GREEN, outlined=True)
    canvas.ellipse(0, -0.13, 0.34, 0.19, GREEN, outlined=True)
    _eyes(canvas, pose, 0.17, -0.29, 0.075)
    _smile(canvas, -0.12, 0.26, 0.1)
    if pose.dressed_up:
        for side in (-1, 1):
            canvas.polygon([(0, 0.08), (side * 0.11, 0.02), (side * 0.11, 0.14)], RED)


def _matryoshka(canvas: Canvas, pose: Pose) -> None:
    canvas.ellipse(0, 0.44, 0.24, 0.06, GOLD, outlined=True)
    canvas.ellipse(0, 0.16, 0.32, 0.31, GOLD, outlined=True)
    canvas.ellipse(0, 0.2, 0.21, 0.235, WHITE)
    _flower(canvas, 0.0, 0.22)
    canvas.polygon([(-0.2, -0.2), (0.2, -0.2), (0.27, -0.02), (0, 0.06), (-0.27, -0.02)], RED)
    canvas.ellipse(0, -0.25, 0.235, 0.24, RED, outlined=True)
    canvas.ellipse(0, -0.23, 0.165, 0.17, SKIN, outlined=True)
    for side in (-1, 1):
        canvas.polygon([(0, -0.39), (side * 0.11, -0.34), (side * 0.155, -0.25)], BROWN, outlined=False)
        canvas.polygon([(0, -0.02), (side * 0.11, 0.02), (side * 0.05, 0.1)], RED)
    _cheeks(canvas, 0.095, -0.17, 0.04)
    _eyes(canvas, pose, 0.065, -0.23, 0.036)
    _smile(canvas, -0.15, 0.045, 0.025)


def _flower(canvas: Canvas, x: float, y: float) -> None:
    canvas.line([(x, y), (x, y + 0.19)], 0.03, GREEN)
    for cos, sin in UNIT_CIRCLE[1::5]:
        canvas.ellipse(x + 0.085 * cos, y + 0.085 * sin, 0.055, 0.055, RED)
    canvas.ellipse(x, y, 0.05, 0.05, GOLD)


def _spiderman(canvas: Canvas, pose: Pose) -> None:
    _legs(canvas, BLUE, RED)
    _torso(canvas, BLUE, RED)
    _arms(canvas, pose, (0.17, -0.04), 0.23, 0.09, BLUE, RED)
    canvas.polygon([(-0.18, -0.09), (0.18, -0.09), (0.08, 0.15), (-0.08, 0.15)], RED)
    canvas.line([(0, -0.01), (0, 0.1)], 0.035)
    for y in (0.02, 0.07):
        canvas.line([(-0.055, y + 0.035), (0, y), (0.055, y + 0.035)], 0.014)
    canvas.ellipse(0, -0.28, 0.195, 0.225, RED, outlined=True)
    for cos, sin in UNIT_CIRCLE[1::3]:
        canvas.line([(0, -0.25), (0.19 * cos, -0.28 + 0.22 * sin)], 0.009)
    for ring in (0.45, 0.78):
        canvas.line([(0.195 * ring * c, -0.27 + 0.22 * ring * s) for c, s in UNIT_CIRCLE[::3]], 0.009)
    for side in (-1, 1):
        eye = ((0.025, -0.22), (0.05, -0.29), (0.165, -0.36), (0.15, -0.24), (0.08, -0.19))
        canvas.polygon([(side * x + pose.look[0] * 0.01, y) for x, y in eye], WHITE)


def _superman(canvas: Canvas, pose: Pose) -> None:
    _cape(canvas, RED)
    _legs(canvas, BLUE, RED)
    _torso(canvas, BLUE, GOLD)
    canvas.polygon([(-0.15, 0.19), (0.15, 0.19), (0.03, 0.29), (-0.03, 0.29)], RED)
    _arms(canvas, pose, (0.17, -0.04), 0.23, 0.09, BLUE, SKIN)
    canvas.polygon([(0, 0.12), (0.1, 0.0), (0.055, -0.05), (-0.055, -0.05), (-0.1, 0.0)], GOLD)
    canvas.polygon([(0, 0.07), (0.05, 0.0), (0, -0.025), (-0.05, 0.0)], RED, outlined=False)
    canvas.ellipse(0, -0.32, 0.19, 0.165, BLACK)
    canvas.ellipse(0, -0.25, 0.165, 0.18, SKIN, outlined=True)
    canvas.polygon([(-0.17, -0.28), (-0.13, -0.42), (0.1, -0.44), (0.17, -0.28), (0.11, -0.35), (-0.05, -0.33)], BLACK)
    _eyes(canvas, pose, 0.065, -0.25, 0.036)
    _smile(canvas, -0.155, 0.055, 0.025)


# --- passers-by: each another stranger, put together at random; none has what marks a character of the study ---


def _passer_by(canvas: Canvas, pose: Pose) -> None:
    """A furry animal, a ball, a man or a green man: as many look-alikes of each target."""
    # The pose differs from picture to picture, and is the same when a picture is drawn again to be measured.
    rng = random.Random(repr(pose))
    kind = rng.choice((_furry_stranger, _ball_stranger, _human_stranger, _green_stranger))
    kind(canvas, pose, rng)


def _some_colour(rng: random.Random) -> Colour:
    return rng.choice((BROWN, TAN, GOLD, RED, BLUE, GREEN, STEEL, STRAW, BLACK, WHITE))


def _furry_stranger(canvas: Canvas, pose: Pose, rng: random.Random) -> None:
    fur, belly = rng.choice((BROWN, BROWN, TAN, STEEL, GREEN, GOLD)), _some_colour(rng)
    for side in (-0.12, 0.12):
        canvas.ellipse(side, 0.43, 0.11, 0.065, fur, outlined=True)
    canvas.ellipse(0, 0.22, 0.19, 0.22, fur, outlined=True)
    canvas.ellipse(0, 0.24, 0.12, 0.15, belly)
    _arms(canvas, pose, (0.14, 0.12), 0.2, 0.1, fur, fur)
    ears = rng.choice(("none", "long", "hanging", "horns"))
    for side in (-1, 1):
        if ears == "long":
            canvas.ellipse(side * 0.1, -0.45, 0.06, 0.16, fur, outlined=True)
        elif ears == "hanging":
            canvas.ellipse(side * 0.27, -0.1, 0.07, 0.17, fur, outlined=True)
        elif ears == "horns":
            canvas.polygon([(side * 0.1, -0.36), (side * 0.2, -0.52), (side * 0.2, -0.32)], STRAW)
    canvas.ellipse(0, -0.17, 0.26, 0.23, fur, outlined=True)
    canvas.ellipse(0, -0.12, 0.16, 0.13, belly)
    _eyes(canvas, pose, 0.09, -0.19, 0.05)
    canvas.ellipse(0, -0.1, 0.035, 0.026, BLACK)
    _smile(canvas, -0.05, 0.07, 0.03)
    if rng.random() < 0.3:
        _headgear(canvas, rng)


def _ball_stranger(canvas: Canvas, pose: Pose, rng: random.Random) -> None:
    colour = rng.choice(((240, 150, 50), RED, GREEN, BLUE, TAN))
    canvas.ellipse(0, 0.02, 0.4, 0.4, colour, outlined=True)
    if rng.random() < 0.5:
        for side in (-0.15, 0.15):
            canvas.line([(side, -0.33), (side * 1.3, 0.02), (side, 0.37)], 0.02, BROWN)
    _bun_face(canvas, pose, rng.choice((0.25, 0.33, 0.4)))
    extra = rng.choice(("leaf", "headgear", "legs", "arms"))
    if extra == "leaf":
        canvas.limb((0, -0.36), (0.02, -0.5), 0.04, BROWN)
        canvas.ellipse(0.12, -0.45, 0.1, 0.05, GREEN, outlined=True)
    elif extra == "headgear":
        _headgear(canvas, rng)
    elif extra == "legs":
        _legs(canvas, _some_colour(rng), _some_colour(rng), 0.34)
    else:
        _arms(canvas, pose, (0.33, 0.05), 0.22, 0.07, _some_colour(rng), colour)


def _human_stranger(canvas: Canvas, pose: Pose, rng: random.Random) -> None:
    _dressed_stranger(canvas, pose, rng, SKIN)


def _green_stranger(canvas: Canvas, pose: Pose, rng: random.Random) -> None:
    skin = rng.choice((GREEN, GREEN, TAN, STEEL))
    _dressed_stranger(canvas, pose, rng, skin)
    if rng.random() < 0.5:
        canvas.ellipse(0.1, -0.14, 0.13, 0.07, skin, outlined=True)


def _dressed_stranger(canvas: Canvas, pose: Pose, rng: random.Random, skin: Colour) -> None:
    coat, trousers, boots = (_some_colour(rng) for _ in range(3))
    if rng.random() < 0.5:
        _cape(canvas, rng.choice((RED, coat)))
    _legs(canvas, trousers, boots)
    _torso(canvas, coat, boots, bottom=rng.choice((0.25, 0.3)))
    _arms(canvas, pose, (0.16, -0.03), 0.22, 0.09, coat, skin)
    canvas.ellipse(0, -0.2, rng.uniform(0.14, 0.2), rng.uniform(0.14, 0.19), skin, outlined=True)
    _eyes(canvas, pose, 0.065, -0.21, rng.choice((0.036, 0.05)))
    _smile(canvas, -0.12, 0.06, 0.03)
    _headgear(canvas, rng)


def _headgear(canvas: Canvas, rng: random.Random) -> None:
    kind, colour = rng.choice(("none", "brim", "cap", "crown", "hair", "bun")), _some_colour(rng)
    if kind == "brim":
        canvas.polygon([(-0.14, -0.3), (-0.11, -0.48), (0.11, -0.48), (0.14, -0.3)], colour)
        canvas.limb((-0.22, -0.3), (0.22, -0.3), 0.04, colour)
    elif kind == "cap":
        canvas.polygon([(-0.17, -0.28), (-0.12, -0.4), (0.12, -0.4), (0.17, -0.28)], colour)
        canvas.limb((0.05, -0.28), (0.3, -0.26), 0.04, colour)
    elif kind == "crown":
        points = [(-0.16, -0.28), (-0.18, -0.44), (-0.08, -0.36), (0, -0.46), (0.08, -0.36), (0.18, -0.44)]
        canvas.polygon([*points, (0.16, -0.28)], colour)
    elif kind == "hair":
        canvas.ellipse(0, -0.34, 0.18, 0.1, colour, outlined=True)
    elif kind == "bun":
        canvas.ellipse(0, -0.42, 0.09, 0.08, colour, outlined=True)


FIGURES: dict[str, Callable[[Canvas, Pose], None]] = {
    "cheburashka": _cheburashka,
    "kolobok": _kolobok,
    "alyosha": _alyosha,
    "gena": _gena,
    "matryoshka": _matryoshka,
    "spiderman": _spiderman,
    "superman": _superman,
    "bear_cub": _bear_cub,
    "sun": _sun,
    "frog": _frog,
    "knight": _knight,
    "passer_by": _passer_by,
}
CHARACTERS: tuple[str, ...] = tuple(FIGURES)


# --- backgrounds: each paints a whole square image ---


def _any_colour(rng: random.Random) -> Colour:
    """Any hue, from pale to strong, never too dark for the figures' outlines to show."""
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.1, 0.75), rng.uniform(0.55, 1.0))
    return int(red * 255), int(green * 255), int(blue * 255)


def _plain(image: Image.Image, rng: random.Random) -> None:
    image.paste(_any_colour(rng), (0, 0, *image.size))


def _gradient(image: Image.Image, rng: random.Random) -> None:
    ends = Image.new("RGB", (1, 2))
    ends.putpixel((0, 0), _any_colour(rng))
    ends.putpixel((0, 1), _any_colour(rng))
    image.paste(ends.resize(image.size, Image.Resampling.BILINEAR))


def _stripes(image: Image.Image, rng: random.Random) -> None:
    _plain(image, rng)
    pen, colour, side = ImageDraw.Draw(image), _any_colour(rng), image.width
    count, slant = rng.randint(3, 6), rng.choice((-1, 0, 1)) * side // 2
    step = side // count
    for left in range(-side, 2 * side, step):
        pen.polygon([(left, 0), (left + step // 2, 0), (left + step // 2 + slant, side), (left + slant, side)], colour)


def _dots(image: Image.Image, rng: random.Random) -> None:
    _plain(image, rng)
    pen, colour = ImageDraw.Draw(image), _any_colour(rng)
    count = rng.randint(3, 5)
    step = image.width // count
    radius = int(step * rng.uniform(0.16, 0.3))
    for row in range(count + 1):
        for column in range(count + 1):
            x, y = int((column + row % 2 / 2) * step), int((row + 0.5) * step)
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _meadow(image: Image.Image, rng: random.Random) -> None:
    side, horizon = image.width, int(image.width * rng.uniform(0.5, 0.8))
    image.paste((rng.randint(130, 190), rng.randint(190, 225), rng.randint(235, 255)), (0, 0, side, horizon))
    image.paste((rng.randint(90, 150), rng.randint(170, 210), rng.randint(70, 110)), (0, horizon, side, side))
    pen = ImageDraw.Draw(image)
    x, y = rng.uniform(0.0, 0.6) * side, rng.uniform(0.05, 0.2) * side
    pen.ellipse((x, y, x + side * 0.3, y + side * 0.12), fill=WHITE)


def _room(image: Image.Image, rng: random.Random) -> None:
    _plain(image, rng)
    side, edge = image.width, int(image.width * rng.uniform(0.6, 0.85))
    wood = rng.randint(120, 190)
    image.paste((wood, int(wood * 0.74), int(wood * 0.5)), (0, edge, side, side))
    image.paste(WHITE, (0, edge, side, edge + side // 32))
    left, top = int(rng.uniform(0.02, 0.7) * side), int(rng.uniform(0.04, 0.2) * side)
    ImageDraw.Draw(image).rectangle((left, top, left + side // 4, top + side // 4), _any_colour(rng), WHITE, side // 50)


BACKGROUNDS = (_plain, _gradient, _stripes, _dots, _meadow, _room)


# --- covers: objects about 1 wide, in the same units as the figures ---


def _bush(canvas: Canvas) -> None:
    leaf = (62, 122, 58)
    for x, y, radius in ((-0.3, 0.12, 0.26), (0.3, 0.12, 0.26), (0.0, -0.06, 0.34), (0.0, 0.24, 0.34)):
        canvas.ellipse(x, y, radius, radius, leaf)
    for x, y in ((-0.2, 0.0), (0.1, -0.15), (0.28, 0.1), (0.0, 0.18)):
        canvas.ellipse(x, y, 0.05, 0.05, (196, 60, 80))


def _box(canvas: Canvas) -> None:
    canvas.polygon([(-0.42, -0.36), (0.42, -0.36), (0.42, 0.4), (-0.42, 0.4)], (196, 150, 96))
    canvas.line([(0, -0.36), (0, 0.4)], 0.09, (226, 200, 150))


def _board(canvas: Canvas) -> None:
    canvas.polygon([(-0.2, -0.5), (0, -0.72), (0.2, -0.5), (0.2, 2.0), (-0.2, 2.0)], (168, 124, 84))
    canvas.line([(-0.07, -0.5), (-0.07, 2.0)], 0.02, (130, 92, 60))


def _leaf(canvas: Canvas) -> None:
    blade = ((-0.55, 0.1), (-0.3, -0.22), (0.05, -0.32), (0.6, -0.2), (0.4, 0.15), (0.05, 0.32), (-0.3, 0.28))
    canvas.polygon(blade, (214, 118, 48))
    canvas.line([(-0.55, 0.1), (0.0, 0.02), (0.6, -0.2)], 0.03, (150, 78, 34))


def _ball(canvas: Canvas) -> None:
    canvas.ellipse(0, 0, 0.38, 0.38, (70, 130, 200), outlined=True)
    canvas.polygon([(-0.37, -0.08), (0.37, -0.08), (0.37, 0.08), (-0.37, 0.08)], WHITE, outlined=False)


COVERS = (_bush, _box, _board, _leaf, _ball)
APPROACHES: tuple[Point, ...] = ((-1.0, 0.0), (1.0, 0.0), (0.0, 1.0), (-0.7, 0.7), (0.7, 0.7))  # never over the head


# --- a picture ---


def _random_pose(rng: random.Random) -> Pose:
    size = rng.uniform(0.55, 0.95)
    room = (1.0 - size) / 2 + 0.03
    arms = [rng.choice((rng.uniform(0.25, 0.7), rng.uniform(1.3, 1.7), rng.uniform(2.1, 2.6))) for _ in range(2)]
    return Pose(
        lean=math.radians(rng.uniform(-20, 20)),
        mirrored=rng.random() < 0.5,
        size=size,
        centre=(0.5 + rng.uniform(-room, room), 0.5 + rng.uniform(-room, room)),
        arms=(arms[0], arms[1]),
        look=(rng.uniform(-1, 1), rng.uniform(-1, 1)),
        dressed_up=rng.random() < 0.4,
    )


def _draw_figure(image: Image.Image, character: str, pose: Pose, ink: Ink) -> None:
    canvas = Canvas(image, ink, pose.centre, pose.size * image.width, pose.lean, pose.mirrored)
    FIGURES[character](canvas, pose)


def _cover_canvas(image: Image.Image, pose: Pose, approach: Point, distance: float, ink: Ink) -> Canvas:
    centre = (pose.centre[0] + approach[0] * distance, pose.centre[1] + approach[1] * distance)
    return Canvas(image, ink, centre, pose.size * 0.75 * image.width)


def _draw_cover(image: Image.Image, character: str, pose: Pose, rng: random.Random, ink: Ink) -> None:
    """Slides an object in from outside until it hides the wanted share of the figure, then draws it there."""
    cover, approach, wanted = rng.choice(COVERS), rng.choice(APPROACHES), rng.uniform(*COVER_SHARE)
    figure = Image.new("L", (MASK_SIDE, MASK_SIDE))
    _draw_figure(figure, character, pose, _mask_ink)
    area = figure.histogram()[255]
    distance = 0.8
    for step in range(SLIDE_STEPS):
        distance = 0.8 * (1 - step / SLIDE_STEPS)
        hiding = Image.new("L", figure.size)
        cover(_cover_canvas(hiding, pose, approach, distance, _mask_ink))
        if figure.histogram(hiding)[255] >= wanted * area:
            break
    cover(_cover_canvas(image, pose, approach, distance, ink))


def draw(character: str, seed: int, size: int = 64) -> Image.Image:
    """A picture of one character: an RGB image, size x size pixels, the same bytes for the same arguments.

    Raises ValueError for a character that is not in CHARACTERS.
    """
    if character not in FIGURES:
        raise ValueError(f"character: must be one of {', '.join(CHARACTERS)}, got {character!r}")
    rng = random.Random(f"{character}-{seed}")
    pose, shades = _random_pose(rng), Shades(rng)
    image = Image.new("RGB", (size * SUPERSAMPLING, size * SUPERSAMPLING))
    rng.choice(BACKGROUNDS)(image, rng)
    _draw_figure(image, character, pose, shades)
    if rng.random() < COVER_PROBABILITY:
        _draw_cover(image, character, pose, rng, shades)
    return image.reduce(SUPERSAMPLING)
