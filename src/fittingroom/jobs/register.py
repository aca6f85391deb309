"""Register: say what will be compared before the test set is opened for it."""

from pathlib import Path

from fittingroom.errors import UsageError
from fittingroom.jobs.session import Session
from fittingroom.recipes import recipe_of
from fittingroom.runs import Plan, add_plan, make_folder, read_openings, run_name
from fittingroom.runs.environment import now
from fittingroom.runs.registered import EXAMPLE
from fittingroom.safe_io import Refusal, read_json


def register(plan: Path | str, session: Session | None = None) -> Plan:
    """Register a plan: what `evaluate`, `compare` and `report` open besides, they call exploratory.

    Args:
        plan: a JSON file of recipes, seeds, primary pair, margin and looks.
        session: data and folder of runs.

    Raises:
        UsageError: the file is no plan, or the test set was opened already for one of its recipes
            and seeds, as far as the folder of runs has logged.
    """
    session = session or Session()
    dataset, runs = session.dataset, session.folder
    try:
        asked = read_json(Path(plan))
        chosen = {
            each: recipe_of(each).for_classes(len(dataset.classes)) for each in asked.pop("recipes")
        }
        primary = [chosen[each].name if each in chosen else each for each in asked.pop("primary")]
        keys = {each.name: each.key for each in chosen.values()}
        registered = Plan(now(), dataset.name, keys, primary=primary, **asked)
    except (Refusal, AttributeError, KeyError, TypeError) as error:
        why = f": {error}" if isinstance(error, Refusal) else "."
        raise UsageError(f"{plan} isn't a plan{why} A plan is like {EXAMPLE}.") from error
    planned = [
        run_name(each, seed, dataset.key)
        for each in chosen.values()
        for seed in range(registered.seeds)
    ]
    for opening in read_openings(runs):
        if opening.data == dataset.name and opening.run.startswith(tuple(planned)):
            raise UsageError(
                f"The test set was opened for {opening.run} at {opening.time}, so that it can't be "
                "registered any more. Plan recipes that were not scored in this folder of runs."
            )
    add_plan(make_folder(runs), registered)
    return registered
