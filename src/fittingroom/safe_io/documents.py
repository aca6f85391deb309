"""JSON of bounded size and depth."""

import json
from pathlib import Path
from typing import Any, NoReturn

from fittingroom.safe_io.files import MEBIBYTE, Refusal, read_whole


def read_json(path: Path, most: int = 8 * MEBIBYTE) -> Any:
    """The content of a JSON file of at most ``most`` bytes.

    Raises:
        Refusal: it isn't a plain file, is too large, or isn't JSON in UTF-8.
        OSError: it isn't there or can't be read.
    """
    return parse_json(read_whole(path, most), str(path))


def parse_json(content: bytes | str, where: str) -> Any:
    """The values in JSON. Unlike Python's own parser, it takes finite numbers only.

    Raises:
        Refusal: it isn't such JSON, or it is nested too deeply.
    """
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refusal(f"The JSON in {where} can't be read: {reason}.") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")
