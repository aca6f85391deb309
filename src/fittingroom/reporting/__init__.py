"""The report: results → figures, sentences and tables → a folder that people like to look at.

::

    facts           where the numbers come from, and what the page says of it
    tables          tables of text, as HTML and Markdown
    panel           one figure: drawing, words and numbers
    model_figures   figures of one model, and of the data
    shared_figures  figures of all models
    pair_figures    figures that compare models
    subsets         accuracy without misleading images
    page_data       what the page's script answers from
    results         results.json
    write           write_report: the whole folder
"""

from fittingroom.reporting.facts import ENVIRONMENT, Facts
from fittingroom.reporting.subsets import Audited
from fittingroom.reporting.write import write_report
