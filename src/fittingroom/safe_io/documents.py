"""JSON, of bounded size and depth."""

import json
from pathlib import Path
from typing import Any, NoReturn

from fittingroom.safe_io.files import MEBIBYTE, Refusal, read_whole

MOST_BYTES = 8 * MEBIBYTE
# Every list or mapping takes tens of bytes for two brackets.
_MOST_CONTAINERS = 500_000


def read_json(path: Path, most: int = MOST_BYTES) -> Any:
    """What a JSON file says.

    Raises:
        Refusal: it is no plain file, too large, or no JSON in UTF-8.
        OSError: it is not there or cannot be read.
    """
    return parse_json(read_whole(path, most), str(path))


def parse_json(content: bytes | str, where: str) -> Any:
    """What JSON says: numbers are finite, and nesting has an end.

    Raises:
        Refusal: it is no such JSON.
    """
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        if text.count("[") + text.count("{") > _MOST_CONTAINERS:
            raise ValueError(f"more than {_MOST_CONTAINERS:,} lists and mappings")
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        reason = "nesting without end" if isinstance(error, RecursionError) else str(error)
        raise Refusal(f"Expected JSON in {where}. Received: {reason}.") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"the number {name}, which JSON does not have")
