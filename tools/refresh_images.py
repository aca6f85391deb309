"""Copy what the README shows from the last report: an image of its first page, and its best model.

    python tools/refresh_images.py [report]

Chromium takes the image. Without Chromium, the old image stays.
"""

import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]


def photograph(page: Path, image: Path, browser: str) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = chromium.new_page(viewport={"width": 1280, "height": 1400})
        tab.goto(page.resolve().as_uri())
        tab.screenshot(path=image)
        chromium.close()
    # A page has few colours: a palette makes the image a third of its size.
    with Image.open(image) as taken:
        taken.convert("RGB").quantize(128).save(image, optimize=True)


def main() -> None:
    report = Path(sys.argv[1] if len(sys.argv) > 1 else "report")
    shutil.copyfile(report / "best_model.h5", ROOT / "best_model.h5")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("There is no Chromium: images/report.png stays as it is.")
    else:
        photograph(report / "index.html", ROOT / "images" / "report.png", browser)


if __name__ == "__main__":
    main()
