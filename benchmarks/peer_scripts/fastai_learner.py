"""fastai's book on MNIST: a ResNet-18 without pretrained weights, one epoch of its one-cycle policy.

https://github.com/fastai/fastbook/blob/master/04_mnist_basics.ipynb
"""

# /// script
# dependencies = ["torch==2.14.1", "torchvision==0.29.1", "fastai==2.8.12"]
# ///
import numpy as np
from fastai.vision.all import (
    CategoryBlock,
    DataBlock,
    F,
    ImageBlock,
    PILImage,
    accuracy,
    resnet18,
    set_seed,
    vision_learner,
)


def fit(images, labels, seed, budget):
    set_seed(seed)
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock),
        get_x=lambda place: coloured(images[place]),
        get_y=lambda place: int(labels[place]),
    )
    data = block.dataloaders(range(len(images)), num_workers=0)
    learner = vision_learner(
        data, resnet18, pretrained=False, loss_func=F.cross_entropy, metrics=accuracy
    )
    with learner.no_bar():
        learner.fit_one_cycle(1, 0.1)
    return learner


def predict(model, images):
    asked = model.dls.test_dl([coloured(image) for image in images])
    with model.no_bar():
        scores, _ = model.get_preds(dl=asked)
    return scores.softmax(1).numpy()


def coloured(image):
    return PILImage.create(np.stack([image] * 3, -1))
