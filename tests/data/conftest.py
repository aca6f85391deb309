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
    folder, work, programs = (tmp_path / name for name in ("home", "work", "programs"))
    for made in (folder, work, programs):
        made.mkdir()
    cache, proxies = str(folder / "cache"), ("http_proxy", "https_proxy", "all_proxy")
    absent = ("FITTINGROOM_DATA", "KERAS_HOME", "FORCE_COLOR", "TTY_COMPATIBLE")
    for variable in (*absent, *proxies, *map(str.upper, proxies)):
        monkeypatch.delenv(variable, raising=False)
    present = dict.fromkeys(("HOME", "USERPROFILE"), str(folder))
    present |= dict.fromkeys(("XDG_CACHE_HOME", "LOCALAPPDATA"), cache)
    for variable, value in (present | {"PATH": str(programs)}).items():
        monkeypatch.setenv(variable, value)
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
