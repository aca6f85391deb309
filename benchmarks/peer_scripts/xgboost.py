"""XGBoost's classifier with its defaults.

https://xgboost.readthedocs.io/en/stable/python/python_api.html#xgboost.XGBClassifier
"""

# /// script
# dependencies = ["xgboost==3.2.0", "scikit-learn==1.9.1"]
# ///
from xgboost import XGBClassifier


def fit(images, labels, seed, budget):
    return XGBClassifier(random_state=seed).fit(flat(images), labels)


def predict(model, images):
    return model.predict_proba(flat(images))


def flat(images):
    return images.reshape(len(images), -1)
