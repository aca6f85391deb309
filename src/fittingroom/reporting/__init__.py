"""The report: results → figures, sentences and tables → a folder that a person likes to look at."""

from fittingroom.reporting.model_report import Facts, Garments, ModelReport, findings
from fittingroom.reporting.subsets import Audited
from fittingroom.reporting.write import write_report

__all__ = ["Audited", "Facts", "Garments", "ModelReport", "findings", "write_report"]
