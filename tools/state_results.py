"""Write what `make bench` measured into the recipes' claims and the README.

    python -m tools.state_results

Every figure comes from docs/results/training.json, with which the tests compare them.
"""

import json
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import RESULTS, ROOT
from benchmarks.training_page import short_table

# Columns of a claim's lines in the code, quotation marks and indentation left out.
_WIDTH = 85


def claim(name: str, measured: Mapping[str, Any]) -> str:
    """What a recipe may claim: accuracy, seconds, machine and seeds.

    Args:
        name: the recipe's.
        measured: the content of ``training.json``.
    """
    each = measured["recipes"][name]
    low, high = each["interval"]
    seeds = len(each["seeds"])
    over = f"mean over seeds 0 to {seeds - 1}" if seeds > 1 else "seed 0"
    # Rows that do not count any more are of earlier sittings.
    sitting = max(row["sitting"] for row in measured["rows"] if row["recipe"] == name)
    environment = measured["sittings"][sitting]["environment"]
    processor = re.sub(r"\((R|TM)\)| Processor", "", environment["processor"])
    half = " and bfloat16" if "avx512_bf16" in environment.get("instructions", ()) else ""
    return (
        f"{each['accuracy']:.2%} test accuracy (95% interval {low:.2%} to {high:.2%}), {over}, "
        f"after {'' if each['quiet'] else 'at most '}{each['seconds']:.0f} s of training on two "
        f"cores of an {processor} with AVX-512{half}; benchmarks/training.py, "
        "docs/results/training.md."
    )


def state_claims(path: Path, measured: Mapping[str, Any]) -> None:
    """Write the claims of a module's recipes, in place of any there."""
    text = path.read_text(encoding="utf-8")
    for name in (name for name, each in measured["recipes"].items() if each["seeds"]):
        words = claim(name, measured)
        lines = textwrap.wrap(words, _WIDTH, drop_whitespace=False)
        stated = "".join(f'        "{line}"\n' for line in lines)
        text = re.sub(
            rf'(    name="{name}",\n    title="[^\n]*\n)(    claim=\(\n.*?\n    \),\n)?',
            f"\\g<1>    claim=(\n{stated}    ),\n",
            text,
            flags=re.DOTALL,
        )
    path.write_text(text, encoding="utf-8")


def for_readme(measured: Mapping[str, Any]) -> str:
    """The table of the measured recipes, and the verdict on cnn and ann in a sentence."""
    (verdict,) = (
        each for each in measured["verdicts"] if each.startswith("cnn is better than ann")
    )
    sentence = verdict.split("). ")[0] + ")."
    return f"{short_table(measured)}\n\n**{sentence}**"


def state_in_readme(path: Path, measured: Mapping[str, Any]) -> None:
    """Write these lines between the README's two markers."""
    text = path.read_text(encoding="utf-8")
    marked = r"(<!-- results: [^\n]*-->\n).*?(\n<!-- end of results -->)"
    lines = for_readme(measured)
    text = re.sub(marked, lambda found: found[1] + lines + found[2], text, flags=re.S)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    measured = json.loads((RESULTS / "training.json").read_text(encoding="utf-8"))
    for module in ("dense.py", "convolutional.py", "catalogue.py"):
        state_claims(ROOT / "src" / "fittingroom" / "recipes" / module, measured)
    state_in_readme(ROOT / "README.md", measured)
