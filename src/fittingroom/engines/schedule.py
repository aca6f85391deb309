"""The learning rate over a training, the same for every engine."""

from fittingroom.recipes import Recipe


def learning_rate(recipe: Recipe, step: int, total: int) -> float:
    """The learning rate of a step.

    ``"one-cycle"`` is a linear rise from a tenth over the warm-up, then a linear fall to zero.

    Args:
        recipe: says which schedule.
        step: counted from 0.
        total: steps of the whole training, were no epoch left out.
    """
    if recipe.schedule == "constant":
        return recipe.learning_rate
    rise = recipe.warmup * total
    if step < rise:
        return recipe.learning_rate * (0.1 + 0.9 * step / rise)
    return recipe.learning_rate * (total - step) / max(total - rise, 1)
