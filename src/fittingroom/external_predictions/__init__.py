"""Predictions of a model that was never here: a CSV or ``.npz`` file, read without trusting it.

::

    reading     read_external: the door; numbers compared with the images that they are of
    files       what stands in either kind of file

``docs/how-to/external-predictions.md`` says what the files hold.
"""

from fittingroom.external_predictions.reading import read_external

__all__ = ["read_external"]
