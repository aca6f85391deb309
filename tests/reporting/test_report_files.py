"""What a report leaves in its folder."""

import dataclasses
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fittingroom.comparison import Comparison
from fittingroom.errors import RunError
from fittingroom.evaluation import ModelReport
from fittingroom.findings import CODES, find
from fittingroom.metrics import wilson
from fittingroom.numbers import percent_estimate
from fittingroom.reporting import Facts
from fittingroom.reporting.pair_figures import accuracies
from fittingroom.reporting.tables import Table
from fittingroom.reporting.write import render
from tests.reporting.conftest import history, write

OF_A_MODEL = "confusion_matrix most_confused worst_mistakes"
OF_ALL = (
    "sample_data accuracies class_gains confusion_difference flipped recalls calibration "
    "risk_coverage sample_predictions learning_curves"
)
PROMISED = {f"{name}_{kind}.png" for name in ("ann", "cnn") for kind in OF_A_MODEL.split()} | {
    f"{kind}.png" for kind in OF_ALL.split()
}


def read_json(path: Path) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_all_promised_files_are_there(page: Path) -> None:
    assert {path.name for path in (page.parent / "images").iterdir()} == PROMISED
    assert {path.name for path in page.parent.iterdir()} == {
        ".fittingroom.json",
        "images",
        "index.html",
        "MODEL_CARD_ann.md",
        "MODEL_CARD_cnn.md",
        "README.md",
        "results.json",
    }


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_images_are_small_and_show_something(page: Path, name: str) -> None:
    content = (page.parent / "images" / name).read_bytes()
    assert len(content) < 150_000
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "PNG"
        assert 300 < image.width < 1300
        assert 250 < image.height < 1500
        grey = np.asarray(image.convert("L"))
    assert grey.std() > 5
    # Nothing is cut: what is drawn keeps clear of all four edges.
    edges = (grey[0], grey[-1], grey[:, 0], grey[:, -1])
    assert all((edge > 250).all() for edge in edges)


def test_results_hold_all_numbers(
    page: Path, models: list[ModelReport], comparison: Comparison
) -> None:
    results = read_json(page.parent / "results.json")
    assert results["verdict"] == comparison.sentence
    assert results["comparison"] == json.loads(json.dumps(comparison.as_dict()))
    for stored, model in zip(results["models"], models, strict=True):
        assert stored["name"] == model.name
        assert (page.parent / stored["card"]).is_file()
        assert stored["parameters"] == 1_234_567
        assert stored["seconds_per_image"]["single"]["median"] == 1.234e-4
        assert stored["evaluation"]["accuracy"]["value"] == model.evaluation.accuracy.value
        assert stored["history"][3]["val_accuracy"] == model.history[3].val_accuracy
    assert results["data"]["official"] is True
    assert len(results["openings"]) == 6
    assert {figure["image"] for figure in results["figures"]} == {f"images/{n}" for n in PROMISED}


def test_readme_reads_without_a_browser(page: Path, comparison: Comparison) -> None:
    text = (page.parent / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ann against cnn\n")
    assert all(f"\n\n## {part}\n\n" in text for part in ("Findings", "The data", "cnn"))
    assert comparison.sentence in text
    accuracy = comparison.models[1].accuracy
    assert f"{100 * accuracy.value:.2f}% ({100 * accuracy.low:.2f}–" in text
    rows = [line for line in text.splitlines() if line.startswith("| Accuracy")]
    assert len(rows) == 1
    for name in PROMISED:
        assert f"](images/{name})" in text


def test_hostile_names_are_harmless_in_file_names_and_markdown(odd_page: Path) -> None:
    names = {path.name for path in (odd_page.parent / "images").iterdir()}
    assert "i-odd_confusion_matrix.png" in names
    text = (odd_page.parent / "README.md").read_text(encoding="utf-8")
    assert "<b>" not in text
    assert "<i>" not in text
    assert "my &#60;data>" in text


def test_one_model_alone_and_without_probabilities(odd_page: Path) -> None:
    results = read_json(odd_page.parent / "results.json")
    assert results["comparison"] is None
    names = {path.name for path in (odd_page.parent / "images").iterdir()}
    assert "calibration.png" not in names
    assert not any("curve" in name for name in names)
    # Without probabilities, no mistake is surer than another.
    assert "i-odd_worst_mistakes.png" not in names
    assert "i-odd_most_confused.png" in names


def test_findings_are_shown_with_their_codes_and_advice(
    page: Path, models: list[ModelReport], comparison: Comparison, official: Facts
) -> None:
    found = find(models, comparison)
    assert {each.code for each in found} >= {"too-few-seeds"}
    assert read_json(page.parent / "results.json")["findings"] == [f.as_dict() for f in found]
    shown = page.read_text(encoding="utf-8")
    text = (page.parent / "README.md").read_text(encoding="utf-8")
    for finding in found:
        assert f"<code>{finding.code}</code>" in shown
        assert f"- `{finding.code}`: " in text
        assert CODES[finding.code].advice in text
    unshown = dataclasses.replace(official, runs=["ann-s0-3f9c"])
    assert [each.run for each in unshown.openings_unshown(models)] == ["cnn-s0-3f9c"]


def test_a_model_card_has_the_models_numbers_and_its_own_limits(
    page: Path, many_page: Path, models: list[ModelReport], comparison: Comparison
) -> None:
    text = (page.parent / "MODEL_CARD_ann.md").read_text(encoding="utf-8")
    accuracy = percent_estimate(comparison.models[0].accuracy, 2)
    worst = min(models[0].evaluation.per_class, key=lambda each: each.recall.value)
    assert f" {accuracy} |" in text
    weak = text[text.index("## Weak classes") : text.index("## Limits")].splitlines()
    assert weak[4].startswith(
        f"- {worst.name}: {percent_estimate(worst.recall)} of 40 images. Most often"
    )
    assert "cnn" not in text
    assert "It was trained once, which says little" in text
    assert not any(each.advice in text for each in CODES.values())
    # One that makes no mistake, and gives no probabilities, on data that is not the real one.
    (perfect,) = many_page.parent.glob("MODEL_CARD_a-rather*")
    text = perfect.read_text(encoding="utf-8")
    assert "The data is the small sample." in text
    assert "instead" not in text


def test_a_model_card_tells_a_run_from_the_mean_of_several(
    tmp_path: Path, models: list[ModelReport], odd_page: Path, official: Facts
) -> None:
    model = models[0]
    assert model.run is not None
    index = write(tmp_path, [dataclasses.replace(model, others=(model.run,) * 2)], official)
    text = index.with_name("MODEL_CARD_ann.md").read_text(encoding="utf-8")
    own = percent_estimate(model.evaluation.accuracy, 2)
    assert "the mean of 3 trainings. All else is of the run `ann-s0-3f9c`, which has" in text
    assert f"an accuracy of {own} itself." in text
    assert "This test set was opened once" in text
    (external,) = odd_page.parent.glob("MODEL_CARD_*")
    assert "opened" not in external.read_text(encoding="utf-8")


def test_the_report_says_how_to_cite(page: Path, odd_page: Path, comparison: Comparison) -> None:
    cite = page.read_text(encoding="utf-8").split("<summary>Cite</summary>")[1]
    assert comparison.sentence.partition(". ")[0] in cite
    assert "version = {0.2.0}" in cite
    assert "1708.07747" not in odd_page.read_text(encoding="utf-8")


def test_many_models_have_figures_for_three_pairs(many_page: Path) -> None:
    names = {path.name for path in (many_page.parent / "images").iterdir()}
    long_name = "a-rather-long-name-that-somebody-gave-a-regression"
    for pair in ("ann_keras-ann", f"ann_{long_name}", "ann_forest"):
        for kind in ("class_gains", "confusion_difference", "flipped"):
            assert f"{pair}_{kind}.png" in names
    assert "keras-ann_forest_flipped.png" not in names
    # It makes no mistake, so it has none to show.
    assert f"{long_name}_worst_mistakes.png" not in names
    assert f"{long_name}_confusion_matrix.png" in names


def test_each_kind_of_model_is_described_in_its_own_words(many_page: Path) -> None:
    names = {path.name for path in (many_page.parent / "images").iterdir()}
    assert "learning_curves.png" in names
    text = " ".join(many_page.with_name("README.md").read_text(encoding="utf-8").split())
    last = history()[-1].val_accuracy
    for number in (5_000, 12_000):
        interval = percent_estimate(wilson(round(last * number), number))
        assert f"Epoch 4 is kept, with a validation accuracy of {interval}." in text
    assert text.count("Trained in one go, so there are no curves") == 2
    for row in (
        r"\| Operations per image .* 7,654,321 multiply-adds .* 7,654,321 comparisons \|",
        r"\| Training images +\| ann 55,000, keras-ann 48,000, ",
        r"\| Log loss +\|( +\d\.\d{3} \([^)]*\) \|){2} +– \|",
    ):
        assert re.search(row, text), row
    values = read_json(many_page.with_name("results.json"))
    models = values["models"]
    assert [each["keep"] for each in models] == ["best accuracy", "last", None, None]
    assert [each["best_epoch"] for each in models] == [4, 4, None, None]
    assert models[1]["validation_images"] == 12_000
    assert values["data"]["validation_images"] is None


def test_same_results_give_the_same_bytes(page: Path, comparison: Comparison) -> None:
    panel = accuracies(comparison)
    assert (page.parent / "images" / panel.image).read_bytes() == panel.png
    assert panel.svg in page.read_text(encoding="utf-8")


def test_a_full_disk_leaves_the_old_report_whole(
    tmp_path: Path, odd_model: ModelReport, full_disk: Callable[[], None]
) -> None:
    old = tmp_path / "index.html"
    old.write_text("the old report")
    full_disk()
    with pytest.raises(RunError, match="No space left"):
        write(tmp_path, [odd_model], Facts("data", official=False, description=""))
    assert old.read_text() == "the old report"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["index.html"]


def test_markdown_tables_stay_tables() -> None:
    table = Table("Some.", ("", "a|b"), (("<b> & c", "< 0.001"), (">x\ny", "`*_&lt;`")))
    assert table.markdown().splitlines() == [
        "|             |             a\\|b |",
        "|:------------|-----------------:|",
        "| &#60;b> & c |          < 0.001 |",
        "| &#62;x y    | \\`\\*\\_&#38;lt;\\` |",
    ]


def test_pages_link_to_the_repository_once_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert render("maker.html.jinja", {}) == b"Fitting Room"
    monkeypatch.setattr("fittingroom.project.REPOSITORY", "https://example.org/room")
    linked = b'<a href="https://example.org/room">Fitting Room</a>'
    assert render("maker.html.jinja", {}) == linked


def test_what_was_done_to_the_data_is_told(
    models: list[ModelReport], official: Facts, tmp_path: Path
) -> None:
    notes = ("Read from folders of images.", "A fifth was set apart & kept.")
    index = write(tmp_path, models[:1], dataclasses.replace(official, notes=notes))
    assert "Read from folders of images. A fifth was set apart &amp; kept." in index.read_text()
    assert "Read from folders of images." in (tmp_path / "README.md").read_text()
    results = read_json(tmp_path / "results.json")
    assert results["data"]["notes"] == list(notes)
