"""Predictions of a model that isn't here: a CSV or ``.npz`` file, read without trusting it.

``docs/how-to/external-predictions.md`` describes the files.
"""

from fittingroom.external_predictions.reading import read_external

__all__ = ["read_external"]
