import json
import re

import numpy as np

from benchmarks import statistics
from benchmarks.measure import RESULTS


def test_the_page_has_a_chapter_for_each_kind_of_result_that_the_code_gives(monkeypatch):
    made = statistics.images_of_one_model

    def few(generator, count, sure):
        return made(generator, min(count, 200), sure)

    monkeypatch.setattr(statistics, "images_of_one_model", few)
    monkeypatch.setattr(statistics, "near_the_limit", lambda line: False)
    given = {
        line.part
        for name, simulate in statistics.PARTS.items()
        if name != "recipes-10000"  # the same as recipes-500, on more images
        for line in simulate(np.random.default_rng(0), 2000)
    }
    assert given == set(statistics.SECTIONS)


def test_page_and_stored_numbers_have_each_part_of_the_code_or_say_that_it_is_missing():
    page = (RESULTS / "statistics.md").read_text(encoding="utf-8")
    stored = json.loads((RESULTS / "statistics.json").read_text(encoding="utf-8"))
    chapters = re.findall(r"(?m)^## (.+)$", page)
    missing = re.findall(r"Not simulated yet: (.+)\.", page)
    named = {*stored["parts"], *chapters, *(name for each in missing for name in each.split("; "))}
    assert named == {*statistics.PARTS, *statistics.SECTIONS}
