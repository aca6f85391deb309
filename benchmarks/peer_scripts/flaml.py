"""FLAML's basic example for classification, within a time budget.

https://microsoft.github.io/FLAML/docs/Examples/AutoML-Classification
"""

# /// script
# dependencies = ["flaml[automl]==2.8.0"]
# budget = true
# ///
from flaml import AutoML


def fit(images, labels, seed, budget):
    model = AutoML()
    model.fit(flat(images), labels, task="classification", time_budget=budget, seed=seed, n_jobs=2)
    return model


def predict(model, images):
    return model.predict_proba(flat(images))


def flat(images):
    return images.reshape(len(images), -1)
