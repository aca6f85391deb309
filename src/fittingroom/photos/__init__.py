"""Any image → 28×28, the way a data set was made: files and arrays in, uint8 (28, 28) out.

::

    from fittingroom.photos import read_photo

    photo = read_photo("shirt.jpg")
    photo.image      # uint8 (28, 28), bright on black
    photo.warnings   # what to do better next time
"""

from fittingroom.photos.arrays import one_or_many
from fittingroom.photos.opening import FORMATS, WEB_FORMATS, Limits
from fittingroom.photos.photo import Photo, PhotoStage, read_photo
from fittingroom.photos.preparation import Preparation
from fittingroom.photos.sheet import stage_sheet

__all__ = [
    "FORMATS",
    "WEB_FORMATS",
    "Limits",
    "Photo",
    "PhotoStage",
    "Preparation",
    "one_or_many",
    "read_photo",
    "stage_sheet",
]
