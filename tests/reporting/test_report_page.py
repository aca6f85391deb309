"""The page: self-contained, escaped, accessible, and the same numbers as the results."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from fittingroom.comparison import Comparison
from fittingroom.evaluation import ModelReport
from fittingroom.plots.style import MODEL_COLOURS

VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """Tags in order, with their attributes, and the page's visible text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.scripts: list[str] = []
        self.folder = path.parent
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module", params=["page", "odd_page", "many_page"])
def parsed(request: pytest.FixtureRequest) -> Page:
    return Page(request.getfixturevalue(request.param))


def test_nothing_is_fetched_from_anywhere(parsed: Page) -> None:
    ids = {attributes["id"] for _, attributes in parsed.tags if "id" in attributes}
    for tag, attributes in parsed.tags:
        assert tag not in {"iframe", "object", "embed", "form", "base"}
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "action", "srcset", "poster", "data", "xlink:href"):
            address = attributes.get(name, "#")
            if address.startswith("#"):
                assert address == "#" or address[1:] in ids
            elif address.startswith(("images/", "MODEL_CARD_")):
                assert (parsed.folder / address).is_file()
            else:
                assert address.startswith("data:"), f"<{tag} {name}={address[:60]}>"
    without = re.sub("<script.*?</script>", "", parsed.source, flags=re.DOTALL)
    assert not re.search(r"url\((?!#)|@import|https?:", without)
    # One script, known by its hash; the other one is data.
    assert [each["type"] for each in parsed.all("script")] == ["application/json", "module"]
    script = base64.b64encode(hashlib.sha256(parsed.scripts[-1].encode()).digest()).decode()
    policy = next(tag for tag in parsed.all("meta") if "http-equiv" in tag)["content"]
    assert policy == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{script}'"
    )


def test_ids_are_unique_and_tags_balanced(parsed: Page) -> None:
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert parsed.open == []


def test_structure_for_those_who_listen(parsed: Page) -> None:
    assert parsed.all("html")[0]["lang"] == "en"
    for landmark in ("header", "main", "nav", "footer"):
        assert len(parsed.all(landmark)) == 1
    levels = [int(tag[1]) for tag, _ in parsed.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all("alt" in image for image in parsed.all("img"))
    assert all(
        chart["role"] == "img" and len(chart["aria-label"]) > 30 for chart in parsed.all("svg")
    )
    assert len(parsed.all("caption")) == len(parsed.all("table")) > 3
    assert all(cell["scope"] in {"row", "col"} for cell in parsed.all("th"))


def test_every_figure_has_its_sentence_and_its_numbers(parsed: Page) -> None:
    figures = len(parsed.all("figure"))
    assert figures == len(parsed.all("figcaption"))
    # Images have their words beneath; the numbers of charts are in tables.
    tables = [each for each in parsed.all("details") if "class" not in each]
    assert len(tables) == len(parsed.all("svg"))


def test_verdict_and_results_come_first(page: Path, comparison: Comparison) -> None:
    text = " ".join(Page(page).text.split())
    parts = comparison.sentence[:50], "Macro F1", "Accuracy and paired differences"
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_tables_hold_the_same_numbers_as_the_results(
    page: Path, models: list[ModelReport], comparison: Comparison
) -> None:
    text = re.sub(r"\s+", " ", Page(page).text)
    for result in comparison.models:
        accuracy = result.accuracy
        assert (
            f"{100 * accuracy.value:.2f}% ({100 * accuracy.low:.2f}–{100 * accuracy.high:.2f}%)"
            in text
        )
    pair = comparison.pairs[0]
    assert pair.mcnemar is not None
    assert f"better+{100 * pair.difference.value:.2f} (" in text
    assert f"cnn − ann+{100 * pair.difference.value:.2f} (" in text
    assert f"{pair.mcnemar.b_only}{pair.mcnemar.a_only}" in text
    for model in models:
        for row in model.evaluation.confusion:
            assert "".join(str(count) for count in row) in text
        for scores in model.evaluation.per_class:
            row = scores.name + "".join(
                f"{100 * each.value:.1f}% ({100 * each.low:.1f}–{100 * each.high:.1f}%)"
                for each in (scores.precision, scores.recall, scores.f1)
            )
            assert row in text
        macro = model.evaluation.scores["macro_precision"]
        assert macro is not None
        assert f"Mean of the classes{100 * macro.value:.1f}% ({100 * macro.low:.1f}–" in text
        for epoch in model.history:
            assert f"{epoch.epoch}{100 * epoch.train_accuracy:.2f}%" in text
            assert f"{epoch.train_loss:.4f}{epoch.val_loss:.4f}" in text


def test_names_are_escaped(odd_page: Path) -> None:
    page = Page(odd_page)
    assert "<b>&" in page.text
    assert "$5_6$ | *x*" in page.text
    assert "../<i>odd" in page.text
    assert not page.all("i")


def test_no_markup_shows_as_text_and_digits_stay(page: Path) -> None:
    parsed = Page(page)
    assert "<" not in re.sub("< 0.001|<1%", "", parsed.text)
    assert "&" not in parsed.text
    assert f"ann {0.9 / 4:.3f}</text>" in parsed.source


def test_other_data_is_said_before_the_first_number(
    odd_page: Path, many_page: Path, page: Path
) -> None:
    text = Page(odd_page).text
    assert text.index("The data is <mine>.") < text.index("%")
    text = Page(many_page).text
    assert text.index("The data is the small sample.") < text.index("%")
    assert "Note." not in Page(page).text


# --- colours -----------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def themes(page: Path) -> dict[str, dict[str, str]]:
    css = page.read_text(encoding="utf-8")
    screen, printed = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)
    pairs = re.findall(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", screen)
    light = {name: colour for name, colour, _ in pairs}
    own = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", printed))
    dark = {name: colour for name, _, colour in pairs}
    return {"light": light, "dark": dark, "print": {**light, "link": light["ink"], **own}}


def test_text_has_enough_contrast_in_every_theme(page: Path) -> None:
    """WCAG 2.2, level AA: 4.5 to 1."""
    for name, theme in themes(page).items():
        assert len([key for key in theme if key.startswith("model-")]) == len(MODEL_COLOURS)
        for text in theme.keys() - {"paper", "card", "grid", "rest"}:
            assert contrast(theme[text], theme["paper"]) >= 4.5, (name, text)
        assert contrast(theme["ink"], theme["card"]) >= 4.5


def test_page_and_images_share_the_colours(page: Path) -> None:
    light = themes(page)["light"]
    assert [light[f"model-{place}"] for place in range(len(MODEL_COLOURS))] == list(MODEL_COLOURS)
    # No chart has a colour that would stay as it is in the dark.
    charts = "".join(re.findall(r"<svg.*?</svg>", page.read_text(encoding="utf-8"), re.DOTALL))
    assert set(re.findall(r"#[0-9a-f]{6}\b", charts)) <= {"#101214"}
