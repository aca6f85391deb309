"""AutoGluon's quick start for tables, within a time limit, on its tree ensembles.

https://auto.gluon.ai/stable/tutorials/tabular/tabular-quick-start.html
"""

# /// script
# dependencies = ["autogluon.tabular[catboost,lightgbm,xgboost]==1.6.3"]
# budget = true
# ///
import pandas as pd
from autogluon.tabular import TabularPredictor


def fit(images, labels, seed, budget):
    data = table(images).assign(label=labels)
    return TabularPredictor(label="label").fit(data, time_limit=budget)


def predict(model, images):
    return model.predict_proba(table(images)).to_numpy()


def table(images):
    return pd.DataFrame(images.reshape(len(images), -1)).rename(columns=str)
