"""Make the table by which Fashion-MNIST is recognised: `python tools/make_image_table.py`.

It is the same, byte for byte, wherever it is made from the real data.
"""

import argparse
from pathlib import Path

import numpy as np

from fittingroom.data import find_dataset
from fittingroom.data.recognise import TABLE, class_means, image_hashes


def make_image_table(path: Path, data: str | Path | None = None) -> None:
    """Write the table to a file.

    Raises:
        DataError: the real data is not found.
    """
    dataset = find_dataset(data)
    training, test = dataset.training(), dataset.open_test()
    np.savez(
        path,
        hashes=image_hashes(np.concatenate([training.images, test.images])),
        labels=np.concatenate([training.labels, test.labels]),
        means=class_means(training.images, training.labels).round().astype(np.uint8),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of the real data; left out: from wherever")
    parser.add_argument("--out", type=Path, default=TABLE, help="left out: the package")
    options = parser.parse_args()
    make_image_table(options.out, options.data)
