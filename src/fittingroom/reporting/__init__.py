"""The report: results → figures, sentences and tables → a folder that a person likes to look at."""

from fittingroom.reporting.exhibit import Exhibit, Facts, Garments, findings
from fittingroom.reporting.subsets import Audited
from fittingroom.reporting.write import write_report

__all__ = ["Audited", "Exhibit", "Facts", "Garments", "findings", "write_report"]
