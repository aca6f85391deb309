"""What a report leaves in its folder."""

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fittingroom.comparison import Comparison
from fittingroom.errors import PredictionsError, RunError
from fittingroom.reporting import Exhibit, Facts, write_report
from fittingroom.reporting.tables import Table
from tests.reporting.conftest import history, write

PROMISED = {
    "sample_data.png",
    *(
        f"{name}_{kind}.png"
        for name in ("ann", "cnn")
        for kind in (
            "accuracy_curve",
            "loss_curve",
            "confusion_matrix",
            "sample_predictions",
            "most_confused",
            "worst_mistakes",
        )
    ),
    "accuracies.png",
    "class_gains.png",
    "confusion_difference.png",
    "flipped.png",
    "recalls.png",
    "calibration.png",
}


def read_json(path: Path) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_all_promised_files_are_there(page: Path) -> None:
    assert {path.name for path in (page.parent / "images").iterdir()} == PROMISED
    assert {path.name for path in page.parent.iterdir()} == {
        "images",
        "index.html",
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
    page: Path, models: list[Exhibit], comparison: Comparison
) -> None:
    results = read_json(page.parent / "results.json")
    assert results["verdict"] == comparison.sentence
    assert results["comparison"] == json.loads(json.dumps(comparison.as_dict(details=True)))
    for stored, model in zip(results["models"], models, strict=True):
        assert stored["name"] == model.name
        assert stored["parameters"] == 1_234_567
        assert stored["seconds_a_picture"]["single"]["median"] == 1.234e-4
        assert stored["evaluation"]["accuracy"]["value"] == model.evaluation.accuracy.value
        assert stored["history"][3]["val_accuracy"] == model.history[3].val_accuracy
    assert results["data"]["official"] is True
    assert len(results["openings"]) == 2
    assert {figure["image"] for figure in results["figures"]} == {f"images/{n}" for n in PROMISED}


def test_results_are_strict_json_even_where_a_number_is_none(
    tmp_path: Path, models: list[Exhibit], official: Facts
) -> None:
    from fittingroom.reporting.results import to_json

    content = to_json({"a": float("nan"), "b": [np.float32("inf"), np.int64(3)], "c": (True, None)})
    (tmp_path / "x.json").write_bytes(content)
    assert read_json(tmp_path / "x.json") == {"a": None, "b": [None, 3], "c": [True, None]}


def test_readme_reads_without_a_browser(page: Path, comparison: Comparison) -> None:
    text = (page.parent / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ann against cnn\n")
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
    assert "my &#60;data&#62;" in text


def test_one_model_alone_and_without_probabilities(odd_page: Path) -> None:
    results = read_json(odd_page.parent / "results.json")
    assert results["comparison"] is None
    names = {path.name for path in (odd_page.parent / "images").iterdir()}
    assert "calibration.png" not in names
    assert not any("curve" in name for name in names)
    assert "i-odd_worst_mistakes.png" in names


def test_a_model_trained_in_one_go_has_a_sentence_in_place_of_curves(
    tmp_path: Path, models: list[Exhibit], official: Facts
) -> None:
    once = dataclasses.replace(models[0], history=history(1), best_epoch=1)
    page = write(tmp_path, [once], official)
    assert not [path for path in (tmp_path / "images").iterdir() if "curve" in path.name]
    assert "Trained in one go, so there are no curves: validation accuracy 73.0%" in (
        page.read_text(encoding="utf-8")
    )


def test_three_models_have_a_set_of_figures_for_each_pair(three_page: Path) -> None:
    names = {path.name for path in (three_page.parent / "images").iterdir()}
    for pair in ("a_b", "a_c", "b_c"):
        for kind in ("class_gains", "confusion_difference", "flipped"):
            assert f"{pair}_{kind}.png" in names
    # The third model makes no mistake, so it has none to show.
    assert "c_worst_mistakes.png" not in names
    assert "c_sample_predictions.png" in names


def test_same_results_give_the_same_bytes(page: Path, models: list[Exhibit]) -> None:
    from fittingroom.reporting.panels import model_section

    pictures = np.zeros((len(models[0].evaluation.predictions), 28, 28), np.uint8)
    first, second = (model_section(models[1], 1, pictures, 5000).panels[:3] for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.png == other.png
        assert one.svg == other.svg
    written = (page.parent / "images" / first[0].image).read_bytes()
    assert written == first[0].png


def test_pictures_that_do_not_fit_are_refused(
    tmp_path: Path, models: list[Exhibit], official: Facts
) -> None:
    with pytest.raises(PredictionsError, match="Expected a picture for each of the 400"):
        write_report(
            tmp_path,
            comparison=None,
            exhibits=models[:1],
            pictures=np.zeros((3, 28, 28), np.uint8),
            sample=models,  # type: ignore[arg-type]
            facts=official,
        )
    with pytest.raises(PredictionsError, match="at least one model"):
        write_report(
            tmp_path,
            comparison=None,
            exhibits=[],
            pictures=np.zeros((3, 28, 28), np.uint8),
            sample=models,  # type: ignore[arg-type]
            facts=official,
        )
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_report_whole(
    tmp_path: Path, odd_model: Exhibit, sample_pictures: Any, full_disk: Callable[[], None]
) -> None:
    old = tmp_path / "index.html"
    old.write_text("the old report")
    full_disk()
    with pytest.raises(RunError, match="No space left"):
        write_report(
            tmp_path,
            comparison=None,
            exhibits=[odd_model],
            pictures=np.zeros((400, 28, 28), np.uint8),
            sample=sample_pictures,
            facts=Facts("data", official=False),
        )
    assert old.read_text() == "the old report"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["index.html"]


def test_markdown_tables_stay_tables() -> None:
    table = Table("Some.", ("", "a|b"), (("<b>", "< 0.001"), ("x\ny", "`*_`")))
    assert table.markdown().splitlines() == [
        "|             |     a\\|b |",
        "|:------------|---------:|",
        "| &#60;b&#62; |  < 0.001 |",
        "| x y         | \\`\\*\\_\\` |",
    ]
