import numpy as np
import pytest

from fittingroom.auditing import subsets
from fittingroom.comparison import Entrant, compare_models
from fittingroom.metrics import wilson
from fittingroom.predictions import Predictions
from tests.auditing.made_up import CLASSES, made_up

LABELS = (np.arange(20) % 3).astype(np.uint8)


def entrant(name, wrong, seeds=1):
    """A model that is wrong on these test images, and with each further seed on one more."""
    said = []
    for seed in range(seeds):
        predicted = LABELS.copy()
        missed = [*wrong, 19][: len(wrong) + seed]
        predicted[missed] = (predicted[missed] + 1) % 3
        said.append(Predictions(LABELS, predicted, None, np.arange(20), CLASSES))
    return Entrant(name, name, tuple(range(seeds)), tuple(said))


def test_what_misleads_is_left_out_and_the_raw_result_comes_first():
    # 0, 4 and 9 have a near-duplicate in training; 2 and 5 have a doubtful label.
    found = subsets([entrant("a", [0, 2, 5]), entrant("b", [2, 10])], made_up())
    assert [subset.name for subset in found] == [
        "all",
        "without near-duplicates",
        "without doubtful labels",
    ]
    assert [subset.images for subset in found] == [20, 17, 18]
    assert [subset.left_out for subset in found] == [0, 3, 2]
    values = [[estimate.value for estimate in subset.accuracies] for subset in found]
    assert values == [[17 / 20, 18 / 20], [15 / 17, 15 / 17], [17 / 18, 17 / 18]]
    # The gain lives in what misleads: it is gone without it.
    gains = [subset.differences["a", "b"].value for subset in found]
    assert gains == pytest.approx([0.05, 0, 0])


def test_all_images_give_what_the_comparison_gives():
    entrants = [entrant("a", [0, 2], seeds=3), entrant("b", [3], seeds=3)]
    comparison = compare_models(entrants)
    raw = subsets(entrants, made_up())[0]
    assert raw.accuracies == tuple(model.accuracy for model in comparison.models)
    assert raw.differences["a", "b"] == comparison.pairs[0].difference


def test_a_single_model_has_its_accuracies_whatever_the_order_of_images():
    whole = entrant("a", [0, 2, 5])
    found = subsets([whole], made_up())
    assert [each.accuracies for each in found] == [
        (wilson(17, 20),),
        (wilson(15, 17),),
        (wilson(17, 18),),
    ]
    assert found[0].differences == {}
    order = np.random.default_rng(0).permutation(20)
    mixed = Entrant("a", "a", (0,), (whole.predictions[0].take(order),))
    assert subsets([mixed], made_up()) == found


def test_nothing_left_gives_no_number():
    everything = [(position, 0, 0, 0, 0) for position in range(40, 60)]
    raw, _, doubtful = subsets([entrant("a", [1]), entrant("b", [])], made_up(doubtful=everything))
    assert len(raw.accuracies) == 2
    assert (doubtful.images, doubtful.accuracies, doubtful.differences) == (0, (), {})


def test_json_has_plain_values():
    values = subsets([entrant("a", [0]), entrant("b", [])], made_up())[1].as_dict()
    assert values["name"] == "without near-duplicates"
    assert values["accuracies"][1] == wilson(17, 17).as_dict()
    assert list(values["differences"][0]) == ["a", "b", "value", "low", "high"]
