"""The rule for ONNX models: in one file, of known operators, with every size known before it runs.

A model from a stranger is data, yet a graph is a program too: it may ask for other files, for
gigabytes, or never end. So the file is taken apart without ONNX Runtime, and each operation's
shapes are worked out for the number of pictures at hand. What passes

- is one file of at most 256 MiB, whose arrays have the sizes that they claim,
- uses only operators with a rule (``operators``, ``arranging``, ``learned``), none of which reads
  files, runs code or goes round without end,
- holds at most 128 MB in all its intermediate arrays together, for one picture and for any number
  of them that are given to it at once,
- takes at most four billion multiply-adds a picture.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fittingroom.safe_io import arranging, learned, operators
from fittingroom.safe_io.documents import parse_json
from fittingroom.safe_io.files import MEBIBYTE, Refusal, read_whole
from fittingroom.safe_io.graphs import Graph, Value, read_graph
from fittingroom.safe_io.kinds import refuse_model_content, refuse_model_file
from fittingroom.safe_io.shapes import Rules, Work, walk

MOST_BYTES = 256 * MEBIBYTE
# Of four bytes each; what ONNX Runtime asks the system for may be twice as much.
MOST_NUMBERS = 32_000_000
MOST_OPERATIONS = 4_000_000_000
RULES: Rules = {**operators.RULES, **arranging.RULES, **learned.RULES}
_PICTURES = ("pictures",)
_LONGEST_NAMES, _MOST_CLASSES = 60_000, 256


@dataclass(frozen=True, eq=False)
class CheckedModel:
    """A model that was taken apart and let in.

    Attributes:
        content: the file, for ONNX Runtime.
        graph: what is in it.
    """

    content: bytes
    graph: Graph
    _allowed: dict[int, Mapping[str, tuple[int, ...]]] = field(default_factory=dict, repr=False)

    def shapes(self, pictures: int) -> Mapping[str, tuple[int, ...]]:
        """The shapes of the outputs by name, for so many pictures at once.

        Raises:
            Refusal: the graph would take too much memory or work for them.
        """
        if pictures not in self._allowed:
            work = Work(MOST_NUMBERS)
            whole = "pictures" not in self.graph.real
            given = {"pictures": Value((pictures, 28, 28), whole=whole)}
            values = walk(self.graph, given, work, RULES)
            if work.operations > MOST_OPERATIONS * max(pictures, 1):
                raise Refusal(
                    f"Expected an ONNX model of at most {MOST_OPERATIONS:,} multiply-adds a "
                    f"picture. Received one of {work.operations // max(pictures, 1):,}."
                )
            missing = [name for name in self.graph.outputs if name not in values]
            if missing:
                raise Refusal(f"Expected nodes that give {missing[0][:40]!r}. Received none.")
            self._allowed[pictures] = {name: values[name].shape for name in self.graph.outputs}
        return self._allowed[pictures]

    def batch(self, most: int) -> int:
        """So many pictures at once, ``most`` of them or as many as memory is there for.

        Raises:
            Refusal: it is not there for a single one.
        """
        self.shapes(1)
        pictures = most
        while pictures > 1:
            try:
                self.shapes(pictures)
            except Refusal:
                pictures //= 2
            else:
                break
        return pictures


def class_names(stored: str | None, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the classes that stand beside a graph, as JSON; others where none do.

    Raises:
        Refusal: they are no such names.
    """
    if stored is None:
        return otherwise
    if len(stored) > _LONGEST_NAMES:
        raise Refusal("Expected the names of classes. Received a text that is longer.")
    names = parse_json(stored, "the names of classes")
    if (
        not isinstance(names, list)
        or not 2 <= len(names) <= _MOST_CLASSES
        or not all(isinstance(name, str) and 0 < len(name) <= 200 for name in names)
    ):
        raise Refusal(f"Expected the names of classes. Received {str(names)[:60]}.")
    return tuple(names)


def check_model(model: Path | bytes) -> CheckedModel:
    """A model from a file, or from its bytes, taken apart; nothing of it has been run.

    Raises:
        Refusal: it is not let in; the message says why.
        OSError: the file is not there or cannot be read.
    """
    if isinstance(model, bytes):
        content, name = model, "such a file"
    else:
        refuse_model_file(model)
        content, name = read_whole(model, MOST_BYTES), model.name
    refuse_model_content(content, name)
    if len(content) > MOST_BYTES:
        raise Refusal(f"Expected an ONNX model of at most {MOST_BYTES // MEBIBYTE} MiB.")
    graph = read_graph(content)
    ends = tuple(graph.inputs)
    outputs = set(graph.outputs)
    if ends != _PICTURES or not outputs >= {"logits"}:
        gives = ", ".join(sorted(each[:40] for each in graph.outputs[:10]))
        raise Refusal(
            "Expected a model that takes `pictures` and gives `logits` and `probabilities`. "
            f"Received one that gives {gives or 'nothing'}."
        )
    checked = CheckedModel(content, graph)
    logits = checked.shapes(1)["logits"]
    if len(logits) != 2 or logits[0] != 1 or not 1 <= logits[1] <= 10_000:
        raise Refusal(f"Expected a row of logits for each picture. Received shape {logits}.")
    return checked
