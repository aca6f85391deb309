"""Train: fit, epoch by epoch with a checkpoint each, then finish, into a run folder."""

import contextlib
from collections.abc import Mapping
from typing import Any

from fittingroom import networks
from fittingroom.data import Dataset, Split
from fittingroom.engines import Device, Engine, Fitted, engine_named
from fittingroom.errors import (
    FittingRoomError,
    MissingExtraError,
    RunChangedError,
    RunError,
    TrainingStopped,
    UsageError,
)
from fittingroom.jobs.finish import finish
from fittingroom.jobs.progress import Progress
from fittingroom.jobs.session import Session
from fittingroom.jobs.stopping import stops_between_epochs
from fittingroom.metrics import wilson
from fittingroom.recipes import BaseRecipe, Recipe, recipe_of
from fittingroom.runs import (
    Checkpoint,
    Epoch,
    Run,
    RunWriter,
    describe_environment,
    find_begun,
    find_run,
    only_here,
    run_name,
)


def train(
    recipe: Any,
    *,
    seed: int = 0,
    resume: bool = False,
    session: Session | None = None,
) -> Run:
    """Train a recipe on a data set's training half, into a new folder in ``runs``.

    Args:
        recipe: the recipe, the name of one in the catalogue, ``"my_file.py:build"``, a model of
            one's own, or a function or class that builds one: see
            :func:`fittingroom.recipe_of`, which takes settings too.
        seed: of the weights, the order of pictures, and augmentation.
        resume: go on with the same recipe, seed and data where an earlier training in `runs` was
            broken off, from its last checkpoint; a finished run is given back as it is. Where
            there is neither, training starts.
        session: data, folder of runs, device, threads and listener; None for the defaults.

    Returns:
        The finished run.

    Raises:
        TrainingStopped: Ctrl-C or SIGTERM came; the epoch was finished and its checkpoint written
            (of an engine that writes none: they act at once, as anywhere).
        RunBusyError: another process trains the same there.
        FittingRoomError: a model of one's own cannot be trained or exported, training broke
            down, the exported model disagrees, or the folder cannot be written. What was written
            stays; it is marked as failed where nothing but another recipe could help.
    """
    if type(seed) is not int or not 0 <= seed < 2**32:
        raise UsageError(
            f"Expected a whole number from 0 to 2^32 - 1 as the seed. Received {seed}."
        )
    chosen = recipe_of(recipe)
    session = session or Session()
    dataset, progress, runs = session.dataset, session.progress, session.folder
    chosen = chosen.for_classes(len(dataset.classes))
    engine = engine_named(chosen.engine)
    place = engine.device(session.device, session.threads)
    split = dataset.split(chosen.split)
    if isinstance(chosen, Recipe) and chosen.own is None:
        networks.check_classifier(chosen.layers, len(split.classes))
    if chosen.own is not None:
        progress.say(f"{chosen.name}: trying out the model and its export on a few pictures")
        engine.rehearse(chosen, chosen.own, split, seed=seed, device=place)
    name = run_name(chosen, seed, dataset.key)
    with only_here(runs, name):
        if resume and (finished := find_run(runs, chosen, seed, dataset)) is not None:
            progress.say(f"{chosen.name}, seed {seed}: already trained, {finished.folder}")
            with contextlib.suppress(RunError):  # nothing may be removed there, say
                RunWriter.tidy(finished.folder)
            return finished
        environment = _environment(dataset, split, place)
        begun = find_begun(runs, name, chosen, seed, dataset) if resume else None
        writer = RunWriter.again(*begun) if begun else RunWriter.create(runs, name)
        start = begun[1] if begun else None
        if start is not None:
            progress.say(_went_on(writer, start, environment))
        else:
            if begun:
                progress.say(
                    f"{writer.folder}: broken off without a checkpoint that can be read, so "
                    "training starts again"
                )
            writer.begin(chosen, seed, environment)
        try:
            fitted = _fit(writer, engine, chosen, split, seed, place, start, progress)
            for note in fitted.notes:
                progress.say(f"{chosen.name}: {note}")
            return finish(writer, chosen, split, fitted, place.threads, progress)
        except TrainingStopped as stopped:
            finished = find_run(runs, chosen, seed, dataset)
            if finished is None:
                raise
            raise TrainingStopped(
                stopped.signal,
                f"Stopped in {writer.folder}. {finished.folder} is a finished run of the same, "
                "which is used where nothing is asked to be trained anew; once that one is "
                "removed, `train --resume` goes on with this one.",
            ) from None
        except RunChangedError as error:
            if start is None:
                raise
            raise RunChangedError(  # its checkpoint does not fit
                f"{error} Or remove {writer.folder}, which `compare` and `verify` begin anew then."
            ) from error
        except (RunError, UsageError, MissingExtraError):
            raise  # with room made on the disk, or another option, say, the run goes on
        except FittingRoomError as error:
            with contextlib.suppress(FittingRoomError):
                writer.fail(error)
            raise


def _fit(
    writer: RunWriter,
    engine: Engine,
    recipe: BaseRecipe,
    split: Split,
    seed: int,
    place: Device,
    start: Checkpoint | None,
    progress: Progress,
) -> Fitted:
    """The training itself; each epoch is told, written down and kept as a checkpoint."""
    history = list(start.history) if start else []
    epochs = recipe.epochs if isinstance(recipe, Recipe) else 1  # classical: trained in one go
    validated = len(split.validation)
    how_to_go_on = (
        f"Stopped in {writer.folder}. The same command goes on from the last checkpoint: `train` "
        "with `--resume`, `compare` and `verify` as they are, without `--fresh`."
    )
    with (
        progress.track(f"{recipe.name}, seed {seed}", epochs) as advance,
        stops_between_epochs(progress, how_to_go_on, can_wait=not recipe.in_one_go) as stopping,
    ):

        def tell(epoch: Epoch) -> None:
            right = wilson(round(epoch.val_accuracy * validated), validated)
            advance(len(history), f"validation {right.percent}")

        def on_epoch(epoch: Epoch) -> None:
            writer.add_epoch(epoch)
            history.append(epoch)
            tell(epoch)

        def on_checkpoint(checkpoint: Checkpoint) -> None:
            writer.keep(checkpoint)
            stopping.check()

        fitted = engine.fit(
            recipe,
            split,
            seed=seed,
            device=place,
            on_epoch=on_epoch,
            on_checkpoint=on_checkpoint,
            start=start,
        )
        tell(history[fitted.best_epoch - 1])  # the one that is kept has the last word
        return fitted


def _went_on(writer: RunWriter, start: Checkpoint, environment: Mapping[str, Any]) -> str:
    """Note in a run's environment where it goes on, and in what it is other; the same in words."""
    differing = writer.note_resumption(len(start.history), environment)
    sentence = f"{writer.folder}: going on after epoch {len(start.history)}"
    if differing:
        sentence += (
            f", with other {', '.join(differing)} than before, so that the outcome may differ from "
            "that of a training without the break"
        )
    return sentence


def _environment(dataset: Dataset, split: Split, place: Device) -> dict[str, object]:
    return {
        **describe_environment(),
        "device": place.name,
        "device_description": place.description,
        "threads": place.threads,
        "backend": place.backend,
        "half_precision": place.half_precision,
        "data": {
            "name": dataset.name,
            "official": dataset.official,
            "folder": str(dataset.folder),
            "classes": list(dataset.classes),
            "hashes": dataset.training_hashes,
            "test_hashes": dataset.test_hashes,
            "split_hash": split.index_hash,
            "training": len(split.training),
            "validation": len(split.validation),
        },
    }
