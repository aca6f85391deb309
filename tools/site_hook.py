"""What MkDocs asks while it builds the documentation site.

The site takes three pages and two images from the root of the project, where people look for them
first, and a link to the repository, once there is one.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

from fittingroom.project import REPOSITORY

_ROOT = Path(__file__).parents[1]
_FROM_THE_ROOT = ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")


def on_config(config: Any) -> Any:
    """Set the link to the repository."""
    config.repo_url = REPOSITORY or config.repo_url
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages, with their links as the site's folders want them, and the images."""
    for name in _FROM_THE_ROOT:
        text = (_ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
        for other in _FROM_THE_ROOT:
            text = text.replace(f"]({other}", f"]({other.lower()}")
        files.append(File.generated(config, name.lower(), content=text))
    for name in ("images/report.png", "images/page.png"):
        files.append(File.generated(config, name, abs_src_path=str(_ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Lead from a page to the images, which are beside the pages here and above them there."""
    return markdown.replace("../images/", "images/")


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Leave out the roles of names in docstrings, such as ``:func:``."""
    return re.sub(r":(?:attr|class|data|func|meth|mod):(?=<code>)", "", html)
