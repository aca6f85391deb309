"""Histograms of oriented gradients: the graph against the definition in plain NumPy, and laws."""

import numpy as np
import onnxruntime
from hypothesis import given, settings
from hypothesis import strategies as st

from fittingroom.engines.sklearn.hog import add_hog, features
from fittingroom.graphs import GraphBuilder, open_session

ORIENTATIONS = 8


def histograms() -> onnxruntime.InferenceSession:
    """The histograms alone, without brightness."""
    graph = GraphBuilder()
    images = graph.add("Unsqueeze", "images", graph.integers(1))
    graph.add("Identity", add_hog(graph, images, ORIENTATIONS), output="features")
    return open_session(graph.from_images("features", "F"))


SESSION = histograms()


def hog(images: np.ndarray) -> np.ndarray:
    (found,) = SESSION.run(None, {"images": images.astype(np.float32)})
    return found


def smooth_images(seed: int, count: int = 3) -> np.ndarray:
    """Whole numbers from 50 to 150 with edges and slopes, as garments have."""
    noise = np.random.default_rng(seed).random((count, 7, 7))
    return np.round(50 + 100 * noise.repeat(4, axis=1).repeat(4, axis=2))


def reference(image: np.ndarray) -> np.ndarray:
    """One image's histograms, pixel by pixel, in float64."""
    padded = np.pad(image.astype(np.float64), 1, mode="edge")
    found = []
    for cell in (4, 7):
        count = 28 // cell
        cells = np.zeros((ORIENTATIONS, count, count))
        for row in range(28):
            for column in range(28):
                across = padded[row + 1, column + 2] - padded[row + 1, column]
                down = padded[row + 2, column + 1] - padded[row, column + 1]
                length = np.hypot(across, down)
                place = np.arctan2(down, across) / (2 * np.pi) * ORIENTATIONS
                lower = int(np.floor(place))
                for direction, share in ((lower, 1 - place + lower), (lower + 1, place - lower)):
                    for y in range(count):
                        for x in range(count):
                            # Distances from the middle of the cell, in cells.
                            near = 1 - abs(row + 0.5 - (y + 0.5) * cell) / cell
                            close = 1 - abs(column + 0.5 - (x + 0.5) * cell) / cell
                            weight = max(near, 0) * max(close, 0) / cell**2
                            cells[direction % ORIENTATIONS, y, x] += share * length * weight
        blocks = np.empty((4 * ORIENTATIONS, count - 1, count - 1))
        for y in range(count - 1):
            for x in range(count - 1):
                corners = ((0, 0), (0, 1), (1, 0), (1, 1))
                block = np.concatenate([cells[:, y + dy, x + dx] for dy, dx in corners])
                block = np.minimum(block / np.sqrt((block**2).sum() + 25), 0.2)
                blocks[:, y, x] = block / np.sqrt((block**2).sum() + 1e-4)
        found.append(blocks.ravel())
    return np.concatenate(found)


def test_the_graph_gives_what_the_definition_gives():
    rough = np.random.default_rng(0).integers(0, 256, (1, 28, 28))
    images = np.concatenate([smooth_images(1, 1), rough]).astype(np.uint8)
    expected = [reference(image) for image in images]
    found = features(images, ORIENTATIONS, threads=1)
    np.testing.assert_allclose(found[:, :-49], expected, atol=1e-5)
    squares = images.reshape(2, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(2, 49) / 255
    np.testing.assert_allclose(found[:, -49:], squares, atol=1e-6)


@given(st.integers(0, 99), st.integers(-50, 50))
@settings(deadline=None)
def test_brightness_changes_nothing(seed, added):
    images = smooth_images(seed)
    np.testing.assert_array_equal(hog(images + added), hog(images))


@given(st.integers(0, 99), st.integers(2, 9))
@settings(deadline=None)
def test_contrast_changes_next_to_nothing(seed, factor):
    # A block with edges of 50 and more is long against the softening of 5.
    images = smooth_images(seed) * 20
    np.testing.assert_allclose(hog(images * factor), hog(images), atol=0.01)


@given(st.integers(0, 99))
@settings(deadline=None)
def test_a_block_has_length_one_and_no_empty_image_is_blown_up(seed):
    blocks = hog(smooth_images(seed))[:, : 32 * 36].reshape(-1, 32, 36)
    lengths = np.linalg.norm(blocks, axis=1)
    assert (lengths <= 1).all()
    assert np.median(lengths) > 0.99
    assert (hog(np.full((1, 28, 28), 7)) == 0).all()
