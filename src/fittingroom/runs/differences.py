"""What differs between the environments of two trainings, of all that results depend on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# The packages by which each engine computes; those of the others change nothing.
_FRAMEWORKS = {
    "pytorch": {"torch"},
    "keras": {"keras", "torch", "tensorflow", "tensorflow-cpu", "jax"},
    "sklearn": {"scikit-learn"},
}
# Measured as a peer, and part of no training.
_OF_NO_ENGINE = {"openvino"}
_LONGEST = 200
# What the note of a break says of every one.
_OF_ANY_BREAK = {"after_epoch", "time"}

# What stands in environment.json beside versions and revision, and its name in a sentence.
NAMES = {
    "python": "Python",
    "processor": "processor",
    "instructions": "instructions of the processor",
    "device": "device",
    "device_description": "device and its libraries",
    "threads": "threads",
    "backend": "what Keras computes with",
    "half_precision": "training in bfloat16",
    "variables": "settings of libraries",
}


@dataclass(frozen=True)
class Difference:
    """One thing that differs between two trainings.

    Attributes:
        what: its name.
        then: as the first had it, in words.
        now: as the second has it.
    """

    what: str
    then: str
    now: str

    @property
    def sentence(self) -> str:
        """Both in a few words."""
        if self.then == self.now:
            return f"{self.what} ({self.then} both times)"
        return f"{self.what} ({self.then} then, {self.now} now)"


def differences(
    then: Mapping[str, Any], now: Mapping[str, Any], engine: str
) -> tuple[Difference, ...]:
    """What differs between two ``environment.json``, of all that could change results.

    The time, the number of processors, the kernel of the operating system, and packages that the
    engine does not use could not. What only one of them records is passed over: it is an earlier
    version's.

    Args:
        then, now: as run folders hold them.
        engine: that trained both.
    """
    return tuple(_differing(then, now, engine))


def _differing(
    then: Mapping[str, Any], now: Mapping[str, Any], engine: str
) -> Iterator[Difference]:
    yield from _code(then.get("revision"), now.get("revision"))
    before, after = then["versions"], now["versions"]
    others = set().union(_OF_NO_ENGINE, *_FRAMEWORKS.values()) - _FRAMEWORKS.get(engine, set())
    for name in sorted({*before, *after} - others):
        if before.get(name) != after.get(name):
            yield Difference(
                _plain(name), _plain(before.get(name, "none")), _plain(after.get(name, "none"))
            )
    for key, name in NAMES.items():
        if key in then and key in now and then[key] != now[key]:
            yield Difference(name, *_apart(then[key], now[key]))
    yield from _breaks(then.get("resumed"), now.get("resumed"))
    system = [_system(str(each.get("platform"))) for each in (then, now)]
    if system[0] != system[1]:
        yield Difference("operating system", *map(_plain, system))
    split = [each["data"].get("split_hash") for each in (then, now)]
    if split[0] != split[1]:
        yield Difference("which pictures train and validate", *(_plain(each)[:8] for each in split))


def _code(then: object, now: object) -> Iterator[Difference]:
    """The revision of this code. Where files differ from it, equal names say nothing."""
    names = [_plain("in no checkout" if each is None else each) for each in (then, now)]
    if any(name.endswith("+") for name in names):
        yield Difference("code, with changes that no revision names", *names)
    elif then != now:
        yield Difference("code", *names)


def _breaks(then: object, now: object) -> Iterator[Difference]:
    """Where a training was broken off and went on with something else than before.

    A break after which everything is as before changes nothing.
    """
    words = [
        "; ".join(
            _plain(
                f"from epoch {entry.get('after_epoch')} on with other "
                + ", ".join(NAMES.get(name, name) for name in sorted(set(entry) - _OF_ANY_BREAK))
            )
            for entry in (breaks if isinstance(breaks, list) else [])
            if isinstance(entry, Mapping) and set(entry) - _OF_ANY_BREAK
        )
        or "none"
        for breaks in (then, now)
    ]
    if words[0] != words[1]:
        yield Difference("changes in the middle of the training", *words)


def _system(platform: str) -> str:
    """Kind of system and C library, without the kernel's release, which computes nothing."""
    kind, _, library = platform.partition("-with-")
    return f"{kind.split('-')[0]} {library}".strip()


def _apart(then: object, now: object) -> tuple[str, str]:
    """Two values in words; of lists and mappings only what one of them has alone."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        then = [f"{name}={value}" for name, value in then.items()]
        now = [f"{name}={value}" for name, value in now.items()]
    if isinstance(then, list) and isinstance(now, list):
        pairs = ((then, now), (now, then))
        only = [" ".join(str(each) for each in mine if each not in its) for mine, its in pairs]
        return _plain(only[0] or "none"), _plain(only[1] or "none")
    return _plain(then), _plain(now)


def _plain(value: object) -> str:
    """A value of a run folder, which may be a stranger's, as words for a terminal."""
    words = ("yes" if value else "no") if isinstance(value, bool) else str(value)
    return "".join(each if each.isprintable() else "�" for each in words[:_LONGEST])
