"""Random networks, for laws that hold for all of them."""

from hypothesis import strategies as st

from fittingroom.networks import (
    GELU,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalMaxPool,
    Layer,
    MaxPool,
    Network,
    ReLU,
)

ACTIVATIONS: st.SearchStrategy[Layer] = st.sampled_from([ReLU(), GELU()])


@st.composite
def networks(draw: st.DrawFn, classes: int = 10) -> Network:
    """A network from ``(1, 28, 28)`` to ``classes`` logits."""
    layers: list[Layer] = []
    for _ in range(draw(st.integers(0, 2))):
        filters = draw(st.sampled_from([2, 4]))
        bias = draw(st.booleans())
        kernel, stride = draw(st.sampled_from([(3, 1), (3, 2), (4, 2), (1, 1)]))
        padding = draw(st.integers(0, 1))
        whitened = not layers and not bias and kernel > 1 and draw(st.booleans())
        layers.append(Conv(filters, kernel, stride, padding, bias, whitened))
        if draw(st.booleans()):
            layers.append(BatchNorm(epsilon=draw(st.sampled_from([1e-5, 1e-3]))))
        layers.append(draw(ACTIVATIONS))
        if draw(st.booleans()):
            layers.append(MaxPool(2))
    pooled = bool(layers) and draw(st.booleans())
    layers.append(GlobalMaxPool() if pooled else Flatten())
    if draw(st.booleans()):
        layers += [BatchNorm(), Dropout(0.25)]
    for _ in range(draw(st.integers(0, 1))):
        layers.append(Dense(draw(st.integers(1, 8)), bias=draw(st.booleans())))
        if draw(st.booleans()):
            layers.append(BatchNorm())
        layers.append(draw(ACTIVATIONS))
    return (*layers, Dense(classes))
