import base64
import dataclasses
import functools
import itertools
import json

import numpy as np
import pytest
import torch

from fittingroom.data import ImageSet
from fittingroom.engines import engine_named
from fittingroom.engines.pytorch import training
from fittingroom.engines.pytorch.images import (
    Augmenter,
    TrainingImages,
    erase,
    mean_and_deviation,
    rotate,
)
from fittingroom.engines.pytorch.modules import build_module, first_kernels, whiten
from fittingroom.engines.pytorch.training import _Training
from fittingroom.errors import RecipeError, UsageError
from fittingroom.networks import Conv, Dense, Dropout, Flatten, MaxPool, ReLU
from fittingroom.recipes import Augmentation
from fittingroom.runs import LEARNING, best_epoch
from tests.engines import own_models

ENGINE = engine_named("pytorch")
fit = functools.partial(own_models.fit, ENGINE)


def vary(draw: Augmenter, count: int, epoch: int = 1) -> torch.Tensor:
    """An epoch's images, all in one batch, in the order of the data."""
    ((chosen, drawn),) = draw.epoch(epoch, count, torch.arange(count))
    return draw.vary(chosen, drawn)[chosen.argsort()]


def augmenter(images: np.ndarray, augmentation: Augmentation) -> Augmenter:
    zero, one = torch.tensor(0.0), torch.tensor(1.0)
    labels = torch.zeros(len(images), dtype=torch.uint8)
    source = TrainingImages(torch.from_numpy(images), labels, zero, one)
    return Augmenter(source, augmentation, torch.Generator().manual_seed(0))


def test_same_seed_and_threads_give_the_same_weights_byte_for_byte(tiny, sample_split):
    first, first_history = fit(tiny, sample_split)
    again, again_history = fit(tiny, sample_split)
    assert {name: array.tobytes() for name, array in first.weights.items()} == {
        name: array.tobytes() for name, array in again.weights.items()
    }
    assert [dataclasses.replace(epoch, seconds=0) for epoch in first_history] == [
        dataclasses.replace(epoch, seconds=0) for epoch in again_history
    ]


def test_training_learns_and_keeps_the_best_epoch(tiny, sample_split):
    fitted, history = fit(dataclasses.replace(tiny, epochs=5), sample_split)
    accuracy = (fitted.logits.argmax(1) == sample_split.validation.labels).mean()
    assert accuracy > 0.65
    assert fitted.best_epoch == best_epoch(history).epoch
    assert accuracy == pytest.approx(best_epoch(history).val_accuracy)
    assert history[-1].learning_rate == 0
    assert all(later.seconds > sooner.seconds for sooner, later in itertools.pairwise(history))


def test_each_epoch_s_confusion_matrix_and_kernels_are_those_of_its_weights(tiny, sample_split):
    recipe, taken = dataclasses.replace(tiny, mirror=False), []
    fitted = ENGINE.fit(
        recipe,
        sample_split,
        seed=0,
        device=ENGINE.device("cpu", 1),
        on_epoch=lambda epoch: None,
        on_checkpoint=lambda each: taken.append({n: a.copy() for n, a in each.arrays.items()}),
    )
    learning = json.loads(fitted.files[LEARNING])
    shown = np.frombuffer(base64.b64decode(learning["convolution"]["kernels"]), np.int8).reshape(
        3, 8, 4, 4
    )
    module, validation = build_module(recipe.layers).eval(), sample_split.validation
    mean, deviation = (fitted.weights[f"pixels.{name}"] for name in ("mean", "deviation"))
    images = torch.from_numpy((validation.images[:, None] - mean) / deviation)
    for epoch, arrays in enumerate(taken):
        weights = {n[7:]: torch.tensor(a) for n, a in arrays.items() if n.startswith("module.")}
        module.load_state_dict(weights, strict=False)
        expected = np.zeros((10, 10), int)
        with torch.no_grad():
            np.add.at(expected, (validation.labels, module(images).argmax(1).numpy()), 1)
        np.testing.assert_array_equal(learning["confusion"][epoch], expected)
        of_epoch = weights["0.weight"][:, 0].numpy()
        scaled = of_epoch / np.abs(of_epoch).max((1, 2), keepdims=True)
        np.testing.assert_allclose(shown[epoch] / 127, scaled, atol=0.004)
    assert not np.array_equal(shown[0], shown[2])


def test_behind_a_whitened_layer_patterns_are_shown_that_its_filters_answer_to(sample_split):
    images = torch.from_numpy(sample_split.training.images[:300]).float().unsqueeze(1) / 60 - 1
    stem = Conv(8, kernel=4, stride=4, bias=False, whitened=True)
    module = build_module((stem, ReLU(), Conv(20, kernel=1, bias=False)))
    whiten(module, images)
    found = first_kernels(module)
    assert found["whitened"].shape == (4, 4, 4)
    # What changes together with a filter's answer: the patches, each weighed by its answer.
    patches = torch.nn.functional.unfold(images, 4, stride=4).transpose(1, 2).flatten(0, 1)
    with torch.no_grad():
        answers = module[2](module[0](images)).transpose(0, 1).flatten(1)  # (20, N·7·7)
    expected = (answers @ patches)[:16]
    alike = torch.cosine_similarity(found["second"].flatten(1).float(), expected)
    assert (alike > 0.98).all()
    assert first_kernels(build_module((Flatten(), Dense(20))))["dense"].shape == (16, 28, 28)
    assert first_kernels(build_module((MaxPool(2), Flatten(), Dense(5)))) == {}


def test_training_stops_when_patience_ends(tiny, sample_split):
    # A validation set with wrong labels: learning makes its accuracy fall.
    validation = sample_split.validation
    wrong = ImageSet(validation.images, (validation.labels + 1) % 10, validation.indices)
    split = dataclasses.replace(sample_split, validation=wrong)
    recipe = dataclasses.replace(tiny, epochs=30, patience=2)
    fitted, history = fit(recipe, split)
    assert len(history) == fitted.best_epoch + 2 < 30
    assert len(json.loads(fitted.files[LEARNING])["confusion"]) == len(history)


def test_a_whitened_convolution_gives_uncorrelated_values_of_one_size_and_both_signs(sample_split):
    images = torch.from_numpy(sample_split.training.images[:300]).float().unsqueeze(1) / 60 - 1
    module = build_module((Conv(12, kernel=4, stride=2, padding=1, bias=False, whitened=True),))
    whiten(module, images)
    values = module(images).transpose(0, 1).flatten(1)  # (12, N·14·14)
    assert torch.equal(values[6:], -values[:6])
    second_moments = (values[:6] @ values[:6].T / values.shape[1]).double().numpy()
    sizes = np.diag(second_moments)
    np.testing.assert_allclose(second_moments, np.diag(sizes), atol=1e-3)
    # One, less what is added to each component's variance.
    assert np.all(sizes < 1)
    assert np.all(np.diff(sizes) < 0)
    assert sizes[0] > 0.99


def test_a_whitened_convolution_is_not_trained(tiny, sample_split):
    network = (Conv(8, kernel=4, stride=4, bias=False, whitened=True), *tiny.network[2:])
    short, long = (
        fit(dataclasses.replace(tiny, network=network, epochs=epochs), sample_split, seed=epochs)[0]
        for epochs in (1, 3)
    )
    assert short.weights["0.weight"].tobytes() == long.weights["0.weight"].tobytes()
    assert short.weights["4.weight"].tobytes() != long.weights["4.weight"].tobytes()
    assert (long.logits.argmax(1) == sample_split.validation.labels).mean() > 0.65


def test_training_in_bfloat16_gives_float32_weights_that_are_as_good(tiny, sample_split):
    logits, accuracies = [], []
    for half in (False, True):
        device = dataclasses.replace(ENGINE.device("cpu", 1), half_precision=half)
        fitted = ENGINE.fit(tiny, sample_split, seed=0, device=device, on_epoch=lambda epoch: None)
        assert {array.dtype for array in fitted.weights.values()} == {np.dtype(np.float32)}
        logits.append(fitted.logits)
        accuracies.append((fitted.logits.argmax(1) == sample_split.validation.labels).mean())
    assert not np.array_equal(logits[0], logits[1])
    assert abs(accuracies[0] - accuracies[1]) < 0.05


def test_instructions_that_are_ruled_out_are_not_used(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    for held, expected in (("AVX512", True), ("AVX2", False)):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda held=held: held)
        assert ENGINE.device("cpu", 1).half_precision is expected
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True})
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert not ENGINE.device("cpu", 1).half_precision


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.999])
def test_dropout_drops_its_share_and_keeps_the_mean(rate):
    torch.manual_seed(0)
    values = torch.ones(1001, 301)
    (dropout,) = build_module((Dropout(rate),))
    dropped = dropout(values)
    share = dropped.eq(0).double().mean().item()
    assert share == pytest.approx(min(rate, 255 / 256), abs=0.003)
    assert dropped.mean().item() == pytest.approx(1, abs=0.03 if rate < 0.9 else 0.1)
    assert dropped.unique().numel() <= 2
    # No column or row of it is like another.
    assert rate not in (0.1, 0.5) or len(dropped[:100].unique(dim=0)) == 100
    assert torch.equal(dropout.eval()(values), values)


def test_a_network_of_the_wrong_size_is_refused(tiny, sample_split):
    recipe = dataclasses.replace(tiny, network=(Flatten(), Dense(9)))
    with pytest.raises(RecipeError, match="one logit for each class"):
        fit(recipe, sample_split)


def test_two_epochs_show_both_sides_of_every_image():
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    draw = augmenter(images, Augmentation(flip=True))
    first, second = (vary(draw, 20, epoch).numpy() for epoch in (1, 2))
    np.testing.assert_array_equal(first[:, :, ::-1], second)
    as_they_are = (first == images).all(axis=(1, 2))
    assert 0 < as_they_are.sum() < 20
    np.testing.assert_array_equal(np.where(as_they_are[:, None, None], first, second), images)


def test_a_shift_moves_images_by_at_most_its_pixels():
    images = np.zeros((200, 28, 28), np.uint8)
    images[:, 10, 20] = 255
    moved = vary(augmenter(images, Augmentation(shift=2)), 200).numpy()
    _, rows, columns = np.nonzero(moved)
    assert len(rows) == 200
    assert set(rows - 10) == set(columns - 20) == {-2, -1, 0, 1, 2}


def test_a_shift_moves_no_more_images_than_its_probability():
    images = np.zeros((1000, 28, 28), np.uint8)
    images[:, 10, 20] = 255
    draw = augmenter(images, Augmentation(shift=3, shift_probability=0.3))
    stayed = vary(draw, 1000)[:, 10, 20].eq(255).float().mean()
    assert 0.65 < stayed < 0.77  # 0.7 and a 49th of 0.3


@pytest.mark.parametrize("count", [1, 999, 2500])
def test_mean_and_deviation_are_those_of_all_pixels(count):
    images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    mean, deviation = mean_and_deviation(images)
    assert mean == np.mean(images)
    assert deviation == pytest.approx(np.std(images), rel=1e-12)


def test_a_quarter_turn_is_exact_and_no_turn_changes_nothing():
    images = torch.randint(0, 256, (3, 28, 28), dtype=torch.uint8)
    turned = rotate(images, torch.tensor([0.0, 0.25, -0.25]))
    expected = [image.rot90(turns) for image, turns in zip(images, (0, 1, -1), strict=True)]
    assert torch.equal(turned, torch.stack(expected))


def test_a_rotation_turns_images_by_at_most_its_share_of_a_full_turn():
    images = np.zeros((300, 28, 28), np.uint8)
    images[:, 12:16, 19:23] = 255  # to the right of the middle
    turned = vary(augmenter(images, Augmentation(rotation=0.1)), 300).double()
    grid = torch.arange(28) - 13.5
    columns = (turned.sum(1) * grid).sum(1)
    rows = (turned.sum(2) * grid).sum(1)
    turns = torch.atan2(-rows, columns) / (2 * torch.pi)
    assert 0.08 < turns.max() < 0.101
    assert -0.101 < turns.min() < -0.08


def test_an_epoch_shows_its_images_once_less_a_remainder_in_a_new_order():
    draw = augmenter(np.zeros((150, 28, 28), np.uint8), Augmentation(flip=True))
    among = torch.arange(100, 150)
    first, second = ([chosen.tolist() for chosen, _ in draw.epoch(n, 12, among)] for n in (1, 2))
    assert [len(batch) for batch in first] == [12] * 4
    assert len({place for batch in first for place in batch} & {*among.tolist()}) == 48
    assert first != second


def test_epochs_train_on_the_hardest_images_once_enough_were_seen(tiny, sample_split, monkeypatch):
    losses, taken, count = [], [], len(sample_split.training)

    def train(self, epoch, then=_Training._train):
        losses.append(self.losses.clone())
        return then(self, epoch)

    def shuffle(self, number, size, among, then=Augmenter.epoch):
        taken.append(among)
        return then(self, number, size, among)

    monkeypatch.setattr(training, "_ENOUGH", 2 * count)
    monkeypatch.setattr(_Training, "_train", train)
    monkeypatch.setattr(Augmenter, "epoch", shuffle)
    recipe = dataclasses.replace(tiny, epochs=4, batch_size=7, hardest=0.3, keep="last")
    _, history = fit(recipe, sample_split)
    assert [len(each) for each in taken] == [count, count, int(0.3 * count), int(0.3 * count)]
    assert losses[1].isnan().sum() == count % 7  # left over, so they would come next
    for before, among in zip(losses[2:], taken[2:], strict=True):
        known = before.nan_to_num(torch.inf)
        rest = torch.ones(count, dtype=torch.bool).index_fill(0, among, False)
        assert known[among].min() >= known[rest].max()
    # The rate still falls to zero at the end.
    assert history[-1].learning_rate == 0
    assert history[2].learning_rate > 0


@pytest.mark.parametrize(("side", "area"), [(1, 1), (4, 16), (5, 25)])
def test_erasing_fills_one_square_of_an_image_with_the_mean_grey(side, area):
    images = torch.full((2, 28, 28), 200, dtype=torch.uint8)
    middles = torch.tensor([[10.0, 0.0], [20.0, 27.0]])
    erased = erase(images, middles, side, torch.tensor(73.4)) != 200
    assert erased[0].sum() == area
    rows, columns = erased[0].nonzero().T
    assert rows.max() - rows.min() == columns.max() - columns.min() == side - 1
    assert (rows.min() + side // 2, columns.min() + side // 2) == (10, 20)
    # Half of it lies outside in a corner, and no more.
    assert erased[1].sum() == (side - side // 2) * (side // 2 + 1)
    assert erase(images, middles, side, torch.tensor(73.4)).unique().tolist() == [73, 200]


def test_a_device_that_is_not_there_is_wrong_usage():
    with pytest.raises(UsageError, match=r"no device 'tpu'"):
        ENGINE.device("tpu", None)
    for threads in (0, -1, 100_000):
        with pytest.raises(UsageError, match="Choose from 1 to"):
            ENGINE.device("cpu", threads)


def test_an_unknown_engine_is_refused():
    with pytest.raises(RecipeError, match="Did you mean 'pytorch'"):
        engine_named("pytorc")
