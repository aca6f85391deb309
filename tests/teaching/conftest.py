from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw


@pytest.fixture
def photos_of(tmp_path):
    """Draw photos of a shape into a folder of its name."""

    def draw(shape: str, count: int) -> list[Path]:
        random = np.random.default_rng(len(shape))
        folder = tmp_path / "photos" / shape
        folder.mkdir(parents=True)
        for number in range(count):
            image = Image.new("RGB", (120, 160), tuple(random.integers(150, 256, 3).tolist()))
            x, y, size = random.integers(10, 40, 3).tolist()
            corners = (x, y, x + 30 + size, y + 30 + size)
            colour = tuple(random.integers(0, 120, 3).tolist())
            paint = ImageDraw.Draw(image)
            if shape == "square":
                paint.rectangle(corners, fill=colour)
            else:
                paint.ellipse(corners, outline=colour, width=4)
            image.save(folder / f"{number}.png")
        return sorted(folder.iterdir())

    return draw
