"""scikit-learn's gradient boosting with its defaults.

https://scikit-learn.org/stable/modules/ensemble.html#histogram-based-gradient-boosting
"""

# /// script
# dependencies = ["scikit-learn==1.9.1"]
# ///
from sklearn.ensemble import HistGradientBoostingClassifier


def fit(images, labels, seed, budget):
    return HistGradientBoostingClassifier(random_state=seed).fit(flat(images), labels)


def predict(model, images):
    return model.predict_proba(flat(images))


def flat(images):
    return images.reshape(len(images), -1)
