"""The fuzzed readers answer their own seeds, and seeds with bytes changed, with typed errors only.

What `make fuzz` does for as long as it is given, small, and without what guides it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# In a process of its own, since the targets keep a folder open.
SOME = """
import random, sys
sys.path.insert(0, sys.argv[1])
from targets import TARGETS, seeds
name, times = sys.argv[2], int(sys.argv[3])
drawn = random.Random(0)
count = 0
for seed in seeds(name):
    TARGETS[name](seed)
    for _ in range(times):
        content = bytearray(seed)
        for _ in range(drawn.choice([1, 1, 2, 8])):
            at = drawn.randrange(len(content) + 1)
            match drawn.randrange(3):
                case 0:
                    content[at : at + 1] = drawn.randbytes(1)
                case 1:
                    del content[at : at + drawn.randrange(9)]
                case 2:
                    content[at:at] = drawn.randbytes(drawn.randrange(9))
        TARGETS[name](bytes(content))
        count += 1
print(count)
"""


@pytest.mark.parametrize("name", ["idx", "run", "predictions"])
def test_a_target_stands_its_seeds_and_what_is_near_them(name):
    command = [sys.executable, "-c", SOME, str(ROOT / "fuzz"), name, "30"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) >= 30
