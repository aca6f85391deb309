"""Copy what the README shows from the last report: its pictures, one of its page, and its model.

    python tools/refresh_images.py [report]

The picture of the page is taken by Chromium; where there is none, the old one stays.
"""

import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
_WIDTH, _HEIGHT = 1100, 1400
# Pictures that no report holds.
_ELSEWHERE = ("report.png", "page.png")


def copy_pictures(report: Path, images: Path) -> None:
    images.mkdir(exist_ok=True)
    for old in images.glob("*.png"):
        if old.name not in _ELSEWHERE:
            old.unlink()
    for picture in sorted((report / "images").glob("*.png")):
        shutil.copyfile(picture, images / picture.name)


def photograph_page(page: Path, picture: Path, browser: str) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = chromium.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
        tab.goto(page.resolve().as_uri())
        tab.screenshot(path=picture)
        chromium.close()
    # A page has few colours: a palette makes the picture a third of its size.
    with Image.open(picture) as image:
        image.convert("RGB").quantize(128).save(picture, optimize=True)


def main() -> None:
    report = Path(sys.argv[1] if len(sys.argv) > 1 else "report")
    images = ROOT / "images"
    copy_pictures(report, images)
    shutil.copyfile(report / "best_model.h5", ROOT / "best_model.h5")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("No Chromium here: images/report.png stays as it is.")
    else:
        photograph_page(report / "index.html", images / "report.png", browser)


if __name__ == "__main__":
    main()
