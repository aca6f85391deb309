"""Images that are stored as files are: decoded one by one, when they are asked for."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fittingroom.errors import DataInvalidError, PhotoError
from fittingroom.photos import Limits
from fittingroom.photos.opening import open_photo
from fittingroom.predictions import UInt8

_LIMITS = Limits()


class Decoded(Sequence[UInt8]):
    """Images, each decoded anew when it is asked for: uint8 ``(H, W)`` grey or ``(H, W, 3)``.

    An image whose three channels are equal is grey, however it is stored.

    Args:
        names: what messages call each image.
        load: the path or the content of image ``i``.
    """

    def __init__(self, names: Sequence[str], load: Callable[[int], Path | bytes]) -> None:
        self._names = names
        self._load = load

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, at: Any) -> Any:
        source = self._load(at)
        try:
            pixels = open_photo(source, _LIMITS)
        except PhotoError as error:
            # Paths are in the message already.
            where = f"{self._names[at]}: " if isinstance(source, bytes) else ""
            raise DataInvalidError(f"{where}{error} Or remove it from the data.") from error
        grey = pixels[..., 0]
        return grey if (pixels == grey[..., None]).all() else pixels
