"""The report: results → figures, sentences and tables → a folder that people like to look at.

::

    facts           where the numbers come from
    tables          data frames of text, as HTML and Markdown
    sentences       captions computed from the numbers
    model_figures   figures of one model, and of the data
    pair_figures    figures that compare models
    results         results.json
    write           write_report: the whole folder
"""

from fittingroom.reporting.facts import Facts, LabelledImages
from fittingroom.reporting.subsets import Audited
from fittingroom.reporting.write import write_report

__all__ = ["Audited", "Facts", "LabelledImages", "write_report"]
