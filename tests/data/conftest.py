import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fittingroom.data import download as download_module
from fittingroom.data import find, official
from fittingroom.data.find import SAMPLE_FOLDER

from .mirror import Mirror


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home folder of the test's own, and a machine without network, data and apt."""
    folder = tmp_path / "home"
    work = tmp_path / "work"
    programs = tmp_path / "programs"
    for made in (folder, work, programs):
        made.mkdir()
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(folder))
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(folder / "cache"))
    for variable in ("FITTINGROOM_DATA", "KERAS_HOME", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.chdir(work)
    monkeypatch.setattr(find, "DEBIAN_FOLDER", tmp_path / "debian")
    monkeypatch.setattr(download_module, "MIRRORS", dict.fromkeys(download_module.MIRRORS, ()))
    resolve = socket.getaddrinfo

    def resolve_here(host: str, *rest: object, **more: object) -> object:
        if host != "127.0.0.1":
            raise socket.gaierror(f"no network in tests: {host}")
        return resolve(host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolve_here)
    return folder


@pytest.fixture
def sample_is_official(monkeypatch: pytest.MonkeyPatch) -> official.KnownSet:
    """Let the sample's files, which are small, pass as the official ones."""
    pinned = official.KnownSet("fashion-mnist", official.SAMPLE.hashes)
    monkeypatch.setattr(official, "FASHION_MNIST", pinned)
    return pinned


@pytest.fixture
def mirrors(
    monkeypatch: pytest.MonkeyPatch, sample_is_official: official.KnownSet
) -> Iterator[Callable[..., list[Mirror]]]:
    """Start local mirrors of the sample's files, one for each behaviour given."""
    started: list[Mirror] = []

    def start(*behaviours: str) -> list[Mirror]:
        started.extend(Mirror(SAMPLE_FOLDER, behaviour) for behaviour in behaviours)
        addresses = tuple(mirror.address for mirror in started)
        everywhere = dict.fromkeys(download_module.MIRRORS, addresses)
        monkeypatch.setattr(download_module, "MIRRORS", everywhere)
        return started

    yield start
    for mirror in started:
        mirror.stop()
