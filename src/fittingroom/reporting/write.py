"""Writing the report's folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from fittingroom.comparison import Comparison
from fittingroom.errors import PredictionsError
from fittingroom.findings import CODES
from fittingroom.plots import SampleRow
from fittingroom.predictions import UInt8
from fittingroom.reporting import sentences, tables
from fittingroom.reporting.inline import picture_uri, unbroken_ranges
from fittingroom.reporting.model_figures import Section, data_panel, model_section
from fittingroom.reporting.model_report import Facts, Garments, ModelReport, findings
from fittingroom.reporting.pair_figures import overview_panels, pair_sections, shared_section
from fittingroom.reporting.results import results, to_json
from fittingroom.reporting.subsets import (
    AUDIT_PAGE,
    NO_AUDIT,
    Audited,
    subsets_sentence,
    subsets_table,
)
from fittingroom.runs import make_folder, write_file


def write_report(
    folder: Path,
    *,
    comparison: Comparison | None,
    reports: Sequence[ModelReport],
    pictures: UInt8,
    sample: Garments,
    facts: Facts,
    audited: Audited | None = None,
) -> Path:
    """Write a report of one model, or of several held against each other.

    Leaves in the folder ``index.html`` (one self-contained page), ``README.md`` (the same for a
    terminal), ``results.json`` (all numbers), ``images/``, and ``audit.html`` where the data was
    audited. Each file is written whole or not at all, the page last; files of an earlier report
    are replaced.

    Args:
        folder: made where it is missing.
        comparison: of all the models, or None for a single one.
        reports: the models, at least one, in the order of the comparison.
        pictures: uint8 ``(N, 28, 28)``, the test half in the order of the predictions.
        sample: training pictures with labels, some of each class.
        facts: where the numbers come from.
        audited: the models without what misleads in the data, where it was audited.

    Returns:
        The page's path.

    Raises:
        PredictionsError: there is no model, or pictures and predictions do not fit.
        RunError: the folder cannot be written to.
    """
    _check(reports, pictures)
    classes = reports[0].evaluation.predictions.classes
    data = data_panel(sample, classes)
    summary = () if comparison is None else overview_panels(comparison)
    sections: list[Section] = []
    if comparison is not None:
        sections += pair_sections(comparison, reports, pictures)
    sections.append(shared_section(reports, comparison))
    sections += [model_section(report, place, pictures) for place, report in enumerate(reports)]
    panels = [*summary, *(panel for section in sections for panel in section.panels), data]
    found = findings(reports, comparison, facts)
    verdict = sentences.outcome(reports, comparison, facts)
    page = {
        "title": " against ".join(report.name for report in reports),
        "reports": reports,
        "verdict": verdict,
        "headline": sentences.headline(verdict),
        "notices": sentences.notices(facts),
        "findings": found,
        "findings_by_code": [
            (code, [each for each in found if each.code == code])
            for code in dict.fromkeys(each.code for each in found)
        ],
        "advice": CODES,
        "results": tables.results(reports, comparison),
        "pairs": None if comparison is None else tables.pairs(comparison),
        "subsets": None
        if audited is None
        else subsets_table(audited, [report.name for report in reports]),
        "subsets_sentence": NO_AUDIT if audited is None else subsets_sentence(audited),
        "summary": summary,
        "sections": sections,
        "data": data,
        "strip": [SampleRow(row.name, row.pictures[:1]) for row in data.samples],
        "facts": facts,
        "sources": _sources(reports, facts),
        "openings": sentences.openings(reports, facts),
        "trained_here": all(report.recipe for report in reports),
        "opened": tables.openings(reports, facts),
        "origin": sentences.origin(facts),
    }
    # Everything is made before the first file is written: what fails leaves the old report whole.
    numbers = to_json(results(comparison, reports, facts, panels, found, audited))
    markdown = render("report.md.jinja", page)
    html = render("page.html.jinja", page)
    images = make_folder(folder / "images")
    for panel in panels:
        write_file(images / panel.image, panel.png)
    write_file(folder / "results.json", numbers)
    write_file(folder / "README.md", markdown)
    if audited is None:
        (folder / AUDIT_PAGE).unlink(missing_ok=True)  # that of an earlier report
    else:
        write_file(folder / AUDIT_PAGE, audited.page)
    index = folder / "index.html"
    write_file(index, html)
    return index


def _check(reports: Sequence[ModelReport], pictures: UInt8) -> None:
    if not reports:
        raise PredictionsError("Expected at least one model to report on. Received none.")
    for report in reports:
        count = len(report.evaluation.predictions)
        if len(pictures) != count:
            raise PredictionsError(
                f"Expected a picture for each of the {count} predictions of {report.name}. "
                f"Received {len(pictures)} pictures."
            )


def _sources(reports: Sequence[ModelReport], facts: Facts) -> tables.Table:
    """Where the numbers come from, a fact a row."""
    rows = [
        ("Data", facts.data),
        ("Files", sentences.origin(facts)),
    ]
    rows += _counts("Training pictures", {each.name: each.training_pictures for each in reports})
    rows += _counts(
        "Validation pictures", {each.name: each.validation_pictures for each in reports}
    )
    rows.append(("Test pictures", f"{len(reports[0].evaluation.predictions):,}"))
    for report in reports:
        if report.run:
            seed = "" if report.seed is None else f", seed {report.seed}"
            rows.append((f"Run of {report.name}", f"{report.run}{seed}"))
    for name, value in facts.environment.items():
        rows.append((str(name).replace("_", " ").capitalize(), _words(value)))
    return tables.Table("Data, runs and environment.", ("", ""), tuple(rows), words=2)


def _counts(name: str, numbers: Mapping[str, int | None]) -> list[tuple[str, str]]:
    """One row where all models have the same number, otherwise one a model; none unknown."""
    known = {model: number for model, number in numbers.items() if number is not None}
    if len(set(known.values())) > 1:
        return [(f"{name} of {model}", f"{number:,}") for model, number in known.items()]
    return [(name, f"{number:,}") for number in list(known.values())[:1]]


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)


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
    environment.filters["picture"] = picture_uri
    environment.filters["ranges"] = unbroken_ranges
    environment.filters["markdown"] = tables.escape_markdown
    return environment.get_template(template).render(page).encode()
