"""What MkDocs asks while it builds the documentation site.

The site takes three pages from the root of the project, where people look for them first, and a
link to the repository, once there is one.
"""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

import fittingroom

_ROOT = Path(__file__).parents[1]
_FROM_THE_ROOT = ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")


def on_config(config: Any) -> Any:
    """Set the link to the repository."""
    config.repo_url = fittingroom.REPOSITORY or config.repo_url
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages, with their links as the site's folders want them."""
    for name in _FROM_THE_ROOT:
        text = (_ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
        for other in _FROM_THE_ROOT:
            text = text.replace(f"]({other}", f"]({other.lower()}")
        files.append(File.generated(config, name.lower(), content=text))
    return files
