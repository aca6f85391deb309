"""How all pictures look, and how a figure becomes a small PNG or markup that follows the page."""

import html
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image

P = ParamSpec("P")

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
MARKERS = ("o", "s", "D", "^", "v", "P")

# Text on a cell that is strongly tinted: dark in both themes, as tints are mid-tones in both.
ON_TINT = "#101214"
STRONGEST_TINT = 0.7

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
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture on every machine
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called "$5$"
    "axes.labelcolor": MUTED,
    "axes.labelsize": 8.5,
    "axes.edgecolor": GRID,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
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
    "savefig.edgecolor": "none",
    "svg.fonttype": "none",  # text stays text: it can be selected, and takes the page's font
    "svg.hashsalt": "fittingroom",
    "path.simplify": True,
}


def drawn(function: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw under the settings above, and leave matplotlib's own as they were."""

    @wraps(function)
    def under_settings(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(_SETTINGS):
            return function(*args, **kwargs)

    return under_settings


def model_colour(place: int) -> str:
    """The colour of the model at a place in the order given, from 0; from the seventh on, again."""
    return MODEL_COLOURS[place % len(MODEL_COLOURS)]


def model_marker(place: int) -> str:
    """The marker that goes with the colour, for eyes that do not tell colours apart."""
    return MARKERS[place % len(MARKERS)]


def tint_text(strength: float) -> str:
    """The colour of text on a tint of that strength (0 to :data:`STRONGEST_TINT`)."""
    return ON_TINT if strength > 0.5 else INK


def inches_axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes whose place is given in inches from the figure's lower left corner."""
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def spread(places: Sequence[float], gap: float) -> list[float]:
    """The places, moved as little as needed (to either side) for neighbours to be `gap` apart.

    Labels at the ends of two lines that nearly meet would else lie on each other.
    """
    order = sorted(range(len(places)), key=lambda item: places[item])
    moved = [places[item] for item in order]
    for _ in range(50):
        for below in range(len(moved) - 1):
            lack = gap - (moved[below + 1] - moved[below])
            if lack > 1e-9:
                moved[below] -= lack / 2
                moved[below + 1] += lack / 2
    spread_out = [0.0] * len(places)
    for place, item in zip(moved, order, strict=True):
        spread_out[item] = place
    return spread_out


def png(figure: Figure, title: str = "", *, dots_per_inch: int = 160, colours: int = 128) -> bytes:
    """The figure as a PNG of few colours, cropped to what is drawn, and small for it.

    Args:
        figure: what one of this room's functions gave.
        title: stands above the drawing, as a file may be seen far from any heading.
        dots_per_inch: resolution.
        colours: size of the palette; pictures with photographs in them need the most.
    """
    stream = io.BytesIO()
    _save(figure, stream, title, format="png", dpi=dots_per_inch)
    with Image.open(stream) as picture:
        small = picture.convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    out = io.BytesIO()
    small.save(out, format="png", optimize=True)
    return out.getvalue()


def svg(figure: Figure, name: str, alt: str) -> str:
    """The figure as inline markup: no background, the page's font, the page's colours.

    Args:
        figure: what one of this room's functions gave.
        name: prefix of the ids in it, so that several fit on one page.
        alt: what the picture shows, for those who do not see it.
    """
    stream = io.StringIO()
    _save(
        figure, stream, "", format="svg", transparent=True, metadata={"Date": None, "Creator": None}
    )
    markup = stream.getvalue()
    markup = markup[markup.index("<svg") :].strip()
    markup = re.sub(r"<metadata>.*?</metadata>\s*", "", markup, flags=re.DOTALL)
    markup = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", markup, flags=re.DOTALL)
    markup = re.sub(r" font-family: [^;\"]*;?", "", markup)
    markup = re.sub(r" xml(ns|ns:xlink)=\"[^\"]*\"", "", markup).replace("xlink:href", "href")
    markup = re.sub(r" transform=\"rotate\(-?0 [^)]*\)\"", "", markup)
    markup = _own_ids(markup, name)
    for colour, variable in _VARIABLES.items():
        markup = markup.replace(colour, variable)
    # Coordinates to a hundredth of a point; what stands between the tags is text, and stays.
    markup = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d+\.\d\d)\d+", r"\1", tag[0]), markup)
    markup = re.sub(r"\n\s*", "\n", markup)
    # The page scales a chart between bounds that depend on its own width, so it is told it.
    return re.sub(
        r"^<svg[^>]* viewBox=\"0 0 ([0-9.]+) ([0-9.]+)\"[^>]*>",
        lambda found: (
            f'<svg role="img" aria-label="{html.escape(alt)}" viewBox="0 0 {found[1]} {found[2]}" '
            f'style="--native: {found[1]}px">'
        ),
        markup,
    )


def _own_ids(markup: str, name: str) -> str:
    """Keep the ids that something points at, each made the only one of its kind on a page."""
    used = set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", markup))
    prefix = re.sub(r"[^A-Za-z0-9]+", "-", name)
    markup = re.sub(
        r" id=\"([^\"]+)\"",
        lambda found: f' id="{prefix}-{found[1]}"' if found[1] in used else "",
        markup,
    )
    return re.sub(r"(href=\"#|url\(#)", rf"\1{prefix}-", markup)


@contextmanager
def _patient() -> Iterator[None]:
    """A class name in a script that the font lacks is drawn as boxes; the tables still say it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _save(figure: Figure, stream: io.BytesIO | io.StringIO, title: str, **options: Any) -> None:
    """Save what is drawn, cropped, with a title above it.

    matplotlib's own ``bbox_inches="tight"`` would draw everything twice.
    """
    with matplotlib.rc_context(_SETTINGS), _patient():
        box = figure.get_tightbbox()
        heading = None
        if title:
            across, up = figure.get_size_inches()
            heading = figure.text(
                box.x0 / across,
                (box.y1 + 0.16) / up,
                title,
                fontsize=11,
                fontweight="bold",
                va="bottom",
            )
            words = heading.get_window_extent()
            box = Bbox.union([box, Bbox(words.get_points() / figure.dpi)])
        figure.savefig(stream, bbox_inches=box.padded(0.08), **options)
        if heading is not None:
            heading.remove()
