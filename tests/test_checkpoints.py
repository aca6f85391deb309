"""The checkpoint's file and the lock of a run."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from fittingroom.errors import RunBusyError, RunChangedError
from fittingroom.runs import Checkpoint, Epoch, only_here, read_checkpoint
from fittingroom.runs.checkpoints import CHECKPOINT, write_checkpoint


def epochs(count: int) -> tuple[Epoch, ...]:
    numbers = range(1, count + 1)
    return tuple(Epoch(number, 1.5 * number, 0.5, 0.8, 0.4, 0.9, 1e-3) for number in numbers)


ARRAYS = st.dictionaries(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789._", min_size=1),
    arrays_of.arrays(
        st.sampled_from([np.float32, np.float64, np.uint8, np.uint32, np.int64, np.bool_]),
        arrays_of.array_shapes(min_dims=0, min_side=0),
    ),
    max_size=5,
)


@given(arrays=ARRAYS, count=st.integers(1, 4))
def test_a_checkpoint_reads_back_as_it_was_written(arrays, count, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    assert read_checkpoint(folder) is None
    write_checkpoint(folder, Checkpoint(epochs(count), arrays))
    read = read_checkpoint(folder)
    assert read is not None
    assert read.history == epochs(count)
    assert read.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert read.arrays[name].dtype == array.dtype
        assert read.arrays[name].shape == array.shape
        assert read.arrays[name].tobytes() == array.tobytes()


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_bit_of_it_changes_unseen(place, bit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    arrays = {"step": np.array(7), "module.weight": np.linspace(0, 1, 30, dtype=np.float32)}
    write_checkpoint(folder, Checkpoint(epochs(2), arrays))
    content = bytearray((folder / CHECKPOINT).read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    (folder / CHECKPOINT).write_bytes(content)
    try:
        read = read_checkpoint(folder)
    except RunChangedError:
        return
    # A space between two names, say: nothing that is read.
    assert read is not None
    assert read.history == epochs(2)
    assert {name: each.tobytes() for name, each in read.arrays.items()} == {
        name: each.tobytes() for name, each in arrays.items()
    }


def test_a_run_is_trained_by_one_at_a_time(tmp_path):
    with only_here(tmp_path, "a-s0"):
        with (
            pytest.raises(RunBusyError, match="Another process"),
            only_here(tmp_path, "a-s0"),
        ):
            raise AssertionError("two at once")
        with only_here(tmp_path, "a-s1"):
            pass  # another run is nobody's business
    with only_here(tmp_path, "a-s0"):
        pass


HOLDER = (
    "import sys; from pathlib import Path; from fittingroom.runs import only_here\n"
    "with only_here(Path(sys.argv[1]), 'a-s0'):\n"
    "    print('mine', flush=True); sys.stdin.read()"
)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_process_that_is_killed_leaves_no_lock(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"mine\n"
        with pytest.raises(RunBusyError), only_here(tmp_path, "a-s0"):
            raise AssertionError("two at once")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with only_here(tmp_path, "a-s0"):
        pass
