"""Write what `make bench` measured into the recipes' claims and the README.

    python -m tools.state_results

Every figure comes from docs/results/training.json, with which the tests compare them.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import RESULTS, ROOT
from benchmarks.training_page import short_table


def claim(name: str, measured: Mapping[str, Any]) -> str:
    """What a recipe may claim, as its line in the catalogue.

    Args:
        name: the recipe's.
        measured: the content of ``training.json``.
    """
    each = measured["recipes"][name]
    low, high = each["interval"]
    # Rows that do not count any more are of earlier sittings.
    sitting = max(row["sitting"] for row in measured["rows"] if row["recipe"] == name)
    instructions = measured["sittings"][sitting]["environment"].get("instructions", ())
    parts = [f'"{each["accuracy"]:.2%}"', f'"{low:.2%} to {high:.2%}"']
    if len(each["seeds"]) > 1:
        parts.append(f"seeds={len(each['seeds'])}")
    parts.append(f'seconds="{"" if each["quiet"] else "at most "}{each["seconds"]:.0f}"')
    if "avx512_bf16" not in instructions:
        # The first sittings did not list them, and had AVX-512.
        wide = not instructions or "avx512f" in instructions
        parts.append(f'on="{"AVX-512" if wide else "AVX2"}"')
    return f"    claim=_claim({', '.join(parts)}),\n"


def state_claims(path: Path, measured: Mapping[str, Any]) -> None:
    """Write the claims of the catalogue's recipes, in place of any there."""
    text = path.read_text(encoding="utf-8")
    for name in (name for name, each in measured["recipes"].items() if each["seeds"]):
        pattern = rf'(    name="{name}",\n    title=[^\n]*\n)(    claim=_claim\([^)]*\),\n)?'
        text = re.sub(pattern, rf"\g<1>{claim(name, measured)}", text)
    path.write_text(text, encoding="utf-8")


def for_readme(measured: Mapping[str, Any]) -> str:
    """The table of the measured recipes, and the verdict on cnn and ann in a sentence."""
    (verdict,) = (
        each for each in measured["verdicts"] if each.startswith("cnn is better than ann by ")
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
    state_claims(ROOT / "src" / "fittingroom" / "recipes" / "catalogue.py", measured)
    state_in_readme(ROOT / "README.md", measured)
