"""The page of the crash benchmark."""

from typing import Any

_NAMES = {
    "error": "an error at each write, flush, rename and folder made",
    "half": "half of each write, then an error",
    "death": "death at each of them",
    "half death": "half of each write, then death",
}


def page(measured: dict[str, Any]) -> str:
    """The results as Markdown."""
    parts, environment = measured["parts"], measured["environment"]
    failures = [each for part in parts.values() for each in part["failures"]]
    lines = [
        "# Killed at any moment",
        "",
        f"By `benchmarks/crash.py` on {environment['processor']}: a network of "
        f"{measured['epochs']} epochs on the embedded sample, {measured['seconds']:.2f} s from "
        "start to end where nothing disturbs it, on one thread. *Held*: no folder reads as "
        "finished that is not; a finished run beside it is unchanged; everything else is listed as "
        "unfinished; and resumed, the training ends in the bytes of an undisturbed one: weights, "
        "ONNX model, validation predictions, history but for its seconds.",
        "",
    ]
    if "kills" in parts:
        part = parts["kills"]
        lines += [
            f"## {part['count']:,} SIGKILLs at random moments",
            "",
            f"In {part['trainings']:,} trainings, each killed and resumed until it had finished; "
            f"moments by seed {measured['seed']}.",
            "",
            "| it fell | kills |",
            "|---|---|",
            *(f"| {where} | {count:,} |" for where, count in part["fell"].items()),
            "",
        ]
    rows = []
    if "failures" in parts:
        part, names = parts["failures"], _NAMES
        rows += [(names[fault], count, count) for fault, count in part["counts"].items()]
    if "full" in parts:
        part = parts["full"]
        rows += [
            (
                "files that may not grow beyond a limit",
                part["file_limits"],
                part["refused_by_limit"],
            ),
            (
                "a disk in memory, full for real",
                part["disks"] - part["too_small_for_the_other_run"],
                part["refused_by_disk"],
            ),
        ]
    if "read-only" in parts:
        part = parts["read-only"]
        rows.append(("a folder that becomes read-only", part["count"], part["refused"]))
    if "scores" in parts:
        count = sum(parts["scores"]["counts"].values())
        rows.append(
            ("the same of scoring a finished run: error, half, death, half and death", count, None)
        )
    if rows:
        lines += [
            "## A disk that fails",
            "",
            "| what | processes | stopped by it |",
            "|---|---|---|",
        ]
        lines += [
            f"| {name} | {count:,} | {'–' if stopped is None else f'{stopped:,}'} |"
            for name, count, stopped in rows
        ]
        lines += ["", "Where it did not stop a training, everything had been written before.", ""]
    lines += ["## What did not hold", ""]
    lines += [f"- {each}" for each in failures] or ["Nothing: everything held each time."]
    return "\n".join([*lines, ""])
