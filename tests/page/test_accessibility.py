"""Lighthouse finds nothing on any page that a person with a screen reader would stumble over."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fittingroom import Session, report
from tests.page.conftest import serve

LIGHTHOUSE = Path(__file__).parents[2] / "tools/page_lint/node_modules/.bin/lighthouse"
CHROMIUM = """--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run
--disable-background-networking --disable-component-update --disable-sync"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not LIGHTHOUSE.exists(), reason="`make lint-page` installs Lighthouse"),
]


@pytest.fixture
def address_of_report(trained, other, sample, tmp_path) -> Iterator[str]:
    report([trained, other], out=tmp_path / "report", session=Session(data=sample, threads=1))
    server, address = serve(tmp_path / "report")
    yield address
    server.shutdown()
    server.server_close()


@pytest.fixture
def address_of_service(trained) -> Iterator[str]:
    running = pytest.importorskip("tests.serve.running").running
    with running("--model", str(trained.folder)) as server:
        yield server.address


@pytest.mark.parametrize("place", ["address_of_report", "address", "address_of_service"])
def test_a_page_has_the_full_score_for_accessibility(place, request, tmp_path):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium isn't installed")
    out = tmp_path / "lighthouse.json"
    command = [LIGHTHOUSE, request.getfixturevalue(place), "--only-categories=accessibility"]
    command += ["--output=json", f"--output-path={out}", "--quiet"]
    command += [f"--chrome-flags={CHROMIUM} --user-data-dir={tmp_path / 'browser'}"]
    subprocess.run(command, check=True, env={"CHROME_PATH": chromium, "PATH": "/usr/bin:/bin"})
    found = json.loads(out.read_text())
    faults = {
        name: [each["node"]["snippet"] for each in audit["details"]["items"]]
        for name, audit in found["audits"].items()
        if audit["score"] is not None and audit["score"] < 1
    }
    assert (found["categories"]["accessibility"]["score"], faults) == (1, {})
