"""Accuracy without what misleads, in the report."""

import json
import re
from pathlib import Path

import pytest

from fittingroom.auditing import subsets
from fittingroom.comparison import Entrant
from fittingroom.evaluation import ModelReport
from fittingroom.numbers import percent_estimate, points_estimate
from fittingroom.reporting import Audited, Facts
from tests.auditing.made_up import made_up
from tests.reporting.conftest import write


@pytest.fixture(scope="module")
def audited(models: list[ModelReport]) -> Audited:
    """Both models without three images, and without ten."""
    doubtful = [(position, 0, 0, 0, 1) for position in range(40, 50)]
    entrants = [
        Entrant(each.name, each.name, (0,), (each.evaluation.predictions,)) for each in models
    ]
    found = subsets(entrants, made_up(doubtful=doubtful))
    return Audited("audit-tiny-s0-1234", "tiny", found, b"<!DOCTYPE html><title>audit</title>")


def test_the_table_stands_side_by_side_and_begins_with_the_raw_result(audited, comparison):
    table = audited.table(["ann", "cnn"])
    assert table.columns[1] == "All"
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["Test images"] == ("400", "397", "390")
    for model in comparison.models:
        assert rows[model.name][0] == percent_estimate(model.accuracy, 2)
    gain = points_estimate(comparison.pairs[0].difference, 2)
    assert rows["cnn minus ann, in points"][0] == gain
    assert len(set(rows["cnn"])) == 3


def test_the_sentence_says_what_it_rests_on_and_its_bias(audited):
    sentence = audited.sentence
    assert "audit-tiny-s0-1234 found 3 test images with a near-duplicate in training" in sentence
    assert "one that makes the same mistakes as these" in sentence


def test_the_report_holds_the_audit_and_its_headline_stays_the_raw_one(
    audited: Audited,
    models: list[ModelReport],
    official: Facts,
    page: Path,
    tmp_path: Path,
):
    index = write(tmp_path, models, official, audited)
    html, raw = index.read_text(), page.read_text()
    assert 'href="audit.html"' in html
    assert (tmp_path / "audit.html").read_bytes() == audited.page
    (verdict,) = re.findall(r'class="verdict">(.*?)</p>', html)
    assert verdict in raw
    values = json.loads((tmp_path / "results.json").read_text())
    assert values["audit"]["subsets"] == [subset.as_dict() for subset in audited.subsets]
    markdown = (tmp_path / "README.md").read_text()
    assert "Without doubtful labels" in markdown
    assert "(audit.html)" in markdown

    # The next report, of data without an audit, leaves nothing of this one.
    index = write(tmp_path, models[:1], official)
    assert not (tmp_path / "audit.html").exists()
    assert "audit.html" not in index.read_text()
    assert json.loads((tmp_path / "results.json").read_text())["audit"] is None


def test_without_an_audit_one_line_says_how_to_get_it(page: Path):
    assert "fittingroom audit</code> finds them" in page.read_text()
    assert "`fittingroom audit` finds them" in (page.parent / "README.md").read_text()
