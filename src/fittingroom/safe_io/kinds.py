"""Model files that are never opened, and how to bring such a model in."""

from pathlib import Path

from fittingroom.safe_io.files import Refusal

_PICKLE, _KERAS = "it is a pickle", "a Keras file may hold Python code in its layers"
# Each can run code of whoever made it when its framework loads it.
_NEVER = {
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"), _PICKLE),
    **dict.fromkeys((".keras", ".h5", ".hdf5"), _KERAS),
}
# The same by their first bytes, whatever they are called.
_BEGINNINGS = {
    **dict.fromkeys((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), _PICKLE),
    **{b"PK\x03\x04": _PICKLE, b"\x89HDF": _KERAS},
}


def refuse_model_file(path: Path) -> None:
    """Refuse a model that could run code, by its name alone: the file is not opened.

    Raises:
        Refusal: it is a ``.pt``, ``.pkl``, ``.keras`` or ``.h5`` file, or one of their relatives.
    """
    _refuse(path.name, _NEVER.get(path.suffix.lower()))


def refuse_model_content(content: bytes, name: str) -> None:
    """Refuse such a model under another name, by its first bytes.

    Raises:
        Refusal: as :func:`refuse_model_file`.
    """
    _refuse(name, _BEGINNINGS.get(content[:4]) or _BEGINNINGS.get(content[:2]))


def _refuse(name: str, reason: str | None) -> None:
    if reason is not None:
        raise Refusal(
            f"{name} is never opened: {reason}, so loading it can run code of whoever made it. "
            "Load the model yourself in Python and train it (`fittingroom.train(model)`), or "
            "compare its predictions (`fittingroom compare … --with predictions.csv`)."
        )
