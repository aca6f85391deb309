"""Write what `make bench` measured into the recipes' claims and the README.

    python tools/state_results.py

Every figure comes from docs/results/training.json, and from training-avx2.json for what a recipe
takes with AVX2 instructions. The tests hold the same figures against the same files.
"""

import json
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.training_page import short_table

RESULTS = ROOT / "docs" / "results"
# Columns of a claim's lines in the code, quotation marks and indentation left out.
_WIDTH = 85


def claim(name: str, measured: Mapping[str, Any], held_back: Mapping[str, Any]) -> str:
    """What a recipe may say of itself.

    Args:
        name: the recipe's.
        measured: the content of ``training.json``.
        held_back: that of ``training-avx2.json``.
    """
    each = measured["recipes"][name]
    low, high = each["interval"]
    seeds = each["seeds"]
    over = f"mean over seeds 0 to {len(seeds) - 1}" if len(seeds) > 1 else "seed 0"
    # Rows that do not count any more are of earlier sittings.
    sitting = max(row["sitting"] for row in measured["rows"] if row["recipe"] == name)
    environment = measured["sittings"][sitting]["environment"]
    processor = re.sub(r"\((R|TM)\)| Processor", "", environment["processor"])
    half = " and bfloat16" if "avx512_bf16" in environment.get("instructions", ()) else ""
    within = "" if each["quiet"] else "at most "
    # Of some seeds, other work on the machine took a part of the time.
    timed = "" if not each["quiet"] or each["timed_seeds"] == seeds else _of(each["timed_seeds"])
    words = (
        f"{each['accuracy']:.2%} test accuracy (95% interval {low:.2%} to {high:.2%}), {over}, "
        f"after {within}{each['seconds']:.0f} s of training{timed} on two cores of an {processor} "
        f"with AVX-512{half}, {within}{each['predecessor_epochs']:.3g} of the predecessor's epochs"
    )
    other = held_back["recipes"].get(name)
    if other:
        bound = "" if other["quiet"] else "at most "
        words += f"; {bound}{other['seconds']:.0f} s with AVX2 instructions"
    return f"{words}; benchmarks/training.py, docs/results/training.md."


def _of(seeds: Sequence[int]) -> str:
    return f" (seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))})"


def state_claims(path: Path, measured: Mapping[str, Any], held_back: Mapping[str, Any]) -> None:
    """Write the claims of a module's recipes, in place of what stands there, if anything."""
    text = path.read_text(encoding="utf-8")
    for name in measured["recipes"]:
        lines = textwrap.wrap(
            claim(name, measured, held_back) if measured["recipes"][name]["seeds"] else "",
            _WIDTH,
            drop_whitespace=False,
        )
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
    start, _, rest = text.partition("<!-- results: written by tools/state_results.py -->\n")
    _, end, after = rest.partition("\n<!-- end of results -->")
    marker = text[len(start) : len(text) - len(rest)]
    path.write_text(start + marker + for_readme(measured) + end + after, encoding="utf-8")


def main() -> None:
    measured, held_back = (
        json.loads((RESULTS / name).read_text(encoding="utf-8"))
        for name in ("training.json", "training-avx2.json")
    )
    for module in ("dense.py", "convolutional.py", "catalogue.py"):
        state_claims(ROOT / "src" / "fittingroom" / "recipes" / module, measured, held_back)
    state_in_readme(ROOT / "README.md", measured)


if __name__ == "__main__":
    main()
