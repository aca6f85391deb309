"""What differs between the environments of two trainings, of all that results depend on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What stands in environment.json beside versions, and its name in a sentence.
NAMES = {
    "revision": "code",
    "python": "Python",
    "processor": "processor",
    "instructions": "instructions of the processor",
    "device": "device",
    "device_description": "device and its libraries",
    "threads": "threads",
    "backend": "Keras backend",
    "half_precision": "training in bfloat16",
    "variables": "settings of libraries",
}
_LONGEST = 200  # characters of a value


@dataclass(frozen=True)
class EnvironmentDifference:
    """One thing that differs between two trainings.

    Attributes:
        what: its name.
        then: its value for the first, in words.
        now: its value for the second.
    """

    what: str
    then: str
    now: str

    @property
    def sentence(self) -> str:
        """Both in a few words."""
        return f"{self.what} ({self.then} then, {self.now} now)"


def differences(
    then: Mapping[str, Any], now: Mapping[str, Any]
) -> tuple[EnvironmentDifference, ...]:
    """What differs between two ``environment.json``, of all that could change results.

    The time and the number of processors can't. A revision with ``+`` stands for code with
    uncommitted changes, so two equal ones still count as a difference.

    Args:
        then, now: as run folders hold them.
    """
    found = []
    before, after = _flat(then), _flat(now)
    for what in dict.fromkeys([*before, *after]):
        one, other = before.get(what, "none"), after.get(what, "none")
        if one != other or (what == NAMES["revision"] and one.endswith("+")):
            found.append(EnvironmentDifference(what, one, other))
    return tuple(found)


def _flat(environment: Mapping[str, Any]) -> dict[str, str]:
    """Names and values that can be compared, all in words for a terminal."""
    values = dict(environment["versions"])
    values |= {name: environment[key] for key, name in NAMES.items() if key in environment}
    values["training and validation images"] = str(environment["data"].get("split_hash"))[:8]
    resumed = [entry for entry in environment.get("resumed", []) if set(entry) & set(NAMES)]
    if resumed:
        values["changes when the training was resumed"] = "; ".join(
            f"from epoch {entry.get('after_epoch')}: "
            + ", ".join(NAMES[name] for name in NAMES if name in entry)
            for entry in resumed
        )
    return {_plain(name): _plain(value) for name, value in values.items()}


def _plain(value: object) -> str:
    """A value of a run folder, which may be untrusted, as words for a terminal."""
    if isinstance(value, bool):
        value = "yes" if value else "no"
    elif isinstance(value, list):
        value = " ".join(map(str, value))
    elif isinstance(value, Mapping):
        value = " ".join(f"{name}={each}" for name, each in value.items()) or "none"
    return "".join(each if each.isprintable() else "�" for each in str(value)[:_LONGEST])
