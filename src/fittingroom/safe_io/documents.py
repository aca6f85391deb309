"""JSON, of bounded size and depth."""

import json
from pathlib import Path
from typing import Any, NoReturn

from fittingroom.safe_io.files import MEBIBYTE, Refusal, read_whole

MOST_BYTES = 8 * MEBIBYTE
# Every list or mapping takes tens of bytes for two brackets.
_MOST_CONTAINERS = 500_000


def read_json(path: Path, most: int = MOST_BYTES) -> Any:
    """What a JSON file holds.

    Raises:
        Refusal: it is no plain file, too large, or not JSON in UTF-8.
        OSError: it isn't there or can't be read.
    """
    return parse_json(read_whole(path, most), str(path))


def parse_json(content: bytes | str, where: str) -> Any:
    """What JSON holds; its numbers are finite, and its nesting has an end.

    Raises:
        Refusal: it isn't such JSON.
    """
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        if text.count("[") + text.count("{") > _MOST_CONTAINERS:
            raise ValueError(f"it has more than {_MOST_CONTAINERS:,} lists and objects")
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refusal(f"The JSON in {where} can't be read: {reason}.") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
