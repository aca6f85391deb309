"""Train: fit, with a checkpoint after each epoch, then finish, into a run folder."""

import contextlib
from collections.abc import Callable
from typing import Any

from threadpoolctl import threadpool_limits

from fittingroom.data import Dataset, Split
from fittingroom.engines import Device, Engine, Fitted, engine_named
from fittingroom.errors import FittingRoomError, MissingExtraError, RunError, UsageError
from fittingroom.jobs.finish import finish, rehearse
from fittingroom.jobs.progress import Progress
from fittingroom.jobs.session import Session, surroundings
from fittingroom.jobs.stopping import stops_between_epochs
from fittingroom.metrics import wilson
from fittingroom.numbers import plain
from fittingroom.recipes import BaseRecipe, Recipe, recipe_of
from fittingroom.runs import (
    Checkpoint,
    Epoch,
    Run,
    RunWriter,
    find_begun,
    find_run,
    only_here,
    run_name,
)

# Called with each epoch that ended; what it raises ends the training.
Heard = Callable[[Epoch], None]


def train(
    recipe: Any,
    *,
    seed: int = 0,
    resume: bool = False,
    on_epoch: Heard | None = None,
    session: Session | None = None,
) -> Run:
    """Train a recipe on a data set's training set, into a new run folder.

    Args:
        recipe: a recipe, the name of one in the catalogue, ``"my_file.py:build"``, your own model,
            or a function or class that builds one; see :func:`fittingroom.recipe_of`, which takes
            settings too.
        seed: of the weights, the order of images, and augmentation.
        resume: if a training of the same recipe, seed and data was stopped, resume it from its last
            checkpoint; if there is a finished run, return it.
        on_epoch: called with each :class:`~fittingroom.runs.Epoch` that ended, after it is in
            ``history.jsonl``; what it raises ends the training.
        session: data, folder of runs, device, threads and listener; None for the defaults.

    Returns:
        The finished run.

    Raises:
        TrainingStopped: Ctrl-C or SIGTERM came; the epoch was finished and its checkpoint written
            (an engine without checkpoints is interrupted at once).
        RunBusyError: another process trains the same.
        FittingRoomError: your own model cannot be trained or exported, training failed, the
            exported model differs, or the folder cannot be written. What was written stays; it is
            marked as failed if only another recipe can help.
    """
    if type(seed) is not int or not 0 <= seed < 2**32:
        raise UsageError(f"The seed must be a whole number from 0 to 2^32 - 1, not {seed}.")
    session = session or Session()
    dataset, progress, runs = session.dataset, session.progress, session.folder
    recipe = recipe_of(recipe).for_classes(len(dataset.classes))
    engine = engine_named(recipe.engine)
    place = engine.device(session.device, session.threads)
    split = dataset.split(recipe.split)
    if recipe.own is not None:
        progress.say(f"{recipe.name}: trying out the model and its export on a few images")
    rehearse(engine, recipe, split, seed=seed, device=place)
    name = run_name(recipe, seed, dataset.key)
    with only_here(runs, name):
        if resume and (finished := find_run(runs, recipe, seed, dataset)) is not None:
            progress.say(f"{recipe.name}, seed {seed}: already trained, {finished.folder}")
            with contextlib.suppress(RunError):  # nothing may be removed there, say
                RunWriter.tidy(finished.folder)
            return finished
        environment = _environment(dataset, split, place)
        begun = find_begun(runs, name, recipe, seed, dataset) if resume else None
        writer = RunWriter.resume(*begun) if begun else RunWriter.create(runs, name)
        start = begun[1] if begun else None
        if start is None:
            if begun:
                progress.say(f"{writer.folder}: starting again, as there is no usable checkpoint")
            writer.begin(recipe, seed, environment)
        else:
            epochs = len(start.history)
            different = writer.note_resumption(epochs, environment)
            warning = f"; results may change, as these did: {', '.join(different)}"
            progress.say(
                f"{writer.folder}: resuming after epoch {epochs}{warning if different else ''}"
            )
        try:
            fitted = _fit(writer, engine, recipe, split, seed, place, start, progress, on_epoch)
            for note in fitted.notes:
                progress.say(f"{recipe.name}: {note}")
            with threadpool_limits(place.threads):  # of NumPy and scikit-learn
                return finish(
                    writer, recipe, split, fitted, place.threads, progress, dataset.preparation
                )
        except (RunError, UsageError, MissingExtraError):
            raise  # with more room on the disk, or another option, the run can be resumed
        except FittingRoomError as error:
            with contextlib.suppress(FittingRoomError):
                writer.fail(error)
            raise


def train_trial(
    recipe: BaseRecipe, seed: int, split: Split, device: Device, heard: Heard
) -> tuple[float, float]:
    """Train a recipe without a run folder, as a trial of a search.

    Returns:
        The validation accuracy of the weights that the recipe keeps, and the seconds of training.
    """
    accuracies: list[float] = []

    def on_epoch(epoch: Epoch) -> None:
        accuracies.append(epoch.val_accuracy)
        heard(epoch)

    fitted = engine_named(recipe.engine).fit(
        recipe, split, seed=seed, device=device, on_epoch=on_epoch
    )
    return accuracies[fitted.best_epoch - 1], fitted.seconds


def _fit(
    writer: RunWriter,
    engine: Engine,
    recipe: BaseRecipe,
    split: Split,
    seed: int,
    place: Device,
    start: Checkpoint | None,
    progress: Progress,
    heard: Heard | None,
) -> Fitted:
    """The training itself; each epoch is reported, written down and kept as a checkpoint."""
    history = list(start.history) if start else []
    epochs = recipe.epochs if isinstance(recipe, Recipe) else 1  # classical: trained in one go
    validated = len(split.validation)
    how_to_resume = (
        f"Stopped in {writer.folder}. To continue from the last checkpoint, run `train` with "
        "--resume, and other commands again without --fresh."
    )
    with (
        progress.track(f"{recipe.name}, seed {seed}", epochs) as advance,
        stops_between_epochs(
            progress, how_to_resume, can_wait=not recipe.in_one_go
        ) as stop_if_asked,
    ):

        def tell(epoch: Epoch) -> None:
            accuracy = wilson(round(epoch.val_accuracy * validated), validated)
            advance(len(history), f"validation {accuracy.percent}")

        def on_epoch(epoch: Epoch) -> None:
            writer.add_epoch(epoch)
            history.append(epoch)
            tell(epoch)
            if heard is not None:
                heard(epoch)

        def on_checkpoint(checkpoint: Checkpoint) -> None:
            writer.keep(checkpoint)
            stop_if_asked()

        fitted = engine.fit(
            recipe,
            split,
            seed=seed,
            device=place,
            on_epoch=on_epoch,
            on_checkpoint=on_checkpoint,
            start=start,
        )
        tell(history[fitted.best_epoch - 1])  # the epoch that is kept is reported last
        return fitted


def _environment(dataset: Dataset, split: Split, place: Device) -> dict[str, object]:
    return {
        **surroundings(place),
        "backend": place.backend,
        "half_precision": place.half_precision,
        "data": {
            "name": dataset.name,
            "official": dataset.official,
            "description": dataset.description,
            "format": dataset.format,
            "source": plain(dataset.source),
            "preparation": plain(dataset.preparation),
            "notes": list(dataset.notes),
            "classes": list(dataset.classes),
            "hashes": dict(dataset.training_hashes),
            "test_hashes": dict(dataset.test_hashes),
            "split_hash": split.index_hash,
            "training": len(split.training),
            "validation": len(split.validation),
        },
    }
