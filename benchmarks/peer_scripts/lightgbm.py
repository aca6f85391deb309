"""LightGBM's classifier with its defaults.

https://lightgbm.readthedocs.io/en/stable/pythonapi/lightgbm.LGBMClassifier.html
"""

# /// script
# dependencies = ["lightgbm==4.7.0", "scikit-learn==1.9.1"]
# ///
from lightgbm import LGBMClassifier


def fit(images, labels, seed, budget):
    return LGBMClassifier(random_state=seed).fit(flat(images), labels)


def predict(model, images):
    return model.predict_proba(flat(images))


def flat(images):
    return images.reshape(len(images), -1)
