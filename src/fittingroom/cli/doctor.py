"""``doctor``: what is installed and works, what training would use, and where data and runs are."""

import functools
import importlib
import importlib.metadata
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

import typer

from fittingroom.cli import options, reason_of
from fittingroom.cli.output import print_json, print_table, print_text

app = typer.Typer()

# Extras of tools, which are not loaded to see whether they work.
_TOOLS = ("bench", "dev", "docs", "fuzz")
# What to do, by what the system says when a package can't be loaded.
_REMEDIES = {
    "DLL load failed": "Install the Microsoft Visual C++ Redistributable",
    "GLIBC": "This system's C library is too old: use a newer system, or an older version of it",
    "ELF|architecture|mach-o": "It was built for another processor; use a Python for this one",
    "": "Install it again: `pip install --force-reinstall --no-cache-dir {}`",
}


@app.command()
def doctor(runs: options.Runs = options.RUNS, json: options.Json = False) -> None:
    """Show what is installed, what training would use, and where data and runs are."""
    values = _examine(runs)
    if json:
        print_json(values)
        return
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            rows += [(f"{name}: {inner}", str(text)) for inner, text in value.items()]
        else:
            rows.append((name, str(value)))
    print_table(None, ("what", "found"), rows, left=("what", "found"))
    print_text(_advice(values))


def _advice(values: dict[str, Any]) -> str:
    """In a sentence or two, whether all is ready, or what to do."""
    for extra in ("core", "train"):
        if (state := values["extras"][extra]) != "complete":
            able = "Ready to classify, but not to train" if extra == "train" else "Not ready"
            package = "fittingroom[train]" if extra == "train" else "fittingroom"
            return f"{able}: {state}. Run `pip install '{package}'`."
    if not any("verified" in words for words in values["data"].values()):
        return "Ready. Training downloads the data first (30 MB)."
    return "Ready. Try `fittingroom compare ann cnn`."


def _examine(runs: Path) -> dict[str, Any]:
    extras = _extras()
    values: dict[str, Any] = {"python": platform.python_version(), "platform": platform.platform()}
    if extras["core"] == "complete":  # without it, nothing else of ours can be imported
        from fittingroom.runs import available_processors, describe_environment, list_runs

        environment = describe_environment()
        values |= {name: environment[name] for name in ("processor", "versions")}
        values["threads"] = available_processors()
        values["runs"] = f"{runs.resolve()} ({len(list_runs(runs))} runs)"
    can_train = extras["core"] == extras["train"] == "complete"
    return {
        **values,
        "extras": extras,
        "device": _device() if can_train else "none; training needs the extra train",
        "data": _data() if can_train else {},
    }


def _extras() -> dict[str, str]:
    """For each extra in the package's metadata, whether it is complete and works."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    packages: dict[str, list[str]] = {"core": []}
    for text in importlib.metadata.requires("fittingroom") or ():
        name = re.split(r"[^\w.-]", text)[0]
        elsewhere = sys.platform == "win32" and "sys_platform != 'win32'" in text
        if name != "fittingroom" and not elsewhere:
            named = re.search(r"extra == ['\"](.+?)['\"]", text)
            packages.setdefault(named[1] if named else "core", []).append(name)
    found, told = {}, dict[str, str]()
    for extra, names in packages.items():
        missing = [name for name in names if not _modules(name)]
        present = () if extra in _TOOLS else [name for name in names if name not in missing]
        problems = [f"not installed: {', '.join(missing)}"] if missing else []
        problems += filter(None, (_problem(name, told) for name in present))
        found[extra] = ". ".join(problems) or "complete"
    return found


@functools.cache
def _modules(name: str) -> list[str]:
    """The modules of an installed package; none if it isn't installed."""
    try:
        files = importlib.metadata.files(name) or ()
    except importlib.metadata.PackageNotFoundError:
        return []
    return sorted({file.parts[0] for file in files if file.name == "__init__.py"}) or [name]


def _problem(name: str, told: dict[str, str]) -> str:
    """Why an installed package can't be loaded, and what to do; empty if it can."""
    modules, own = _modules(name), name.lower().replace("-", "_")
    try:
        importlib.import_module(own if own in modules else modules[0])
    except Exception as error:  # noqa: BLE001 - whatever it is, that is what is told
        why = reason_of(error)
        if (first := told.setdefault(why, name)) != name:  # another failed for the same
            return f"{name} needs {first}, which is broken"
        remedy = next(words for sign, words in _REMEDIES.items() if re.search(sign, why))
        return f"{name} is broken: {why}. {remedy.format(name)}"
    return ""


def _device() -> str:
    from fittingroom.engines import engine_named

    device = engine_named("pytorch").device(None, None)
    return f"{device.name} ({device.description})"


def _data() -> dict[str, str]:
    from fittingroom.data import find_dataset, survey
    from fittingroom.errors import DataError

    found = {place.what: f"{place.folder}: {place.words}" for place in survey()}
    if named := os.environ.get("FITTINGROOM_DATA"):
        try:
            dataset = find_dataset(named, fetch=False)
            words = f"{dataset.path}: {dataset.name}"
        except DataError as error:
            words = str(error)
        found["FITTINGROOM_DATA, used before all others"] = words
    return found
