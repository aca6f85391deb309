"""The web page, as plain files: the service and the exported site share it."""

from pathlib import Path

FOLDER = Path(__file__).parent
