"""The committed pages are those of the committed measurements."""

import importlib
import json
from functools import partial

import pytest

from benchmarks import openings, training_page
from benchmarks.measure import RESULTS
from benchmarks.table import key_of

PAGES = {
    name: partial(training_page.page, image_name=f"{name}.png")
    for name in ("training", "training-avx2")
}
PAGES |= {
    name: importlib.import_module(f"benchmarks.{name.replace('-', '_')}").page
    for name in (
        *(
            "audit",
            "crash",
            "cv",
            "halves",
            "inference",
            "openings",
            "photos",
            "photo-labels",
            "reading",
            "reproduce",
            "scaling",
        ),
        *("statistics", "unknown"),
    )
}


def measured(name):
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def lines(text):
    return [line for line in text.splitlines() if line]


@pytest.mark.parametrize("name", PAGES)
def test_the_committed_page_is_that_of_the_committed_numbers(name):
    page = (RESULTS / f"{name}.md").read_text(encoding="utf-8")
    assert lines(page) == lines(PAGES[name](measured(name)))


def test_what_the_audit_found_is_that_of_the_committed_numbers():
    from benchmarks.audit import FINDINGS, findings_page

    page = (RESULTS / FINDINGS).read_text(encoding="utf-8")
    assert lines(page) == lines(findings_page(measured("audit")))


def test_every_recipe_of_the_table_is_the_one_that_was_measured():
    training = measured("training")
    for name, each in training["recipes"].items():
        keys = {
            row["seed"]: row["conditions"]["key"]
            for row in training["rows"]
            if row["recipe"] == name
        }
        assert {keys[seed] for seed in each["seeds"]} == {key_of(name)}


def test_every_scored_training_is_among_the_openings():
    logged = [tuple(each.values()) for each in measured("openings")["openings"]]
    for path in (path for pattern in openings.PATTERNS for path in RESULTS.glob(pattern)):
        scored = list(openings.scored(measured(path.stem)))
        assert scored, path
        absent = [each for each in scored if tuple(each.values()) not in logged]
        assert not absent, "run `python -m benchmarks.openings` after a measurement"
