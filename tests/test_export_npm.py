"""Packages of the npm registry: packed by npm, believed by their hash alone. No network is used."""

import base64
import hashlib
import io
import stat
import tarfile

import pytest

from fittingroom.errors import ExportError
from fittingroom.export import npm
from fittingroom.export.npm import read_package


def archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


CONTENT = archive({"dist/a.js": b"a", "b.txt": b"b"})
HASH = "sha512-" + base64.b64encode(hashlib.sha512(CONTENT).digest()).decode()
PACKAGE = ("thing", "1.2.3", HASH)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(npm, "cache_folder", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "npm" / "thing-1.2.3.tgz"


@pytest.fixture
def fake_npm(tmp_path, monkeypatch):
    """A program called npm that does what its script says."""

    def install(script: str) -> None:
        program = tmp_path / "bin" / "npm"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    return install


def test_the_archive_is_packed_once_and_kept(cache, fake_npm, tmp_path):
    (tmp_path / "thing.tgz").write_bytes(CONTENT)
    fake_npm(f'echo "$@" >> {tmp_path}/calls; cp {tmp_path}/thing.tgz "$5/"')
    for _ in range(2):
        assert read_package(*PACKAGE, ["dist/a.js"]) == {"dist/a.js": b"a"}
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == 1
    assert calls[0].startswith("pack thing@1.2.3 --ignore-scripts --pack-destination ")
    assert cache.read_bytes() == CONTENT


def test_another_archive_is_refused_and_not_kept(cache, fake_npm, tmp_path):
    (tmp_path / "thing.tgz").write_bytes(archive({"dist/a.js": b"changed"}))
    fake_npm(f'cp {tmp_path}/thing.tgz "$5/"')
    with pytest.raises(ExportError, match=r"thing 1\.2\.3 has the hash sha512-.*deleted"):
        read_package(*PACKAGE, ["dist/a.js"])
    assert not cache.exists()


def test_without_npm_the_error_says_what_to_put_where(cache, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ExportError, match="npm is installed") as caught:
        read_package(*PACKAGE, ["b.txt"])
    assert str(cache) in str(caught.value)
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_bytes(CONTENT)
    assert read_package(*PACKAGE, ["b.txt"]) == {"b.txt": b"b"}


def test_what_npm_complains_of_is_told(cache, fake_npm):
    fake_npm("echo 'npm error network is unreachable' >&2; exit 1")
    with pytest.raises(ExportError, match="network is unreachable"):
        read_package(*PACKAGE, ["b.txt"])
    fake_npm("exit 0")
    with pytest.raises(ExportError, match="failed"):
        read_package(*PACKAGE, ["b.txt"])
    assert not list(cache.parent.iterdir())
