"""The complete module of Lightning's introduction to MNIST, 3 epochs.

https://lightning.ai/docs/pytorch/stable/notebooks/lightning_examples/mnist-hello-world.html
"""

# /// script
# dependencies = ["torch==2.13.0", "lightning==2.6.6"]
# ///
import lightning
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Flatten(),
            nn.Linear(784, 64),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Linear(64, 64),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Linear(64, 10),
        )

    def training_step(self, batch, index):
        images, labels = batch
        return nn.functional.cross_entropy(self.model(images), labels)

    def validation_step(self, batch, index):
        images, labels = batch
        scores = self.model(images)
        self.log("val_loss", nn.functional.cross_entropy(scores, labels), prog_bar=True)
        self.log("val_acc", (scores.argmax(1) == labels).float().mean(), prog_bar=True)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=2e-4)


def fit(images, labels, seed, budget):
    lightning.seed_everything(seed)
    data = TensorDataset(scaled(images), torch.from_numpy(labels).long())
    training, validation = random_split(data, [11 / 12, 1 / 12])
    model = Model()
    trainer = lightning.Trainer(max_epochs=3, logger=False, enable_checkpointing=False)
    trainer.fit(model, DataLoader(training, 64), DataLoader(validation, 64))
    return model.eval()


@torch.no_grad()
def predict(model, images):
    return model.model(scaled(images)).softmax(1).numpy()


def scaled(images):
    return (torch.from_numpy(images)[:, None] / 255 - 0.1307) / 0.3081
