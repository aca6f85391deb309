import contextlib
import csv
import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fittingroom.cli import run
from fittingroom.predict.packaged import packaged_model
from tests.test_public import modules_after


@pytest.fixture(scope="module")
def folder(tmp_path_factory, sample) -> Path:
    """Three garments, one of them in a folder below, and a file that only says it is an image."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "more").mkdir()
    for name, image in zip(
        ("a.png", "b.PNG", "more/c.png"), sample.open_test().images, strict=False
    ):
        Image.fromarray(image).save(folder / name)
    (folder / "broken.jpg").write_bytes(b"no image")
    (folder / "notes.txt").write_text("not looked at")
    return folder


def lines(capsys) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_json_lines_hold_the_contract(folder, sample, capsys):
    assert run(["predict", str(folder / "a.png"), "--json", "--top", "2"]) == 0
    (values,) = lines(capsys)
    assert list(values) == ["file", "class", "label", "probability", "abstain", "model", "top"]
    assert values["file"] == str(folder / "a.png")
    assert 0 <= values["label"] <= 9
    assert values["abstain"] in (None, "unsure", "unknown")
    assert len(values["top"]) == 2
    assert values["top"][0] == {"class": values["class"], "probability": values["probability"]}


def test_a_folder_is_searched_and_a_broken_file_skipped(folder, capsys):
    assert run(["predict", str(folder), "--json"]) == 1
    out, err = capsys.readouterr()
    values = [json.loads(line) for line in out.splitlines()]
    names = [str(Path(each["file"]).relative_to(folder)) for each in values]
    assert names == ["a.png", "b.PNG", "broken.jpg", str(Path("more", "c.png"))]
    assert [set(each) for each in values if "error" in each] == [{"file", "error"}]
    assert "1 of 4 images" in err


def test_all_kinds_in_a_folder_are_read_and_the_others_counted(folder, tmp_path, capsys):
    names = ["a.GIF", "b.bmp", "c.jfif", "d.jpe", "e.tif", "f.TIFF", "g.avif"]
    kinds = ["gif", "bmp", "jpeg", "jpeg", "tiff", "tiff", "avif"]
    with Image.open(folder / "a.png") as image:
        for name, kind in zip(names, kinds, strict=True):
            image.save(tmp_path / name, kind)
    for name in ("h.heic", "i.HEIC", "j.txt", ".hidden.txt", "none"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic" + bytes(9))
    assert run(["predict", str(tmp_path), "--json"]) == 0
    out, err = capsys.readouterr()
    assert [Path(json.loads(line)["file"]).name for line in out.splitlines()] == names
    (line,) = err.splitlines()
    assert line.startswith("Left out of the folders, by kind: 2 .heic, 1 .txt. Convert it to JPEG")
    # One that is named is an answer too, if only that it can't be read.
    assert run(["predict", str(tmp_path / "h.heic"), "--json"]) == 1
    assert "is a HEIC image. Convert it to JPEG" in lines(capsys)[0]["error"]


def test_an_empty_folder_does_not_stop_the_others(folder, tmp_path, capsys):
    given = [str(tmp_path), str(folder / "a.png"), str(tmp_path / "*.jpg")]
    assert run(["predict", *given, "--json"]) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["file"] for line in out.splitlines()] == [given[1]]
    assert err.splitlines() == [f"There are no images in {each}." for each in given[::2]]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_linked_folders_are_searched_once(folder, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "photos").symlink_to(folder / "more")
    (tmp_path / "in" / "photos again").symlink_to(folder / "more")
    (tmp_path / "in" / "back").symlink_to(tmp_path)
    assert run(["predict", str(tmp_path), "--json"]) == 0
    assert [each["file"] for each in lines(capsys)] == [str(tmp_path / "in" / "photos" / "c.png")]


NAMES = [os.fsdecode(name) for name in (b"\xe6\x9c\x8d.png", b"\xe5\xb8\xbd.png", b"a\xff.png")]


@pytest.mark.skipif(os.name == "nt", reason="names are not bytes there")
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_names_survive_any_terminal(encoding, folder, tmp_path):
    for name in NAMES:
        (tmp_path / name).write_bytes((folder / "a.png").read_bytes())
    command = [sys.executable, "-m", "fittingroom", "predict", *NAMES]
    given = {"cwd": tmp_path, "env": {**os.environ, "PYTHONIOENCODING": encoding}, "timeout": 600}
    told = subprocess.run([*command, "--json"], capture_output=True, check=True, **given).stdout
    assert [json.loads(line)["file"] for line in told.decode("ascii").splitlines()] == NAMES
    told = subprocess.run([*command, "--csv"], capture_output=True, check=True, **given).stdout
    rows = csv.DictReader(io.StringIO(told.decode("utf-8", "surrogateescape")))
    assert [row["file"] for row in rows] == NAMES


def test_patterns_and_files_keep_their_order(folder, capsys):
    given = [str(folder / "more" / "c.png"), str(folder / "?.png")]
    assert run(["predict", *given, "--json"]) == 0
    assert [Path(each["file"]).name for each in lines(capsys)] == ["c.png", "a.png"]


def test_the_table_names_each_file_and_says_what_is_broken(folder, capsys):
    assert run(["predict", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 4  # a header and three garments
    assert "broken.jpg isn't a PNG, JPEG, GIF, BMP, WebP, AVIF or TIFF image" in err


def test_csv_has_a_header_and_the_same_answers(folder, capsys):
    assert run(["predict", str(folder), "--csv"]) == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    run(["predict", str(folder), "--json"])
    values = lines(capsys)
    assert len(rows) == len(values) == 4
    for row, expected in zip(rows, values, strict=True):
        assert row["file"] == expected["file"]
        assert row["class"] == expected.get("class", "")
        assert row["model"] == expected.get("model", "")
        assert bool(row["error"]) == ("error" in expected)


def test_standard_input_is_an_image(folder, capsys, monkeypatch):
    class Given:
        buffer = io.BytesIO((folder / "a.png").read_bytes())

    monkeypatch.setattr(sys, "stdin", Given())
    assert run(["predict", "-", "--json"]) == 0
    (from_stream,) = lines(capsys)
    run(["predict", str(folder / "a.png"), "--json"])
    (from_file,) = lines(capsys)
    assert from_stream == from_file | {"file": "-"}


def test_a_name_takes_one_line_of_the_table_and_is_whole_elsewhere(folder, tmp_path, capsys):
    name = str(tmp_path / 'a\n"b\x1b[31m.png')
    Path(name).write_bytes((folder / "a.png").read_bytes())
    assert run(["predict", name]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 2
    assert "\x1b" not in out
    assert run(["predict", name, "--json"]) == 0
    assert lines(capsys)[0]["file"] == name
    assert run(["predict", name, "--csv"]) == 0
    assert next(csv.DictReader(io.StringIO(capsys.readouterr().out)))["file"] == name


def test_csv_has_no_formula_for_a_spreadsheet(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("=1+1.png", "@a.png", "-.png", "a.png")
    for name in names:
        Path(name).write_bytes((folder / "a.png").read_bytes())
    assert run(["predict", "--csv", "--", *names]) == 0
    rows = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert [row["file"] for row in rows] == ["'=1+1.png", "'@a.png", "'-.png", "a.png"]


def test_explain_gives_a_number_for_each_pixel(folder, capsys):
    assert run(["predict", str(folder / "a.png"), "--json", "--explain"]) == 0
    (values,) = lines(capsys)
    heat = np.array(values["explanation"])
    assert heat.shape == (28, 28)
    assert heat.max() > 0
    assert run(["predict", str(folder / "a.png"), "--explain"]) == 0
    assert "█" in capsys.readouterr().out


def test_stages_are_drawn(folder, tmp_path, capsys):
    photo = tmp_path / "photo.png"
    with Image.open(folder / "a.png") as image:
        large = np.asarray(Image.fromarray(255 - np.asarray(image)).resize((300, 300)))
    Image.fromarray(np.pad(large, 40, constant_values=255)).save(photo)
    out = tmp_path / "stages.png"
    assert run(["predict", str(photo), "--stages", str(out)]) == 0
    with Image.open(out) as drawn:
        assert drawn.width > 2 * drawn.height
        assert len(np.unique(np.asarray(drawn))) > 10
    assert run(["predict", str(photo), "--stages", str(out)]) == 2
    assert "overwrite it with --force" in capsys.readouterr().err
    assert run(["predict", str(photo), "--stages", str(out), "--force"]) == 0
    assert run(["predict", str(folder), "--stages", str(out)]) == 2
    assert "one photo, not 4" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="closes a stream as a POSIX shell does")
def test_standard_output_that_was_closed_hears_nothing(folder):
    command = f'exec "{sys.executable}" -m fittingroom predict "$0" --csv >&-'
    done = subprocess.run(
        ["sh", "-c", command, str(folder / "a.png")], capture_output=True, text=True, timeout=600
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(os.name == "nt", reason="asks for a terminal as POSIX has them")
def test_many_images_move_a_bar_on_a_terminal(folder, tmp_path):
    import pty

    for number in range(60):
        (tmp_path / f"{number}.png").write_bytes((folder / "a.png").read_bytes())
    seen, terminal = pty.openpty()
    command = [sys.executable, "-m", "fittingroom", "predict", str(tmp_path), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=terminal, timeout=600)
    os.close(terminal)
    said = b""
    with contextlib.suppress(OSError):  # how a terminal ends whose other side is closed
        while part := os.read(seen, 4096):
            said += part
    os.close(seen)
    assert len(done.stdout.splitlines()) == 60
    assert "60/60" in said.decode()


def test_another_model_is_a_run_or_a_file(folder, trained, capsys):
    for model in (trained.folder, trained.model_path):
        assert run(["predict", str(folder / "a.png"), "--model", str(model), "--json"]) == 0
    first, second = lines(capsys)
    assert (first["model"], second["model"]) == (trained.name, "model")
    assert first == second | {"model": trained.name}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--json", "--csv", "x.png"], 2, "--json and --csv"),
        (["x.png", "--stages", "x.jpg"], 2, ".png"),
        (["none.png"], 1, "none.png"),
        (["x.png", "--threads", "0"], 2, "--threads"),
        (["x.png", "--threads", "100000"], 2, "--threads"),
        (["none.png", "--model", "nowhere"], 1, "nowhere"),
        (["x.png", "--stages", "none/steps.png"], 2, "a folder that"),
        (["."], 2, "no images in"),
    ],
)
def test_mistakes_are_answered_in_words(arguments, code, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["predict", *arguments]) == code
    assert words in capsys.readouterr().err


def test_a_folder_that_may_not_be_read_is_named(tmp_path, capsys, monkeypatch):
    def refuse(path):  # as the system does it for all but root, whom tests may run as
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    assert run(["predict", str(tmp_path), "--json"]) == 2
    assert f"{tmp_path} can't be searched" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_an_error_and_not_waited_for(folder, tmp_path, capsys):
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((folder / "a.png").read_bytes())
    assert run(["predict", str(tmp_path), "--json"]) == 1
    broken, answered = lines(capsys)
    assert "isn't a plain file" in broken["error"]
    assert "class" in answered


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "a\0b.png"])
def test_a_name_that_no_file_can_have_is_one_broken_entry(name, folder, capsys):
    assert run(["predict", name, str(folder / "a.png"), "--json"]) == 1
    broken, answered = lines(capsys)
    assert broken["file"] == name
    assert "can't be opened" in broken["error"]
    assert "class" in answered


def test_a_model_that_is_refused_is_named_with_what_to_do(folder, tmp_path, capsys):
    path = tmp_path / "broken.onnx"
    path.write_bytes(packaged_model("cnn-tiny").read_bytes()[:-1000])
    assert run(["predict", str(folder / "a.png"), "--model", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert str(path) in err
    assert "Name the folder of a run, or a model.onnx" in err


def test_no_framework_and_no_other_command_is_loaded(folder):
    code = (
        "from fittingroom.cli import run\n"
        f"assert run(['predict', {str(folder / 'a.png')!r}, '--json']) == 0"
    )
    loaded = modules_after(code)
    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "keras", "sklearn", "scipy", "onnx", "pandas", "pooch", "rich"}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux says it")
def test_a_large_folder_streams_in_constant_memory(folder, tmp_path):
    """Two thousand names of one image need hardly more than two hundred."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom fittingroom.cli import run\n"
        "assert run(['predict', sys.argv[1], '--csv']) == 0\n"
        # Of this process alone: what getrusage says counts the one that started it too.
        "status = Path('/proc/self/status').read_text().splitlines()\n"
        "(peak,) = (line.split()[1] for line in status if line.startswith('VmHWM'))\n"
        "print(peak, file=sys.stderr)"
    )
    peaks = []
    for count in (200, 2000):
        many = tmp_path / str(count)
        many.mkdir()
        for number in range(count):
            (many / f"{number}.png").hardlink_to(folder / "a.png")
        done = subprocess.run(
            [sys.executable, "-c", code, str(many)], capture_output=True, text=True, check=True
        )
        assert len(done.stdout.splitlines()) == count + 1
        peaks.append(int(done.stderr.splitlines()[-1]))
    assert peaks[1] < 1.1 * peaks[0]
