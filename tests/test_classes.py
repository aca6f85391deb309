import pytest

from fittingroom.classes import GARMENTS, check_class_names, class_named, in_short
from fittingroom.errors import DataError


def test_names_that_people_use_are_allowed():
    names = ("Robe d’été", "👩‍🎤", "می‌خواهم", "T-shirt [top]", "y" * 200)
    assert check_class_names(names) == names
    assert check_class_names(GARMENTS) == GARMENTS
    assert len(check_class_names([str(label) for label in range(1000)])) == 1000


def test_white_space_of_any_kind_is_a_space():
    pasted = ["  cat", "Ankle\u00a0boot", "a\n\t b\u2028"]
    assert check_class_names(pasted) == ("cat", "Ankle boot", "a b")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "not 0"),
        (["a"], "2 to 1,000 classes are allowed, not 1"),
        ([str(label) for label in range(1001)], "not 1,001"),
        (["a", " \u00a0"], "class 1 is ''"),
        (["a", "b" * 201], "1 to 200 characters"),
        (["a", "b", "a\u00a0"], "2 classes have the name 'a'"),
        (["a", "\x1b[31mred"], "can be printed"),
        (["a", "b\u202ec"], "can be printed"),
        (["a", 3], "must be text, not 3"),
    ],
)
def test_other_names_are_refused_in_words_that_can_be_printed(names, words):
    with pytest.raises(DataError, match=words) as caught:
        check_class_names(names)
    assert str(caught.value).isprintable()


def test_a_sentence_names_ten_classes_at_most():
    assert in_short(GARMENTS) == ", ".join(GARMENTS)
    assert in_short([*"abcdefghijkl"]) == "a, b, c, d, e, f, g, h, i, j and 2 others"
    assert in_short([*"abcdefghijk"]).endswith("j and 1 other")


@pytest.mark.parametrize(
    ("name", "garment"),
    [
        ("tshirt", "T-shirt/top"),
        ("T-shirt_top", "T-shirt/top"),
        ("ANKLE BOOTS", "Ankle boot"),
        ("dress", "Dress"),
        ("Skirt", None),
    ],
)
def test_a_folder_may_be_named_like_a_garment(name, garment):
    assert class_named(name, GARMENTS) == garment
