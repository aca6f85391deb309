"""A trial of a search: a training that is scored on validation and leaves no folder."""

from collections.abc import Callable

from fittingroom.data import Split
from fittingroom.engines import Device, engine_named
from fittingroom.recipes import BaseRecipe
from fittingroom.runs import Epoch

# Called with each epoch that ended; what it raises ends the training.
Heard = Callable[[Epoch], None]


def train_trial(
    recipe: BaseRecipe, seed: int, split: Split, device: Device, heard: Heard
) -> tuple[float, float]:
    """Train a recipe without a run folder.

    Returns:
        The validation accuracy of the weights that the recipe keeps, and the seconds of training.

    Raises:
        FittingRoomError: the training broke down.
    """
    accuracies: list[float] = []

    def on_epoch(epoch: Epoch) -> None:
        accuracies.append(epoch.val_accuracy)
        heard(epoch)

    fitted = engine_named(recipe.engine).fit(
        recipe, split, seed=seed, device=device, on_epoch=on_epoch
    )
    return accuracies[fitted.best_epoch - 1], fitted.seconds
