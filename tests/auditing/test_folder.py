import dataclasses
import json

import pytest

from fittingroom.auditing import audit_name, find_audit, open_audit
from fittingroom.errors import RunChangedError
from fittingroom.runs.manifests import write_manifest
from tests.auditing.made_up import BASIS, made_up


def store(folder, dataset, time="2026-01-01T00:00:00+00:00", **changes):
    """A finished audit of a data set, without its page."""
    basis = dataclasses.replace(
        BASIS,
        hashes=dataset.training_hashes | dataset.test_hashes,
        classes=dataset.classes,
        **changes,
    )
    folder.mkdir(parents=True)
    (folder / "audit.json").write_text(json.dumps(made_up(basis=basis).as_dict()))
    (folder / "environment.json").write_text(json.dumps({"time": time}))
    write_manifest(folder)
    return folder


def test_the_newest_audit_of_the_data_is_found(sample, tmp_path):
    store(tmp_path / "audit-a", sample, "2026-01-01T00:00:00+00:00")
    store(tmp_path / "audit-b", sample, "2026-03-01T00:00:00+00:00")
    store(tmp_path / "audit-c", sample, "2026-02-01T00:00:00+00:00", folds=7)
    found = find_audit(tmp_path, sample)
    assert found is not None
    assert found.folder.name == "audit-b"
    assert found.audit.near_training.tolist() == [0, 4, 9]
    asked = find_audit(tmp_path, sample, key="tiny-key", folds=7, seed=0)
    assert asked is not None
    assert asked.folder.name == "audit-c"
    for other in ({"key": "another"}, {"folds": 3}, {"seed": 1}):
        assert find_audit(tmp_path, sample, **other) is None


def test_an_audit_of_other_data_is_not_found(sample, three_classes, tmp_path):
    store(tmp_path / "runs" / "audit-a", three_classes)
    assert find_audit(tmp_path / "runs", sample) is None
    assert find_audit(tmp_path / "runs", three_classes) is not None
    assert find_audit(tmp_path / "nowhere", sample) is None
    renamed = dataclasses.replace(three_classes, classes=("x", "y", "z"))
    assert find_audit(tmp_path / "runs", renamed) is None


def test_a_changed_or_unfinished_audit_is_ignored_and_refused_by_name(sample, tmp_path):
    folder = store(tmp_path / "audit-a", sample)
    assert open_audit(folder).time == "2026-01-01T00:00:00+00:00"
    (folder / "audit.json").write_text("{}")
    assert find_audit(tmp_path, sample) is None
    with pytest.raises(RunChangedError, match="was changed"):
        open_audit(folder)
    (folder / "manifest.json").unlink()
    assert find_audit(tmp_path, sample) is None
    with pytest.raises(RunChangedError, match="manifest"):
        open_audit(folder)


def test_names_tell_apart_settings_and_data():
    name = audit_name("cnn", "key", 5, 0, "hashes")
    assert name.startswith("audit-cnn-s0-")
    others = (
        audit_name("cnn", "other", 5, 0, "hashes"),
        audit_name("cnn", "key", 6, 0, "hashes"),
        audit_name("cnn", "key", 5, 0, "others"),
    )
    assert name not in others


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda values: values["basis"].update(training=10**12), "images"),
        (lambda values: values["doubtful"][0].update(index=10**30), "index"),
        (lambda values: values["outliers"][0].update(index=-(10**6)), "index"),
        (lambda values: values["doubtful"][0].update(given=99), "a label"),
        (lambda values: values["outliers"][0].update(distance="<script>"), "could not convert"),
    ],
)
def test_an_audit_that_claims_what_cannot_be_is_refused(sample, tmp_path, change, words):
    folder = store(tmp_path / "audit-a", sample)
    values = json.loads((folder / "audit.json").read_text())
    change(values)
    (folder / "audit.json").write_text(json.dumps(values))
    write_manifest(folder)
    with pytest.raises(RunChangedError, match=words):
        open_audit(folder)
