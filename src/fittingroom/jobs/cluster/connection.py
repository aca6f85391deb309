"""The connection to a Ray cluster, and what its machines must have and see before work begins."""

import contextlib
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fittingroom.errors import ClusterError, TrainingStopped, UsageError, missing_extra
from fittingroom.runs import available_processors, make_folder, write_file
from fittingroom.runs.environment import installed_versions

# Shared memory of a cluster that is started here. All pictures of Fashion-MNIST are 55 MB.
_OBJECT_STORE = 512 * 2**20
# Seconds that an address has to answer.
_PATIENCE = 10
# Packages of other versions than here may give other last digits.
_DECISIVE = ("numpy", "scipy", "torch", "keras", "scikit-learn", "onnxruntime")


@contextlib.contextmanager
def connected(address: str | None = None) -> Iterator[Any]:
    """Ray, as its module, with a cluster behind it for as long as the context lasts.

    It is the cluster that this process is connected to already, else the one at `address` or the
    environment variable ``RAY_ADDRESS`` (``host:port``; this machine must be part of it), else one
    on this machine alone, started here and stopped again.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: an address of Ray's client, which works otherwise.
        ClusterError: no cluster answers there.
    """
    # Ray reports its use to its makers unless told otherwise; a person's own word goes first.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray is about to leave the list of GPUs alone for tasks without one, and warns of that.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray's bars would put a function of Ray's in the place of Python's `print`, and leave it there.
    os.environ.setdefault("RAY_TQDM_PATCH_PRINT", "0")
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    if address == "local":
        # Whoever reaches a cluster's ports has it do what they like. By this, despite its name,
        # Ray listens on the loopback interface alone, on every system, if it is imported here.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise missing_extra(error, "ray") from error
    if ray.is_initialized():
        yield ray
        return
    if "://" in address:
        raise UsageError(
            f"Expected the address of a Ray cluster as host:port, or auto. Received {address}. "
            "Run the command on a machine of the cluster."
        )
    _check_answers(address)
    try:
        _join(ray, address)
        yield ray
    finally:
        with _undisturbed():
            ray.shutdown()


def _join(ray: Any, address: str) -> None:
    """Start a cluster here, or become a part of one that runs.

    Raises:
        ClusterError: no cluster answers there.
        TrainingStopped: SIGTERM came meanwhile, and what answers it here did not end the work.
    """
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        options |= {"num_cpus": available_processors(), "object_store_memory": _OBJECT_STORE}
        options["include_dashboard"] = False  # elsewhere the cluster's own matter
    # Ray puts an answer of its own in the place of what answers SIGTERM, and leaves it there: one
    # that ends the process at once, with its stack and an exit code that says nothing.
    answer, asked = signal.getsignal(signal.SIGTERM), False
    try:
        ray.init(address, **options)
    except SystemExit:
        asked = True  # that answer, to a SIGTERM that came meanwhile
    except Exception as error:  # some of what Ray raises here is of no kind of its own
        raise ClusterError(
            f"Expected a Ray cluster at {address}. Received: {first_line(error)}. `ray start "
            "--head` starts one; without RAY_ADDRESS, this machine alone is used."
        ) from error
    finally:
        if answer is not None and _in_main_thread():
            signal.signal(signal.SIGTERM, answer)
    if asked:
        signal.raise_signal(signal.SIGTERM)
        # Where that is noted only, to be looked at later: there is no cluster to go on with.
        raise TrainingStopped(
            signal.SIGTERM,
            "Stopped before the cluster was there; the same command goes on with what is missing.",
        )


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals that ask to stop are answered when it is over: what ends processes is not ended
    half-way, which would leave some of them behind."""
    if not _in_main_thread():
        yield
        return
    heard: list[int] = []
    before = {
        number: signal.signal(number, lambda number, frame: heard.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, answer in before.items():
            if answer is not None:
                signal.signal(number, answer)
        if heard:
            signal.raise_signal(heard[0])


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _check_answers(address: str) -> None:
    """Check that something listens at an address, which Ray itself would wait for minutes to do.

    Raises:
        ClusterError: nothing does.
    """
    host, colon, port = address.rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
    except (OSError, ValueError, OverflowError) as error:
        raise ClusterError(
            f"Expected a Ray cluster at {address}. Received: {error}. `ray start --head` starts "
            "one; without RAY_ADDRESS, this machine alone is used."
        ) from error


def seen_by_all(ray: Any, folder: Path, files: Sequence[Path] = ()) -> Path:
    """Check that every machine of the cluster sees a folder, before anything is begun.

    Args:
        ray: what :func:`connected` gives.
        folder: where results go; it is made.
        files: what every machine must see too.

    Returns:
        A file in the folder with a name of its own, which stays there: by it, machines that come
        later are checked, and a folder of the same name that they have for themselves is told.

    Raises:
        ClusterError: a machine does not see it, or has not the packages that this one has.
        RunError: the folder cannot be written.
    """
    folder = make_folder(folder).resolve()
    marker = min(folder.glob(".ray-*"), default=None)
    if marker is None:
        marker = folder / f".ray-{secrets.token_hex(8)}"
        write_file(marker, b"All machines of a Ray cluster that see this file share this folder.\n")
    check_machines(ray, [marker, *(file.resolve() for file in files)])
    return marker


def check_seen(paths: Sequence[Path]) -> None:
    """Check that this machine sees what another one named.

    Raises:
        ClusterError: it does not.
    """
    for path in paths:
        if not path.exists():
            what = path.parent if path.name.startswith(".ray-") else path
            raise ClusterError(
                f"Expected every machine of the cluster to see {what}. Received nothing there on "
                f"{os.uname().nodename}. Name a folder that all machines share, under one path."
            )


def here(ray: Any) -> Any:
    """Where an actor must be placed to be lost with this process' machine alone."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def carry_own_code() -> None:
    """Models of a person's own travel with their code: workers cannot import their file."""
    from ray import cloudpickle

    for name, module in list(sys.modules.items()):
        made_here = getattr(module, "__spec__", "") is None and hasattr(module, "__file__")
        if made_here and name != "__main__":
            cloudpickle.register_pickle_by_value(module)


def slots(ray: Any, threads: int, device: str | None) -> int:
    """How many trainings the cluster has room for at a time.

    Raises:
        UsageError: not for one, or no thread at all.
    """
    if threads < 1:
        raise UsageError(f"Expected 1 thread or more. Received {threads}.")
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    most = max((int(node.get("CPU", 0)) for node in nodes), default=0)
    if most < threads:
        raise UsageError(
            f"Expected a machine in the cluster with {threads} processors, one a thread. Received "
            f"machines of {most} at most. Name fewer: --threads {most or 1}."
        )
    rooms = [int(node.get("CPU", 0)) // threads for node in nodes]
    if device == "cuda":  # a training takes a GPU of the machine that it is on
        rooms = [
            min(room, int(node.get("GPU", 0))) for room, node in zip(rooms, nodes, strict=True)
        ]
        if not any(rooms):
            raise UsageError(
                f"Expected a machine in the cluster with a GPU and {threads} processors for the "
                "device cuda. Received none. Leave it out, or name fewer threads."
            )
    return sum(rooms)


def check_machines(ray: Any, paths: Sequence[Path] = ()) -> None:
    """Have every machine look for paths, and say what it has installed.

    Args:
        ray: what :func:`connected` gives.
        paths: what all of them must see.

    Raises:
        ClusterError: one does not, or has not the packages that this one has.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [node for node in ray.nodes() if node["Alive"]]
    asked = [
        ray.remote(
            num_cpus=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        )(_look_around).remote(paths)
        for node in nodes
    ]
    ours = installed_versions()
    for node, reference in zip(nodes, asked, strict=True):
        name = node["NodeManagerHostname"]
        try:
            versions = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, ClusterError):
                raise error.cause from None
            raise ClusterError(
                f"Expected every machine of the cluster to have this project installed. Received "
                f"from {name}: {_last_line(error)}."
            ) from error
        except ray.exceptions.RayError:
            continue  # a machine that is gone is asked for nothing
        differing = [
            f"{package} {versions.get(package, 'none')} in place of {ours[package]}"
            for package in ("fittingroom", *_DECISIVE)
            if package in ours and versions.get(package) != ours[package]
        ]
        if differing:
            raise ClusterError(
                "Expected the same packages on every machine of the cluster, as results would "
                f"differ otherwise. Received from {name}: {', '.join(differing)}. Install "
                "requirements.txt there."
            )


def _look_around(paths: Sequence[Path]) -> dict[str, str]:
    check_seen(paths)
    return installed_versions()


def first_line(error: BaseException) -> str:
    """What an error says first, to be told within a sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _last_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[-1].rstrip(".")
