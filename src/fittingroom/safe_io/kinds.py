"""Files of models that are never opened, and how to bring such a model in."""

from pathlib import Path

from fittingroom.safe_io.files import Refusal

# Each runs code of whoever made it when its framework loads it, or may.
_CODE = "loading it can run code of whoever made it"
_NEVER = {
    ".pt": f"PyTorch's files are pickles: {_CODE}",
    ".pth": f"PyTorch's files are pickles: {_CODE}",
    ".ckpt": f"checkpoints are pickles: {_CODE}",
    ".pkl": f"it is a pickle: {_CODE}",
    ".pickle": f"it is a pickle: {_CODE}",
    ".joblib": f"it is a pickle: {_CODE}",
    ".keras": f"a Keras file may hold Python code in its layers: {_CODE}",
    ".h5": f"a Keras file may hold Python code in its layers: {_CODE}",
    ".hdf5": f"a Keras file may hold Python code in its layers: {_CODE}",
}
# The same by their first bytes, whatever they are called.
_BEGINNINGS = {
    b"\x80\x02": ".pkl",
    b"\x80\x03": ".pkl",
    b"\x80\x04": ".pkl",
    b"\x80\x05": ".pkl",
    b"\x89HDF": ".h5",
    b"PK\x03\x04": ".pt",
}
HOW_TO_BRING_IT_IN = (
    "Bring the model in through Python, where you load it yourself (`fittingroom.train(model)`), "
    "or its predictions through `fittingroom compare … --with predictions.csv`."
)


def refuse_model_file(path: Path) -> None:
    """Refuse a model that could run code, by its name alone: the file is not opened.

    Raises:
        Refusal: it is a ``.pt``, ``.pkl``, ``.keras`` or ``.h5`` file, or one of their relatives.
    """
    reason = _NEVER.get(path.suffix.lower())
    if reason is not None:
        raise _refused(path.name, reason)


def refuse_model_content(content: bytes, name: str) -> None:
    """Refuse such a model under another name, by its first bytes.

    Raises:
        Refusal: as :func:`refuse_model_file`.
    """
    kind = _BEGINNINGS.get(content[:4]) or _BEGINNINGS.get(content[:2])
    if kind is not None:
        raise _refused(name, _NEVER[kind])


def _refused(name: str, reason: str) -> Refusal:
    return Refusal(
        f"Expected an ONNX model of this project, or a run's folder. Received {name}, which is "
        f"never opened: {reason}. {HOW_TO_BRING_IT_IN}"
    )
