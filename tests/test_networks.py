import pytest
import torch
from hypothesis import given, settings

from fittingroom.engines.pytorch.modules import build_module
from fittingroom.errors import RecipeError
from fittingroom.networks import (
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    ReLU,
    check_classifier,
    from_json,
    operation_count,
    summarise,
    to_json,
)
from tests.networks_strategy import networks


@given(networks())
@settings(max_examples=60, deadline=None)
def test_shapes_and_parameters_are_those_that_pytorch_finds(network):
    module = build_module(network).eval()
    value = torch.zeros(2, 1, 28, 28)
    for row, layer in zip(summarise(network), module, strict=True):
        value = layer(value)
        assert tuple(value.shape[1:]) == row.output
        assert sum(p.numel() for p in layer.parameters()) == row.parameters


@given(networks())
@settings(deadline=None)
def test_json_gives_the_same_network_back(network):
    assert from_json(to_json(network)) == network


def test_operations_are_multiply_adds_counted_by_hand():
    network = (
        Conv(8, kernel=3, padding=1),  # 28·28·8·9
        MaxPool(2),
        Conv(16, kernel=3),  # 12·12·16·8·9
        Flatten(),
        Dense(10),  # 12·12·16·10
    )
    by_hand = 28 * 28 * 8 * 9 + 12 * 12 * 16 * 8 * 9 + 12 * 12 * 16 * 10
    assert operation_count(network) == by_hand


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ((Dense(10),), "put Flatten"),
        ((Flatten(), Conv(8)), "channels, height, width"),
        ((Conv(4, kernel=29), Flatten(), Dense(10)), "at least kernel=29"),
        ((ReLU(), Conv(4, bias=False, whitened=True), Flatten(), Dense(10)), "to be the first"),
        ((Conv(20, bias=False, whitened=True), Flatten(), Dense(10)), "of at most 18 filters"),
        ((MaxPool(29), Flatten(), Dense(10)), "at least size=29"),
        ((Flatten(), Dense(9)), r"End it in Dense\(10\)"),
        ((), r"End it in Dense\(10\)"),
    ],
)
def test_layers_that_do_not_fit_are_refused(network, words):
    with pytest.raises(RecipeError, match=words):
        check_classifier(network, 10)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Conv(8, stride=0), r"`Conv\.stride` is 0"),
        (lambda: Conv(8, padding=-1), r"`Conv\.padding` is -1"),
        (lambda: Conv(7, bias=False, whitened=True), r"`Conv\.whitened` is True.*filters even"),
        (lambda: Conv(8, whitened=True), r"`Conv\.whitened` is True.*bias=False"),
        (lambda: MaxPool(0), r"`MaxPool\.size` is 0"),
        (lambda: Dense(0), r"`Dense\.units` is 0"),
        (lambda: Dense(10**400), r"`Dense\.units` is 1000.*in \[1, 1e38\)"),
        (lambda: Dropout(1.0), r"`Dropout\.rate` is 1\.0"),
        (lambda: BatchNorm(momentum=0), r"`BatchNorm\.momentum` is 0"),
    ],
)
def test_impossible_layers_are_refused(make, words):
    with pytest.raises(RecipeError, match=words):
        make()


@pytest.mark.parametrize(
    "network",
    [
        (Flatten(), Dense(10**12), Dense(10)),
        (Flatten(), *[ReLU()] * 100_000, Dense(10)),
    ],
)
def test_a_network_that_is_too_large_is_refused_before_it_is_built(network):
    with pytest.raises(RecipeError, match=r"layers and .* parameters. Give it at most 1,000 and"):
        check_classifier(network, 10)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ({"layer": "MaxPol"}, "Did you mean 'MaxPool'"),
        ({"layer": "Dense", "unit": 10}, r"has no setting 'unit'\. .*Did you mean 'units'"),
        ({"layer": "Dense"}, "Dense needs a value for 'units'"),
        ({"layer": "Dense", "units": "10"}, r"`Dense\.units` is '10', but must be a whole number"),
        ({"layer": "Dense", "units": True}, "must be a whole number"),
        ({"layer": "Dense", "units": 4, "bias": 1}, "must be true or false"),
    ],
)
def test_impossible_fields_are_refused_in_words(layer, words):
    with pytest.raises(RecipeError, match=words):
        from_json([layer])
