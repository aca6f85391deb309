"""Photos → 28×28, the way the data set was made: PNG, JPEG or WebP in, uint8 (28, 28) out.

::

    from fittingroom.photos import read_photo

    photo = read_photo("shirt.jpg")
    photo.image      # uint8 (28, 28), bright on black
    photo.warnings   # what to do better next time
"""

from fittingroom.photos.opening import Limits
from fittingroom.photos.photo import Photo, PhotoStage, read_photo
from fittingroom.photos.preparation import Preparation
from fittingroom.photos.sheet import stage_sheet

__all__ = ["Limits", "Photo", "PhotoStage", "Preparation", "read_photo", "stage_sheet"]
