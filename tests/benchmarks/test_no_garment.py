"""The list of images without a garment, and how they are fetched."""

import hashlib
import io
import tarfile
from dataclasses import replace

import pytest

from benchmarks import no_garment
from benchmarks.no_garment import NoGarmentError, fetch, listed


def test_half_of_the_kinds_are_never_trained_on_and_no_image_is_tested_and_trained_on():
    train, test = listed("train"), listed("test")
    assert len(test) >= 200
    assert {each.half for each in train} == {"a"}
    never = {each.kind for each in test} - {each.kind for each in train}
    assert never == {each.kind for each in test if each.half == "b"}
    assert len(never) >= len({each.kind for each in test}) / 2
    hashes = [each.sha256 for each in listed()]
    assert len(hashes) == len(set(hashes))


def test_images_come_out_of_packages_and_are_checked(tmp_path, monkeypatch):
    asked = []

    def run(command, folder):
        asked.append(command[0])
        if command[0] == "apt-get":
            (tmp_path / folder / "some.deb").touch()
            return b""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as files:
            member = tarfile.TarInfo("./usr/share/a.png")
            member.size = 3
            files.addfile(member, io.BytesIO(b"png"))
        return archive.getvalue()

    monkeypatch.setattr(no_garment, "_run", run)
    good = replace(
        listed()[0],
        package="wallpapers",
        path="usr/share/a.png",
        sha256=hashlib.sha256(b"png").hexdigest(),
    )
    (path,) = fetch(tmp_path / "kept", [good])
    assert path.read_bytes() == b"png"
    assert fetch(tmp_path / "kept", [good]) == [path]
    assert asked == ["apt-get", "dpkg-deb"]  # once
    with pytest.raises(NoGarmentError, match="has SHA-256"):
        fetch(tmp_path / "other", [replace(good, sha256="0" * 64)])
