"""How many seeds does it take? Planned from validation images."""

import json

import numpy as np
import pytest

from fittingroom.comparison import SeedScores, seed_power
from fittingroom.errors import PredictionsError, UsageError
from fittingroom.jobs.plan import plan
from fittingroom.jobs.session import Session
from fittingroom.recipes import recipe_named
from fittingroom.runs import list_runs, read_openings


def test_a_plan_is_made_from_validation_images_and_leaves_the_test_set_closed(
    tiny, sample, tmp_path
):
    session = Session(data=sample, runs=tmp_path, threads=1)
    logreg = recipe_named("logreg")
    found = plan(tiny, logreg, 0.02, session=session)
    runs = [each.run for each in list_runs(tmp_path) if each.run is not None]
    assert sorted(run.recipe.name for run in runs) == ["logreg", *["tiny"] * 3]
    assert read_openings(tmp_path) == ()
    varied, fixed = (
        SeedScores.of(np.stack([r.validation.correct for r in runs if r.recipe.name == name]))
        for name in ("tiny", "logreg")
    )
    assert found.power == seed_power(varied, fixed, 0.02, sample.test_size)
    assert "show a gap of 2.00 points between tiny and logreg" in found.sentence
    few = found.sentence.startswith("500 test images are too few")
    assert few == (found.power.seeds is None)
    values = json.loads(json.dumps(found.as_dict()))
    assert list(values) == ["recipes", "gap", "pilot", "images", "power", "sentence"]
    assert values["power"]["seeds"] == found.power.seeds

    other = logreg.with_settings({"split.validation": "1/5"})
    with pytest.raises(PredictionsError, match="different validation images"):
        plan(tiny, other, 0.02, session=session)


@pytest.mark.parametrize(("gap", "seeds"), [(0.0, 3), (1.0, 3), (0.01, 1)])
def test_what_cannot_be_planned_is_refused(tiny, gap, seeds):
    with pytest.raises(UsageError, match="Give a gap above 0"):
        plan(tiny, tiny, gap, seeds=seeds)
