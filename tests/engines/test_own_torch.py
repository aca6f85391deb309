import functools
import itertools

import numpy as np
import pytest
import torch
from torch import nn

from fittingroom import recipe_of
from fittingroom.engines import engine_named
from fittingroom.errors import ExportError, OwnCodeError, RecipeError, TrainingError
from fittingroom.recipes import Augmentation
from tests.engines import own_models

ENGINE = engine_named("pytorch")
fit = functools.partial(own_models.fit, ENGINE)
rehearse = functools.partial(own_models.rehearse, ENGINE)


class Small(nn.Module):
    """A view of what a convolution gives, which needs its numbers in PyTorch's usual order."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 4, stride=4)
        self.norm = nn.BatchNorm2d(6)
        self.unused = nn.Linear(3, 3)
        self.last = nn.Linear(6 * 49, 10)
        self.register_buffer("drawn", torch.tensor(np.random.rand()))

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x)))
        return self.last(x.view(len(x), -1))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.zeros(1, 1, 16))
        self.patches = nn.Conv2d(1, 16, 7, 7)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.last = nn.Linear(16, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.first.expand(len(x), -1, -1), x], 1)
        return self.last(self.attention(x, x, x, need_weights=False)[0][:, 0])


class Lazy(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.LazyConv2d(4, 4, stride=4), nn.Flatten(), nn.LazyLinear(10))


class Resized(nn.Sequential):
    def __init__(self) -> None:
        resize = nn.Upsample(56, mode="bilinear")
        super().__init__(resize, nn.Conv2d(1, 4, 8, 8), Shrunk(), nn.Flatten(), nn.Linear(36, 10))


class Shrunk(nn.Module):
    def forward(self, x):
        return nn.functional.interpolate(x, size=(3, 3), mode="bilinear", align_corners=False)


class Scaled(nn.Module):
    """Linear, and then what a test makes of it."""

    def __init__(self, end) -> None:
        super().__init__()
        self.last = nn.Linear(784, 10)
        self.end = end

    def forward(self, x):
        return self.end(self, self.last(x.flatten(1)))


def small(**settings):
    given = {"epochs": 2, "batch_size": 50, "learning_rate": 0.01}
    return recipe_of(Small, **given | settings)


def ending(end, **settings):
    return recipe_of(lambda: Scaled(end), name="ending", epochs=1, **settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "mirror"), [(Small, True), (Attention, False), (Lazy, True), (Resized, True)]
)
def test_the_graph_gives_what_the_module_gives(model, mirror, sample_split):
    recipe = recipe_of(model, epochs=1, batch_size=100, mirror=mirror)
    rehearse(recipe, sample_split)
    fitted, _ = fit(recipe, sample_split)
    own_models.assert_the_graph_gives_the_same(fitted, sample_split)


@pytest.mark.slow
def test_it_learns_by_the_recipes_settings(sample_split):
    recipe = small(
        epochs=4,
        optimizer="muon",
        learning_rate=0.05,
        augmentation=Augmentation(flip=True, shift=1, rotation=0.02),
        label_smoothing=0.1,
        keep="best loss",
    )
    fitted, history = fit(recipe, sample_split)
    accuracy = (fitted.logits.argmax(1) == sample_split.validation.labels).mean()
    assert accuracy > 0.6
    assert accuracy == pytest.approx(history[fitted.best_epoch - 1].val_accuracy)
    assert fitted.best_epoch == min(history, key=lambda epoch: epoch.val_loss).epoch


@pytest.fixture(scope="module")
def fitted(sample_split):
    return fit(small(), sample_split)[0]


@pytest.mark.slow
def test_the_weights_are_the_modules_whole_state_and_fit_it(fitted, sample_split):
    state = Small().state_dict()
    assert set(fitted.weights) == {*state, "pixels.mean", "pixels.deviation"}
    assert fitted.weights["norm.num_batches_tracked"].dtype == np.int64
    assert (fitted.weights["pixels.mean"], fitted.weights["pixels.deviation"]) == (0, 255)
    module = Small()
    module.load_state_dict({name: torch.from_numpy(fitted.weights[name].copy()) for name in state})
    images = torch.from_numpy(sample_split.validation.images[:20]).float().unsqueeze(1) / 255
    with torch.no_grad():
        logits = module.eval()(images)
    np.testing.assert_allclose(logits.numpy(), fitted.logits[:20], atol=1e-5)
    assert fitted.core.parameters == (6 * 16 + 6) + 12 + 12 + (6 * 49 * 10 + 10)
    assert fitted.core.operations == 6 * 16 * 49 + 6 * 49 * 10


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model_byte_for_byte(fitted, sample_split):
    """Numbers that its code draws by NumPy are seeded too."""
    again, other = (fit(small(), sample_split, seed)[0] for seed in (0, 1))
    assert fitted.core.graph == again.core.graph
    for name in ("conv.weight", "drawn"):
        assert fitted.weights[name].tobytes() == again.weights[name].tobytes()
        assert fitted.weights[name].tobytes() != other.weights[name].tobytes()


@pytest.mark.slow
def test_a_module_is_left_as_it_was_and_starts_from_its_weights(sample_split):
    module = Small().eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    recipe = recipe_of(module, epochs=1, learning_rate=1e-12)
    rehearse(recipe, sample_split)
    fitted, _ = fit(recipe, sample_split, seed=3)
    assert not module.training
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert all(parameter.grad is None for parameter in module.parameters())
    np.testing.assert_allclose(fitted.weights["last.weight"], before["last.weight"], atol=1e-6)


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (lambda net, x: x[:, :7], r"gives float32 of shape \(2, 7\).*logits of shape \(2, 10\)"),
        (lambda net, x: x[..., None], r"gives float32 of shape \(2, 10, 1\)"),
        (lambda net, x: (x, x), "gives a tuple"),
        (lambda net, x: x.double(), "gives float64"),
        (lambda net, x: x.softmax(1), "gives probabilities.*Remove the softmax"),
        (lambda net, x: (x - 99).log(), "finite numbers.*NaN.*before any training"),
        (lambda net, x: net.requires_grad_(False) and x, "nothing to train"),
    ],
    ids=["classes", "axes", "tuple", "double", "softmax", "no numbers", "frozen"],
)
def test_what_gives_no_logits_is_refused(end, words, sample_split):
    with pytest.raises(RecipeError, match=words):
        rehearse(ending(end), sample_split)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "words"),
    [
        (lambda net, x: x if x.sum() > 0 else -x, "data-dependent.*test_own_torch"),
        (lambda net, x: x.reshape(2, 10) + 0 if len(x) == 2 else x, "static shape of 2"),
        (lambda net, x: x * torch.special.bessel_j0(x), "No ONNX function|bessel"),
    ],
    ids=["depends on the data", "one batch size", "unknown to ONNX"],
)
def test_what_cannot_be_exported_is_known_before_training(end, words, sample_split, capfd):
    with pytest.raises(ExportError, match=words) as caught:
        rehearse(ending(end), sample_split)
    assert len(str(caught.value)) < 1000
    assert "\x1b" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_an_export_that_differs_is_known_before_training(sample_split):
    calls = itertools.count()

    def forgetful(net, x):
        return x + float(next(calls)) * torch.arange(10)

    with pytest.raises(ExportError, match=r"allowed: 0\.0001.*gives other answers each time"):
        rehearse(ending(forgetful), sample_split)


@pytest.mark.slow
def test_an_error_late_in_training_is_reported_as_one_of_your_code(sample_split):
    def late(net, x):
        if net.training and len(x) > 20:
            raise ValueError("too many at once")
        return x

    recipe = ending(late)
    rehearse(recipe, sample_split)
    with pytest.raises(OwnCodeError, match=r"while training .*(.|\n)*ValueError: too many at"):
        fit(recipe, sample_split)


def test_what_a_listener_raises_and_a_broken_loss_are_no_errors_of_its_code(sample_split):
    def stop(epoch):
        raise ZeroDivisionError

    device = ENGINE.device("cpu", 1)
    with pytest.raises(ZeroDivisionError):
        ENGINE.fit(small(), sample_split, seed=0, device=device, on_epoch=stop)
    with pytest.raises(TrainingError, match="lower learning rate"):
        fit(ending(lambda net, x: x * float("inf") if net.training else x), sample_split)
