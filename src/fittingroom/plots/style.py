"""How all figures look, and how one becomes a small PNG or markup that follows the page."""

import hashlib
import html
import io
import re
import warnings
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

# Each of these has a variable of the page behind it (see `svg`), so each must be a colour that
# nothing else uses.
PAPER = "#ffffff"
INK = "#1c1e22"
MUTED = "#5b616a"
GRID = "#dedcd6"
REST = "#8a8f98"
WRONG = "#a8173f"

# After Okabe and Ito's colour-blind safe palette, darkened until text in them reads on white.
MODEL_COLOURS = ("#0067a6", "#b84a00", "#00755b", "#97437c", "#75600a", "#30657f")
_SALT = 2789  # with it, ann is blue and cnn orange, and recipes that are often compared differ
_MARKERS = ("o", "s", "D", "^", "v", "P")

_VARIABLES = {
    PAPER: "var(--paper)",
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    REST: "var(--rest)",
    WRONG: "var(--wrong)",
    **{colour: f"var(--model-{place})" for place, colour in enumerate(MODEL_COLOURS)},
}

_SETTINGS: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same figure on every machine
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called "$5$"
    "axes.labelcolor": MUTED,
    "axes.labelsize": 8.5,
    "axes.edgecolor": GRID,
    "axes.linewidth": 0.8,
    "axes.spines.left": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "axes.autolimit_mode": "round_numbers",  # ticks on both sides of the values
    "axes.xmargin": 0.0,
    "axes.ymargin": 0.0,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "figure.facecolor": PAPER,
    "savefig.facecolor": "auto",
    "svg.fonttype": "none",  # text stays text: it can be selected, and takes the page's font
}

_LEGIBLE = 11  # pixels that the smallest text of a chart has at least

# Of matplotlib's markup: what is no part of the drawing, or what the page sets itself.
_UNWANTED = re.compile(
    r"<metadata>.*?</metadata>\s*|<defs>\s*<style.*?</style>\s*</defs>\s*"
    r"| font-family: [^;\"]*;?| xmlns(:xlink)?=\"[^\"]*\"| transform=\"rotate\(-?0 [^)]*\)\""
    r"|(?<=<g) id=\"[^\"]*\"",
    re.DOTALL,
)


# Draws under matplotlib's defaults and the settings above, whatever a person's own matplotlibrc
# says, and leaves matplotlib's own as they were.
drawn = style.context(_SETTINGS, after_reset=True)


def shortened(name: str, longest: int = 22) -> str:
    """A class name of so many letters at most."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def model_places(names: Iterable[str]) -> dict[str, int]:
    """Each model's place in the order of colours: its name's own, or the next that is free."""
    places: dict[str, int] = {}
    for name in names:
        own = hashlib.sha256(f"{name}{_SALT}".encode()).digest()[0]
        order = [(own + step) % len(MODEL_COLOURS) for step in range(len(MODEL_COLOURS))]
        places[name] = min(order, key=list(places.values()).count)
    return places


def model_colour(place: int) -> str:
    """The colour at a place in the order of colours, from 0; from the seventh on, again."""
    return MODEL_COLOURS[place % len(MODEL_COLOURS)]


def model_marker(place: int) -> str:
    """The marker that goes with the colour, for eyes that do not tell colours apart."""
    return _MARKERS[place % len(_MARKERS)]


def inches_axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes whose place is given in inches from the figure's lower left corner."""
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def one_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure filled by one pair of axes of that size in inches.

    Labels lie outside; :func:`png` and :func:`svg` make room for them.
    """
    figure = Figure(figsize=(width, height))
    return figure, figure.add_axes((0, 0, 1, 1))


def ticks(axis: Axis, unit: str = "") -> None:
    """Up to seven round numbers with their unit."""
    axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(f"{{x:g}}{unit}")


def write_at(
    axes: Axes,
    text: str,
    place: tuple[float, float],
    offset: tuple[float, float],
    colour: str = MUTED,
    **options: Any,
) -> None:
    """Text `offset` points away from a place, which may lie outside the axes."""
    options = {"fontsize": 8.5, "annotation_clip": False, **options}
    axes.annotate(text, place, offset, textcoords="offset points", color=colour, **options)


def name_ends(axes: Axes, x: float, ends: Sequence[tuple[str, float, str]]) -> None:
    """Names at the right ends of lines, at ``x``, moved apart where they would lie on each other.

    ``ends`` are each line's name, its height there and its colour. Axes have their final limits.
    """
    low, high = axes.get_ylim()
    point = (high - low) / (axes.bbox.height / axes.figure.dpi * 72)
    lines = max(name.count("\n") + 1 for name, _, _ in ends)
    heights = spread([height for _, height, _ in ends], 11 * lines * point)
    for (name, _, colour), height in zip(ends, heights, strict=True):
        write_at(axes, name, (x, height), (9, 0), colour, va="center", linespacing=1.15)


def spread(places: Sequence[float], gap: float) -> list[float]:
    """The places, moved as little as needed (to either side) for neighbours to be `gap` apart."""
    order = sorted(range(len(places)), key=lambda item: places[item])
    moved = list(places)
    for _ in range(50):
        for below, above in pairwise(order):
            lack = max(0.0, gap - (moved[above] - moved[below]))
            moved[below] -= lack / 2
            moved[above] += lack / 2
    return moved


def png(figure: Figure, title: str = "", *, dots_per_inch: int = 160, colours: int = 128) -> bytes:
    """The figure as a PNG of few colours, cropped to what is drawn, and small for it.

    Its title stands above the drawing, as a file may be seen far from any heading. ``colours`` is
    the size of the palette.
    """
    stream = io.BytesIO()
    _save(figure, stream, title, format="png", dpi=dots_per_inch)
    with Image.open(stream) as image:
        small = image.convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    out = io.BytesIO()
    small.save(out, format="png", optimize=True)
    return out.getvalue()


def svg(figure: Figure, name: str, alt: str) -> str:
    """The figure as inline markup: no background, the page's font, the page's colours.

    The ids in the markup depend on the name, so that several figures fit on one page; ``alt`` is
    what the figure shows, for those who do not see it.
    """
    stream = io.StringIO()
    _save(figure, stream, salt=name, format="svg", transparent=True, metadata={"Date": None})
    markup = stream.getvalue()
    # Where the axes are, and the numbers at their ends: the page's script reads values there.
    ends = [(*axes.get_xlim(), *axes.get_ylim()) for axes in figure.axes]
    texts = iter(" ".join(f"{end:g}" for end in each) for each in ends)
    frame = r"(<g id=\"axes_\d+\">\s*<g) id=\"patch_\d+\""
    markup = re.sub(frame, lambda found: f'{found[1]} data-axes="{next(texts)}"', markup)
    markup = _UNWANTED.sub("", markup[markup.index("<svg") :].strip())
    markup = markup.replace("xlink:href", "href")
    for colour, variable in _VARIABLES.items():
        markup = markup.replace(colour, variable)
    # Coordinates to a hundredth of a point; what stands between the tags is text, and stays.
    markup = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d+\.\d\d)\d+", r"\1", tag[0]), markup)
    markup = re.sub(r"\n\s*", "\n", markup)
    # The page scales a chart between bounds that depend on its own width and on its smallest text.
    sizes = re.findall(r"font-size: ([0-9.]+)px", markup)
    legible = _LEGIBLE / min(map(float, sizes), default=_LEGIBLE)
    return re.sub(
        r"^<svg[^>]* viewBox=\"0 0 ([0-9.]+) ([0-9.]+)\"[^>]*>",
        lambda found: (
            f'<svg role="img" aria-label="{html.escape(alt)}" viewBox="0 0 {found[1]} {found[2]}" '
            f'style="--native: {found[1]}px; --least: {float(found[1]) * legible:.0f}px">'
        ),
        markup,
    )


def _save(
    figure: Figure,
    stream: io.BytesIO | io.StringIO,
    title: str = "",
    salt: str = "",
    **options: Any,
) -> None:
    """Save what is drawn, cropped, with a title above it.

    matplotlib's own ``bbox_inches="tight"`` would draw everything twice.
    """
    figures = _SETTINGS | {"svg.hashsalt": salt}
    with style.context(figures, after_reset=True), warnings.catch_warnings():
        # A class name in a script that the font lacks is drawn as boxes; the tables still have it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        box = figure.get_tightbbox()
        across, up = figure.get_size_inches()
        place = box.x0 / across, (box.y1 + 0.16) / up
        heading = figure.text(*place, title, fontsize=11, fontweight="bold", va="bottom")
        figure.savefig(stream, bbox_inches=figure.get_tightbbox().padded(0.08), **options)
        heading.remove()
