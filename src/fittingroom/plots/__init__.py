"""Results drawn: every function takes results and gives a matplotlib ``Figure``, and no more.

Figures are made by the object interface, under settings of their own: importing or calling this
room changes nothing in matplotlib, and no figure outlives its last user. :func:`png` and
:func:`svg` turn a figure into a file's bytes or into inline markup whose colours follow the page.
"""

from fittingroom.plots.intervals import DRAWN_CLASSES, accuracies, class_gains, recalls
from fittingroom.plots.lines import Course, calibration_curves, learning_curves, risk_coverage
from fittingroom.plots.matrices import NUMBERED_CLASSES, confusion_difference, confusion_matrix
from fittingroom.plots.searches import importances, search_course, settings_of_trials
from fittingroom.plots.sheets import SampleRow, Tile, sample_sheet, tile_sheet
from fittingroom.plots.style import model_colour, model_places, png, svg
