"""What the files must be: their names, and the pinned hashes of the data that this project knows.

The hashes are of the *decompressed* content: the gzip headers differ between distributors. Only
of KMNIST, those of the ``.gz`` files are the published ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from fittingroom.classes import GARMENTS


class SetFiles(NamedTuple):
    """The names, without ``.gz``, of the two files of a part."""

    images: str
    labels: str


TRAINING = SetFiles("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = SetFiles("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
FILE_NAMES: tuple[str, ...] = (*TRAINING, *TEST)


@dataclass(frozen=True)
class KnownSet:
    """A data set that is known byte for byte."""

    name: str  # what runs and reports call it
    hashes: Mapping[str, str]  # file name → SHA-256 of its content, hexadecimal
    title: str = "Fashion-MNIST"  # in sentences
    classes: tuple[str, ...] = GARMENTS  # names in the order of their labels
    packed: bool = False  # whether the hashes are of the .gz files instead


def _known(name: str, *hashes: str, **more: Any) -> KnownSet:
    """A known data set; the hashes are in the order of ``FILE_NAMES``."""
    return KnownSet(name, dict(zip(FILE_NAMES, hashes, strict=True)), **more)


FASHION_MNIST = _known(
    "fashion-mnist",
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)

# The embedded sample, as tools/make_sample.py makes it from the files above.
SAMPLE = _known(
    "sample",
    "4ad3415217e86dba681964ee605d0421a361bd5e5bf0cd5c17aa67f6654868bf",
    "0b4e40dd9987b9e9a60c686d029cfe7fe9f899e8bf5ec094211806aedb3c3108",
    "19226ee2ea1677a5e70700f19dd36b76053dd914f5d9d195a59fa0d91a8a14f3",
    "f0995b2cbf6d288340f12ea8cd3d3536233978022d12ad7aa76d67ba8edd5721",
    title="a sample of Fashion-MNIST",
)

# http://yann.lecun.com/exdb/mnist
MNIST = _known(
    "mnist",
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    title="MNIST",
    classes=tuple("0123456789"),
)

# Ten hiragana (arXiv:1812.01718).
KMNIST = _known(
    "kmnist",
    "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
    "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
    "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
    "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    title="Kuzushiji-MNIST",
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    packed=True,
)

TITLES = {each.name: each.title for each in (FASHION_MNIST, SAMPLE, MNIST, KMNIST)}


def known_as(hashes: Mapping[str, str]) -> KnownSet | None:
    """The known data set with all of these files, or None."""
    sets = (FASHION_MNIST, SAMPLE, MNIST)
    return next((each for each in sets if hashes.items() <= each.hashes.items()), None)
