"""The connection to a Ray cluster, and what is checked on its machines before work begins."""

import contextlib
import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fittingroom.errors import ClusterError, FittingRoomError, UsageError, missing_extra
from fittingroom.runs import available_processors, make_folder, write_file
from fittingroom.runs.environment import installed_versions

# Shared memory of a cluster that is started here. Fashion-MNIST takes 55 MB.
_OBJECT_STORE = 512 * 2**20
# Bytes of the folder for temporary files; names that Ray adds to it have 70 or so.
_LONGEST_FOLDER = 30
# How often Ray starts a task again after its worker or machine died.
RETRIES = 5
# Seconds between two looks at what workers did.
LOOK = 0.2
# Other versions of these may give other last digits.
_DECISIVE = ("fittingroom", "numpy", "torch", "keras", "scikit-learn", "onnxruntime")


@contextlib.contextmanager
def connected() -> Iterator[Any]:
    """Ray, as its module, connected to a cluster for as long as the context lasts.

    The cluster is the one that this process is already connected to, else the one that the
    environment variable ``RAY_ADDRESS`` names, else one on this machine alone, which is started
    and stopped here.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Both silence warnings of Ray's about changes to come.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_TQDM_PATCH_PRINT", "0")
    address = os.environ.get("RAY_ADDRESS") or "local"
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        # Anyone who reaches a cluster's ports can run code on it. Despite its name, this setting
        # has Ray listen on the loopback interface alone, if it is set before Ray is imported.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        options |= {"num_cpus": available_processors(), "object_store_memory": _OBJECT_STORE}
        options["include_dashboard"] = False
        # Ray's sockets lie below this folder, and systems take paths of about 100 bytes.
        place = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
        if os.name == "posix" and len(os.fsencode(place)) > _LONGEST_FOLDER:
            options["_temp_dir"] = "/tmp/ray"
    try:
        import ray
    except ModuleNotFoundError as error:
        raise missing_extra(error, "ray") from error
    if ray.is_initialized():
        yield ray
        return
    answer = signal.getsignal(signal.SIGTERM)
    host, _, port = address.rpartition(":")
    try:
        if port.isdigit():  # Ray itself would try for minutes
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        ray.init(address, **options)
    except Exception as error:  # some of what Ray raises here has no type of its own
        raise ClusterError(
            f"No Ray cluster answers at {address}: {first_line(error)}. Start one with `ray start "
            "--head`, or unset RAY_ADDRESS to use this machine alone."
        ) from error
    with contextlib.suppress(ValueError):  # in another thread than the main one
        signal.signal(signal.SIGTERM, answer)  # Ray's own handler ends the process without a word
    try:
        yield ray
    finally:
        ray.shutdown()


def share_folder(ray: Any, folder: Path, files: Sequence[Path] = ()) -> Path:
    """Make a folder, and check that every machine of the cluster sees it and has the same packages.

    Every machine must see the files, too. The result is a file in the folder with a unique name.
    Tasks check that they see it (:func:`check_seen`): a machine may join later, or have another
    folder under the same path.
    """
    folder = make_folder(folder).resolve()
    marker = min(folder.glob(".ray-*"), default=None)
    if marker is None:
        marker = folder / f".ray-{secrets.token_hex(8)}"
        write_file(marker, b"Machines of a Ray cluster that see this file share this folder.\n")
    ours = installed_versions()
    look = ray.remote(num_cpus=0)(_look_around)
    for node in [node for node in ray.nodes() if node["Alive"]]:
        name, place = node["NodeManagerHostname"], _on_machine(node["NodeID"])
        seen = [marker, *(file.resolve() for file in files)]
        try:
            theirs = ray.get(look.options(scheduling_strategy=place).remote(seen))
        except ray.exceptions.RayError as error:
            if isinstance(cause := getattr(error, "cause", None), ClusterError):
                raise cause from error
            raise ClusterError(
                f"Fitting Room cannot run on the machine {name}: {first_line(error)}. Install "
                "requirements.txt there."
            ) from error
        differing = [
            f"{package} {theirs.get(package, 'missing')} instead of {ours[package]}"
            for package in _DECISIVE
            if package in ours and theirs.get(package) != ours[package]
        ]
        if differing:
            raise ClusterError(
                f"The machine {name} has other packages, so its results would differ: "
                f"{', '.join(differing)}. Install requirements.txt there."
            )
    return marker


def check_seen(paths: Sequence[Path]) -> None:
    """Raise a ``ClusterError`` if this machine does not see one of these paths."""
    for path in paths:
        if not path.exists():
            what = path.parent if path.name.startswith(".ray-") else path
            raise ClusterError(
                f"The machine {os.uname().nodename} does not see {what}. Use a folder that all "
                "machines of the cluster share under the same path."
            )


def places(ray: Any, threads: int, gpus: int = 0) -> int:
    """How many tasks of so many threads, and of a GPU each or none, the cluster runs at a time.

    None is an error: Ray would wait forever.
    """
    if threads < 1:
        raise UsageError(f"--threads is {threads}. Use 1 or more.")
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    found = 0
    for machine in machines:
        room = int(machine.get("CPU", 0)) // threads
        found += min(room, int(machine.get("GPU", 0))) if gpus else room
    if not found:
        raise UsageError(
            f"No machine of the cluster has {threads} processors{' and a GPU' if gpus else ''}. "
            f"Use fewer --threads{' or --device cpu' if gpus else ''}."
        )
    return found


def carry_own_code() -> None:
    """Send custom models to workers with their code, since workers cannot import their file."""
    from ray import cloudpickle

    for name, module in list(sys.modules.items()):
        made_here = getattr(module, "__spec__", "") is None and hasattr(module, "__file__")
        if made_here and name != "__main__":
            cloudpickle.register_pickle_by_value(module)


def new_queue(ray: Any) -> Any:
    """A queue for what workers tell this process. It does not end with another machine."""
    from ray.util.queue import Queue

    here = _on_machine(ray.get_runtime_context().get_node_id())
    return Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})


def follow(ray: Any, reference: Any, queue: Any, hear: Callable[[Any], None]) -> None:
    """Hear what workers put into a queue until a task has ended."""
    done = False
    while not done:
        done = bool(ray.wait([reference], timeout=LOOK)[0])
        for posted in queue.get_nowait_batch(queue.qsize()):
            hear(posted)


def result_of(ray: Any, reference: Any, lost: Callable[[str], FittingRoomError]) -> Any:
    """The result of a task, or what it raised; ``lost(reason)`` is raised if its workers died."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    except ray.exceptions.RayError as error:
        raise lost(first_line(error)) from error


def first_line(error: BaseException) -> str:
    """The first line of an error's message, without a full stop."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _on_machine(node: str) -> Any:
    """The scheduling strategy that places a task or an actor on one machine, by its node's id."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node, soft=False)


def _look_around(paths: Sequence[Path]) -> dict[str, str]:
    check_seen(paths)
    return installed_versions()
