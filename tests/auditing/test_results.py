import json

import pytest

from fittingroom.auditing import find_audit, open_audit
from fittingroom.errors import RunChangedError
from fittingroom.runs.stored import write_manifest
from tests.auditing.made_up import BASIS, made_up


def store(folder, dataset, time="2026-01-01T00:00:00+00:00", **changes):
    """A finished audit of a data set, without its page."""
    hashes = dataset.training_hashes | dataset.test_hashes
    basis = BASIS | {"hashes": hashes, "classes": dataset.classes} | changes
    folder.mkdir(parents=True)
    (folder / "audit.json").write_text(json.dumps(made_up(basis=basis).values, allow_nan=False))
    (folder / "environment.json").write_text(json.dumps({"time": time}))
    write_manifest(folder)
    return folder


def test_near_duplicates_of_training_are_found_also_through_a_copy():
    # 0 is a copy of a training image, 4 is alike to one, and 9 is a copy of 4.
    assert made_up().values["test_near_training"] == [0, 4, 9]
    # A test image alike to the copy of a training image is alike to training.
    copied = made_up(pairs=[(5, 40, 1, True), (5, 41, 1, False)])
    assert copied.values["test_near_training"] == [0, 1]


def test_values_have_the_documented_names():
    values = json.loads(json.dumps(made_up().values, allow_nan=False))
    assert values["counts"] == {
        "doubtful": {"training": 1, "test": 2},
        "near_duplicates": {"within training": 1, "across": 2, "within test": 2},
        "identical": {"within training": 0, "across": 1, "within test": 1},
        "test_near_training": {"test": 3},
        "outliers": {"training": 1, "test": 1},
    }
    assert values["doubtful"][0] == {
        "set": "test",
        "index": 5,
        "given": 0,
        "suggested": 1,
        "given_probability": 0.01,
        "suggested_probability": 0.999,
    }
    assert values["near_duplicates"][2] == {
        "a": {"set": "training", "index": 5},
        "b": {"set": "test", "index": 0},
        "similarity": 1.0,
        "identical": True,
    }
    assert values["outliers"] == [
        {"set": "test", "index": 19, "distance": pytest.approx(1.2)},
        {"set": "training", "index": 39, "distance": pytest.approx(1.1)},
    ]
    assert values["test_near_training"] == [0, 4, 9]
    assert values["outlier_fence"] == 1.0
    assert values["basis"]["classes"] == ["shirt", "coat", "bag"]


def test_the_newest_audit_of_the_data_is_found(sample, three_classes, tmp_path):
    store(tmp_path / "audit-a", sample, "2026-01-01T00:00:00+00:00")
    store(tmp_path / "audit-b", sample, "2026-03-01T00:00:00+00:00")
    store(tmp_path / "audit-c", sample, "2026-02-01T00:00:00+00:00", folds=7)
    store(tmp_path / "audit-d", sample, "2026-04-01T00:00:00+00:00", classes=["x", "y", "z"])
    store(tmp_path / "audit-e", three_classes, "2026-05-01T00:00:00+00:00")
    found = find_audit(tmp_path, sample)
    assert found is not None
    assert found.folder.name == "audit-b"
    assert found.values["test_near_training"] == [0, 4, 9]
    asked = find_audit(tmp_path, sample, key="tiny-key", folds=7, seed=0)
    assert asked is not None
    assert asked.folder.name == "audit-c"
    for other in ({"key": "another"}, {"folds": 3}, {"seed": 1}):
        assert find_audit(tmp_path, sample, **other) is None
    assert find_audit(tmp_path / "nowhere", sample) is None


def test_a_changed_unfinished_or_foreign_audit_is_ignored_and_refused_by_name(sample, tmp_path):
    folder = store(tmp_path / "audit-a", sample)
    assert open_audit(folder).time == "2026-01-01T00:00:00+00:00"

    def refused(words):
        assert find_audit(tmp_path, sample) is None
        with pytest.raises(RunChangedError, match=words):
            open_audit(folder)

    (folder / "audit.json").write_text('{"format": 1}')
    refused("was changed")
    write_manifest(folder)
    refused("fittingroom audit --fresh")
    (folder / "manifest.json").unlink()
    refused("manifest")
