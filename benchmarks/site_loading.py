"""How soon is an exported page of use on a slow connection?

    python -m benchmarks.site_loading [--repeats 5]

The page with the models inside the package, from a plain web server, in Chromium, which holds the
connection to 5 Mbit/s and lets each request wait 100 ms. Each repeat begins with nothing kept, and
ends with the network cut off. Lighthouse, which `make lint-page` installs, then scores the page as
on a phone. Writes site_loading.json and site_loading.md.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.measure import Measured, render, say

_MBIT, _LATENCY = 5, 100  # milliseconds
_PORT = 8765
_LIGHTHOUSE = Path(__file__).parents[1] / "tools/page_lint/node_modules/.bin/lighthouse"
STEPS = {
    "rail": "the garments on the rail are there",
    "garment": "a garment of the rail, clicked at once, is answered",
    "photo": "a photo, clicked then, is answered",
    "loaded": "all is loaded",
}


def visit(chromium: Any) -> Measured:
    """Seconds until each step of a first visit, and the bytes received; then once offline."""
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    tab = context.new_page()
    tab.set_default_timeout(60_000)
    devtools = context.new_cdp_session(tab)
    devtools.send("Network.enable")
    speed = dict.fromkeys(("downloadThroughput", "uploadThroughput"), _MBIT * 1e6 / 8)
    limits = {"offline": False, "latency": _LATENCY, **speed}
    devtools.send("Network.emulateNetworkConditions", limits)
    received: list[float] = []
    devtools.on("Network.loadingFinished", lambda each: received.append(each["encodedDataLength"]))
    began, seconds = time.perf_counter(), {}
    tab.goto(f"http://127.0.0.1:{_PORT}/", wait_until="commit")
    tab.wait_for_selector("#rail li:nth-child(10) img")
    seconds["rail"] = time.perf_counter() - began
    tab.evaluate("document.querySelector('#rail button').click()")
    tab.wait_for_selector(".answer")
    seconds["garment"] = time.perf_counter() - began
    tab.evaluate("document.querySelector('#photos button').click()")
    tab.get_by_text("a model made for photos").wait_for()
    seconds["photo"] = time.perf_counter() - began
    tab.wait_for_selector("body[data-ready]")
    seconds["loaded"] = time.perf_counter() - began
    tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
    context.set_offline(True)
    tab.reload()
    tab.wait_for_selector("body[data-ready]")
    context.close()
    return {"seconds": seconds, "megabytes": sum(received) / 1e6}


def score(folder: str) -> int:
    """Lighthouse's score for the performance of a first visit, 0 to 100, by its mobile preset."""
    browser = f"--headless=new --no-sandbox --disable-gpu --user-data-dir={folder}/browser"
    command = [_LIGHTHOUSE, f"http://127.0.0.1:{_PORT}/", "--only-categories=performance"]
    command += ["--output=json", f"--chrome-flags={browser}", "--quiet"]
    path = {"CHROME_PATH": shutil.which("chromium") or "", "PATH": os.environ["PATH"]}
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=path).stdout
    shutil.rmtree(f"{folder}/browser")
    return round(100 * json.loads(said)["categories"]["performance"]["score"])


def everything(options: argparse.Namespace, stored: Measured) -> Iterator[Measured]:
    """One visit after the other."""
    from playwright.sync_api import sync_playwright

    from fittingroom.jobs.site import export_site
    from fittingroom.runs import describe_environment

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        export_site([], out=f"{folder}/site")
        serve = [sys.executable, "-m", "http.server", str(_PORT), "-b", "127.0.0.1"]
        server = subprocess.Popen(serve, cwd=f"{folder}/site", stderr=subprocess.DEVNULL)
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        rows = []
        for _ in range(options.repeats):
            rows.append(visit(chromium))
            say(", ".join(f"{step} {each:.2f} s" for step, each in rows[-1]["seconds"].items()))
        load = os.getloadavg()[0]
        scores = [score(folder) for _ in range(options.repeats)]
        say(f"Lighthouse: {scores}")
        facts = {"browser": chromium.version, "load": load, "lighthouse": scores}
        yield {"environment": describe_environment(), **facts, "rows": rows}
        chromium.close()
        server.terminate()


def page(measured: Measured) -> str:
    """The page, with the median and the slowest of the repeats."""
    times = {
        words: [row["seconds"][step] for row in measured["rows"]] for step, words in STEPS.items()
    }
    table = {words: (statistics.median(each), max(each)) for words, each in times.items()}
    return render("site_loading", measured, table=table, mbit=_MBIT, latency=_LATENCY)


if __name__ == "__main__":
    parser = measure.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    measure.run("site_loading", measure.parse(parser, None), everything, page)
