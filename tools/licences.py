"""Write docs/methods/licences.md: the licence of each pinned package, from its own metadata.

Run it in the environment of `make report` after requirements.txt has changed.
"""

import importlib.metadata
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "methods" / "licences.md"
_HEAD = """# Licences of what is installed

`requirements.txt` pins these packages. Each licence is what the package's metadata states, as
`tools/licences.py` found it. Fitting Room itself and its sample of Fashion-MNIST are under the MIT
licence.

| package | version | licence |
|---|---|---|
"""


def pinned() -> list[tuple[str, str]]:
    """The names and versions in requirements.txt, in their order."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)$", text, re.MULTILINE)


def licence(name: str) -> str:
    """What a package says of its licence: an expression, a short text, or its classifiers."""
    said = importlib.metadata.metadata(name)
    text = next((said[each] for each in ("License-Expression", "License") if each in said), "")
    if text in ("", "UNKNOWN") or "\n" in text or len(text) > 80:
        found = [each for each in said.get_all("Classifier", []) if each.startswith("License ::")]
        text = ", ".join(each.rpartition(" :: ")[2] for each in found) or text.partition("\n")[0]
    return text.replace("|", "or").replace("UNKNOWN", "") or "not stated; see the package's files"


def main() -> None:
    rows = [f"| {name} | {version} | {licence(name)} |" for name, version in pinned()]
    PAGE.write_text(_HEAD + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
