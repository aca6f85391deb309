"""The ten classes of Fashion-MNIST, in the order of their labels (arXiv:1708.07747, table 2)."""

GARMENTS: tuple[str, ...] = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
