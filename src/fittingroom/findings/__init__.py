"""Findings: what deserves a second look in results, each under a code that says what to do.

``codes`` has every code, its title and advice; ``docs/methods/findings.md`` explains each.
``checks`` looks for them in one model, and in several that are compared.
"""

from fittingroom.findings.checks import find
from fittingroom.findings.codes import CODES, Advice, Finding

__all__ = ["CODES", "Advice", "Finding", "find"]
