"""Predictions from elsewhere: somebody else's CSV or ``.npz`` file, read without trusting it.

::

    reading     read_elsewhere: the door; numbers held against the pictures that they are of
    spreadsheet a CSV file, as programs and spreadsheets write them
    archive     an .npz archive of plain arrays
    said        what either gives, and how a file is refused

``docs/how-to/external-predictions.md`` says what the files hold.
"""

from fittingroom.external_predictions.reading import read_elsewhere

__all__ = ["read_elsewhere"]
