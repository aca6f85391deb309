"""The convolutional network of skorch's notebook on MNIST, 10 epochs.

https://github.com/skorch-dev/skorch/blob/master/notebooks/MNIST.ipynb
"""

# /// script
# dependencies = ["torch==2.13.0", "skorch==1.4.0"]
# ///
import torch
from skorch import NeuralNetClassifier
from torch import nn


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, 3),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3),
            nn.Dropout2d(),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(1600, 100),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(100, 10),
            nn.Softmax(-1),
        )

    def forward(self, images):
        return self.layers(images)


def fit(images, labels, seed, budget):
    torch.manual_seed(seed)
    model = NeuralNetClassifier(Cnn, max_epochs=10, lr=0.002, optimizer=torch.optim.Adam)
    return model.fit(scaled(images), labels.astype("int64"))


def predict(model, images):
    return model.predict_proba(scaled(images))


def scaled(images):
    return images[:, None].astype("float32") / 255
