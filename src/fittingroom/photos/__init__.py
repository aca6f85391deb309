"""Any image → what a model takes: upright pixels, or 28×28 the way a data set was made.

::

    from fittingroom.photos import open_photo

    photo = open_photo("shirt.jpg")
    photo.resized(224, 224)     # uint8 (224, 224, 3)
    photo.converted().image     # uint8 (28, 28), bright on black
    photo.converted().warnings  # what to do better next time
"""

from fittingroom.photos.arrays import one_or_many
from fittingroom.photos.opening import FORMATS, WEB_FORMATS, Limits
from fittingroom.photos.photo import Converted, Photo, PhotoStage, open_photo, read_photo
from fittingroom.photos.preparation import Preparation
from fittingroom.photos.sheet import stage_sheet
