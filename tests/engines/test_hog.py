"""Histograms of oriented gradients: the graph against the definition in plain NumPy."""

import numpy as np

from fittingroom.engines.sklearn.hog import features

ORIENTATIONS = 8


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
    generator = np.random.default_rng(0)
    smooth = (50 + 100 * generator.random((2, 7, 7))).repeat(4, axis=1).repeat(4, axis=2)
    rough = generator.integers(0, 256, (1, 28, 28))
    images = np.concatenate([smooth, rough, np.full((1, 28, 28), 7)]).astype(np.uint8)
    expected = [reference(image) for image in images]
    found = features(images, ORIENTATIONS, threads=1)
    np.testing.assert_allclose(found[:, :-49], expected, atol=1e-5)
    squares = images.reshape(4, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(4, 49) / 255
    np.testing.assert_allclose(found[:, -49:], squares, atol=1e-6)
