"""Writing the report's folder."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from fittingroom import project
from fittingroom.comparison import Comparison
from fittingroom.data import ImageSet
from fittingroom.evaluation import SCORES, ModelReport
from fittingroom.findings import CODES, Finding, foremost
from fittingroom.numbers import percent_estimate, some
from fittingroom.plots import model_places
from fittingroom.predictions import UInt8
from fittingroom.reporting import tables
from fittingroom.reporting.facts import Facts, outcome
from fittingroom.reporting.model_figures import data_panel, model_section
from fittingroom.reporting.page_data import Embed, Features, image_uri, page_data
from fittingroom.reporting.pair_figures import accuracies, pair_sections
from fittingroom.reporting.panel import card_name
from fittingroom.reporting.results import results_json
from fittingroom.reporting.shared_figures import shared_section
from fittingroom.reporting.subsets import Audited
from fittingroom.runs import replace_output
from fittingroom.safe_io import utf8

_STRIP = 10  # images at the head of the page


def write_report(
    folder: Path,
    *,
    models: Sequence[ModelReport],
    comparison: Comparison | None,
    findings: Sequence[Finding],
    facts: Facts,
    images: UInt8,
    sample: ImageSet,
    audited: Audited | None = None,
    features: Features = lambda model, images: None,
    tsne: Embed | None = None,
) -> Path:
    """Write a report on one model, or on several that are compared.

    Writes into the folder ``index.html`` (one self-contained page), ``README.md`` (the same for a
    terminal), ``results.json`` (all numbers), a model card for each model, ``images/``, and
    ``audit.html`` if the data was audited. Each file is written whole or not at all, the page last;
    what an earlier report left there is removed.

    Args:
        folder: as :func:`fittingroom.runs.open_output` gives it.
        models, comparison: at least one, and the comparison of several, in the same order.
        findings, facts: what deserves a second look, and where the numbers come from.
        images: the test images, uint8 ``(N, 28, 28)``, in the order of the predictions.
        sample: training images with labels, some of each class.
        audited: the models without what misleads in the data, if it was audited.
        features, tsne: what a model makes of images, and t-SNE if the map is drawn by it.

    Returns:
        The page's path.
    """
    data = data_panel(sample, models[0].evaluation.predictions.classes)
    summary = [] if comparison is None else [accuracies(comparison)]
    sections = [] if comparison is None else pair_sections(comparison, models, images)
    sections.append(shared_section(models, comparison, images))
    names = [model.name for model in models]
    places = model_places(names)
    sections += [model_section(model, places[model.name], images) for model in models]
    panels = [*summary, *(panel for section in sections for panel in section.panels), data]
    verdict = outcome(models, comparison, facts)
    # Of the foremost kinds, one for each model: the page says of all models what is true of them.
    kinds = [each.code for each in foremost(findings)]
    chosen = {(each.code, each.about): each for each in reversed(findings) if each.code in kinds}
    first = sorted(chosen.values(), key=findings.index)
    rest = [finding for finding in findings if finding not in first]
    parts = [(each.key, each.title) for each in sections if each.place is None]
    parts += [("models", "Models"), ("data", "The data"), ("sources", "Sources")]
    script = resources.files(__package__).joinpath("templates/report.js").read_text("utf-8")
    page = {
        "title": " against ".join(names),
        "names": names,
        "places": places,
        "test_images": f"{len(images):,}",
        "verdict": verdict,
        "sentences": verdict.removesuffix(".").partition(". "),
        "numbers": tables.headline(models, comparison),
        "parts": [("findings", "Findings"), ("results", "Results"), *parts],
        "foremost": _by_code(first),
        "rest": _by_code(rest),
        "more": some(len(rest), "more finding"),
        "findings": _by_code(findings),
        "advice": CODES,
        "results": tables.results(models, comparison),
        "pairs": None if comparison is None else tables.pairs(comparison),
        "scores": SCORES.values(),
        "audited": audited,
        "summary": summary,
        "sections": sections,
        "data": data,
        "strip": [row.images[0] for row in data.rows[:_STRIP] if len(row.images)],
        "facts": facts,
        "sources": tables.sources(models, facts),
        "openings": facts.openings_sentence(models),
        "trained_here": all(model.run is not None for model in models),
        "opened": tables.openings(models, facts),
        "script": Markup(script),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "page_data": Markup(page_data(models, images, features, tsne)),
        "cards": [card_name(name) for name in names],
    }
    # Everything is made before the first file is written: what fails leaves the old report whole.
    numbers = results_json(comparison, models, facts, panels, findings, audited)
    markdown = render("report.md.jinja", page)
    html = render("page.html.jinja", page)
    content = {f"images/{panel.image}": panel.png for panel in panels}
    content |= {"results.json": numbers, "README.md": markdown}
    for model in models:
        about = {"model": model, "found": findings, "tables": tables, "comparison": comparison}
        content[card_name(model.name)] = render("card.md.jinja", page | about)
    content |= {} if audited is None else {"audit.html": audited.page}
    replace_output(folder, content | {"index.html": html})
    return folder / "index.html"


def _by_code(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    return {
        code: [finding for finding in findings if finding.code == code]
        for code in dict.fromkeys(finding.code for finding in findings)
    }


def render(template: str, page: Mapping[str, Any]) -> bytes:
    """A page from one of the room's templates, in UTF-8; HTML is escaped."""
    environment = Environment(
        loader=PackageLoader("fittingroom.reporting"),
        autoescape=template.endswith(".html.jinja"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals |= {"repository": project.REPOSITORY, "version": project.VERSION}
    environment.filters["image"] = image_uri
    environment.filters["ranges"] = unbroken_ranges
    environment.filters["estimate"] = percent_estimate
    environment.filters["markdown"] = tables.escape_markdown
    return utf8(environment.get_template(template).render(page)).encode()


def unbroken_ranges(text: str) -> Markup:
    """The text, escaped, in which no line breaks within an interval.

    Such as ``(92.6–93.6%)`` or ``(+1.9 to +2.9)``.
    """
    return Markup(
        re.sub(
            r"\([^()]{0,18}\d–\d[^()]{0,12}\)|\([+−]?[\d.]+ to [+−]?[\d.]+\)",
            r'<span class="range">\g<0></span>',
            str(escape(text)),
        )
    )
