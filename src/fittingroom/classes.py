"""Class names: the ten of Fashion-MNIST, and the rule for those of other data."""

from collections import Counter
from collections.abc import Sequence

from fittingroom.errors import DataError

# In the order of their labels (arXiv:1708.07747, table 2).
GARMENTS: tuple[str, ...] = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

_MOST_CLASSES = 1000
_LISTED = 10
_LONGEST_NAME = 200
# Emoji and Persian words are joined by them. Python counts them as unprintable.
_JOINERS = str.maketrans("", "", "\u200c\u200d")


def check_class_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names as they are stored and shown: white space of any kind becomes a single space.

    Raises:
        DataError: there are fewer than 2 or more than 1,000, or a name is empty, repeated, longer
            than 200 characters or has characters that cannot be printed.
    """
    if not 2 <= len(names) <= _MOST_CLASSES:
        raise DataError(f"2 to {_MOST_CLASSES:,} classes are allowed, not {len(names):,}.")
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise DataError(f"Class names must be text, not {repr(wrong[0])[:60]}.")
    checked = tuple(" ".join(name.split()) for name in names)
    for label, name in enumerate(checked):
        if not (0 < len(name) <= _LONGEST_NAME and name.translate(_JOINERS).isprintable()):
            raise DataError(
                f"The name of class {label} is {repr(name)[:60]}. Give it 1 to {_LONGEST_NAME} "
                "characters, all of which can be printed."
            )
    (most, count), *_ = Counter(checked).most_common(1)
    if count > 1:
        raise DataError(f"{count:,} classes have the name '{most}'. Give each a name of its own.")
    return checked


def class_named(folder: str, classes: Sequence[str]) -> str | None:
    """The class that a folder's name means: ``tshirt``, ``T-shirt_top``, ``trousers``."""
    for name in classes:
        if _plain(folder) in map(_plain, (name, *name.split("/"))):
            return name
    return None


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower().removesuffix("s")


def in_short(names: Sequence[str], most: int = _LISTED) -> str:
    """The first names, and how many others there are, for a sentence."""
    more = len(names) - most
    others = f" and {more:,} other{'s' * (more > 1)}" * (more > 0)
    return ", ".join(names[:most]) + others
