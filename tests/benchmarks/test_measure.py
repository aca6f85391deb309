import json
import os

import pytest

from benchmarks import measure


def add(*, a: int, b: int) -> dict[str, object]:
    """Called in a process of its own."""
    print("said, and left aside")
    return {"sum": a + b, "process": os.getpid(), "variable": os.environ.get("BENCHMARK_TEST")}


def fail() -> dict[str, object]:
    """The same."""
    raise ValueError("it went wrong")


def test_a_function_runs_in_a_process_of_its_own():
    answer = measure.in_process(
        "tests.benchmarks.test_measure:add", variables={"BENCHMARK_TEST": "there"}, a=2, b=3
    )
    assert answer["sum"] == 5
    assert answer["process"] != os.getpid()
    assert answer["variable"] == "there"
    assert answer["wall_seconds"] > 0


def test_a_process_that_fails_tells_its_last_words():
    with pytest.raises(measure.MeasurementError, match="it went wrong"):
        measure.in_process("tests.benchmarks.test_measure:fail")


def test_work_of_other_processes_is_a_share_of_all_processors():
    processors = os.cpu_count() or 1
    after = (100.0 + 6 * processors, 5.0 + 4)
    expected = pytest.approx((6 * processors - 4) / (10 * processors))
    assert measure.others_share((100.0, 5.0), after, 10.0) == expected
    assert measure.others_share((100.0, 5.0), (103.0, 9.0), 10.0) == 0


def test_each_value_is_kept_and_the_next_call_continues_from_it(tmp_path):
    def parts(options, stored):
        for count in (1, 2):
            yield {"total": stored.get("total", 0) + count}
            if options.threads == 1:
                raise KeyboardInterrupt

    def page(measured):
        return f"# Total\n\n{measured['total']}\n"

    def run(*arguments):
        options = measure.parse(measure.parser(""), [*arguments, "--out", str(tmp_path)])
        return measure.run("sums", options, parts, page)

    with pytest.raises(KeyboardInterrupt):
        run("--threads", "1")
    assert json.loads((tmp_path / "sums.json").read_text()) == {"total": 1}
    assert (tmp_path / "sums.md").read_text() == "# Total\n\n1\n"
    assert run("--threads", "2") == {"total": 3}
    assert run("--page") == {"total": 3}


def test_a_trial_may_not_replace_the_results(capsys):
    with pytest.raises(SystemExit):
        measure.parse(measure.parser(""), ["--data", "sample"])
    assert "--out" in capsys.readouterr().err
