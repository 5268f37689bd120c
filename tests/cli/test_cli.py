"""The commands as a user runs them: what they write, what they print, how they refuse."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from sounds import BAD_SOUNDS, RATE, voice, wav_bytes

from talkinghead import Animation, cli
from talkinghead.animate import batch
from talkinghead.errors import InputError
from talkinghead.head import spec
from talkinghead.head.head import Head

convert = import_module("talkinghead.cli.convert")  # the package has the verb under this name
VERBS = tuple("animate render convert head live demo serve prepare train evaluate export-model doctor info".split())


def run(*words: object, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "talkinghead.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


def refused(capsys, *words: object) -> str:
    """The one line with which a command that runs in this process refuses."""
    assert cli.main([str(word) for word in words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.endswith("\n") and err.count("\n") == 1, err
    return err


def helped(capsys, *words: str) -> str:
    """What `--help` prints; it prints no error, and its status is 0."""
    with pytest.raises(SystemExit) as stopped:
        cli.main([*words, "--help"])
    out, err = capsys.readouterr()
    assert not stopped.value.code and err == ""
    return out


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    """An .npz with half a second of a head that opens its mouth."""
    head = Head.default()
    coefficients = np.zeros((15, len(head.names)), np.float32)
    coefficients[:, head.index("jawOpen")] = np.linspace(0, 0.5, 15)
    path = tmp_path_factory.mktemp("motion") / "motion.npz"
    Animation(coefficients, 30.0, head).save(path)
    return path


@pytest.fixture(scope="module")
def tiny_model(tiny_talker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    tiny_talker.save_pretrained(folder)
    return folder


def write_wav(path, seconds, rate=RATE):
    path.write_bytes(wav_bytes(np.round(voice(seconds, rate) * 32767).astype("<i2"), rate, form=1, bits=16))
    return path


# What it refuses


@pytest.mark.parametrize("name", [*BAD_SOUNDS, "silent_film.mp4", "folder.wav", "missing.wav"])
def test_a_bad_recording_is_one_line_and_no_file(bad_folder, tmp_path, name, capfd):
    outputs = [tmp_path / "out.npz", tmp_path / "out.mp4"]
    words = ["animate", bad_folder / name, "-o", outputs[0], "-o", outputs[1]]
    assert cli.main([str(word) for word in words]) == 2
    out, err = capfd.readouterr()  # of the libraries in C, too
    assert out == ""
    assert err.startswith("talkinghead: ") and name in err
    assert err.count("\n") == 1 and err.endswith("\n")
    assert not list(tmp_path.iterdir())


def test_the_program_ends_with_status_2(bad_folder, tmp_path):
    done = run("animate", bad_folder / next(iter(BAD_SOUNDS)), "-o", tmp_path / "out.npz")
    assert done.returncode == 2 and done.stdout == "" and not list(tmp_path.iterdir())
    assert done.stderr.startswith("talkinghead: ") and done.stderr.count("\n") == 1 and done.stderr.endswith("\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("animate", "AUDIO"),
        ("animate {wav}", "-o"),
        ("animate {wav} -o {tmp}/a.xyz", "a.xyz"),
        ("animate {wav} -o {tmp}/a", "suffixes"),
        ("animate {wav} -o {wav}", "suffixes"),
        ("animate {wav} -o {tmp}/a.npz -o {tmp}/a.npz", "twice"),
        ("animate {wav} -o {wav}/a.npz", "not a folder"),
        ("animate {wav} -o {tmp}/a.npz --fps 0", "fps"),
        ("animate {wav} -o {tmp}/a.npz --fps nan", "fps"),
        ("animate {wav} -o {tmp}/a.npz --fps 1e9", "fps"),
        ("animate {wav} -o {tmp}/a.mp4 --size 3", "size"),
        ("animate {wav} -o {tmp}/a.mp4 --size 100001", "size"),
        ("animate {wav} -o {tmp}/a.mp4 --size big", "640x360"),
        ("animate {wav} -o {tmp}/a.mp4 --camera above", "camera"),
        ("animate {wav} -o {tmp}/a.mp4 --sede 3", "--seed"),
        ("animate {wav} -o {tmp}/a.mp4 --seed x", "--seed"),
        ("animate {wav} -o {tmp}/a.npz --head nobody.npz", "nobody.npz: no such file"),
        ("animate {wav} -o {tmp}/a.npz --head {wav}", "not a head"),
        ("animate {wav} -o {tmp}/a.npz --head default:age", "write key=value,… after the colon"),
        ("animate {wav} -o {tmp}/a.npz --head default:age=old", "'old' is not a number"),
        ("animate {wav} -o {tmp}/a.npz --head default:seed=1.5", "whole number"),
        ("animate {wav} -o {tmp}/a.npz --model {tmp}/none", "none"),
        ("animate {wav} -o {tmp}/a.npz --model {model} --seed -1", "seed"),
        ("animate {wav} -o {tmp}/a.npz --model {model} --intensity 2", "intensity"),
        ("animate {wav} -o {tmp}/a.npz --model {model} --intensity nan", "intensity is nan"),
        ("animate {wav} -o {tmp}/a.npz --emotion cross", "emotion 'cross' is not known; choose from neutral, happy"),
        ("animate {wav} -o {tmp}/a.npz --emotion hapy", "did you mean 'happy'"),
        ("animate {wav} -o {tmp}/a.npz --emotion happy:0.6,sad:3", "sad is '3', expected a number from 0 to 1"),
        ("animate {wav} -o {tmp}/a.npz --emotion moods.csv", "moods.csv: no such file"),
        ("animate {wav} -o {tmp}/a.npz --emotion auto --intensity 7", "intensity is 7"),
        ("animate {wav} -o {tmp}/a.npz --transcript hello --emotion hapy", "did you mean 'happy'"),
        ("animate {wav} -o {tmp}/a.npz --model {model} --expressiveness -1", "expressiveness is -1: choose 0 to 3"),
        ("animate {wav} -o {tmp}/a.npz --model {model} --articulation nan", "articulation is nan"),
        ("animate {wav} -o {tmp}/a.npz --model {model} --upper-face 4", "upper_face is 4"),
        ("animate {wav} -o {tmp}/a.npz --model {model} --lower-face 4", "lower_face is 4"),
        ("animate {folder} -o {tmp}/a --emotion moods.csv", "moods.csv: no such file"),
        ("animate {wav} -o {tmp}/a.npz --model {model} --temperature nan", "temperature"),
        ("animate {wav} -o {tmp}/a.npz --model {model} --top-p 0", "top_p is 0"),
        (
            "animate {wav} -o {tmp}/a.npz --model {model} --prior autoregressive",
            "prior 'autoregressive': this model has parallel",
        ),
        ("animate {wav} -o {tmp}/a.npz --prior psychic", "psychic"),
        ("animate {wav} -o {tmp}/a.npz --transcript hello --top-p 0.9", "--top-p is the model's"),
        ("animate {wav} -o {tmp}/a.npz --model {model} --idle -1", "idle"),
        ("animate {wav} -o {tmp}/a.npz --model {model} --head-motion -1", "head_motion is -1"),
        ("animate {wav} -o {tmp}/a.npz --model {model} --device tpu", "tpu"),
        ("animate {wav} -o {tmp}/a.npz --engine spark", "spark"),
        ("animate {wav} -o {tmp}/a.npz --workers 2", "--workers is for a folder"),
        ("animate {wav} -o {tmp}/a.npz --format mp4", "--format is for a folder"),
        ("animate {folder}", "one -o FOLDER"),
        ("animate {folder} -o {tmp}/a -o {tmp}/b", "one -o FOLDER"),
        ("animate {folder} -o {tmp}/a.mp4", "are written to a folder; give its name, and --format mp4"),
        ("animate {folder} -o {wav}", "is not a folder"),
        ("animate {folder} -o {tmp}/a --format avi", "avi"),
        ("animate {folder} -o {tmp}/a --engine spark", "spark"),
        ("animate {folder} -o {tmp}/a --workers 0", "workers is 0"),
        ("animate {folder} -o {tmp}/a --model {tmp}/none", "none"),
        ("animate {folder} -o {tmp}/a --head default:age=old", "'old' is not a number"),
        ("animate {tmp} -o {tmp}/a", "no sound files"),
        ("animate {tmp}/none.csv -o {tmp}/a", "none.csv: no such file"),
        ("render {motion}", "-o"),
        ("render {motion} -o {tmp}/a.npz", ".mp4"),
        ("render {wav} -o {tmp}/a.mp4", "an animation is read from"),
        ("render nothing.npz -o {tmp}/a.mp4", "nothing.npz"),
        ("render {motion} -o {tmp}/a.mp4 --audio nothing.wav", "nothing.wav: no such file"),
        ("render {motion} -o {tmp}/a.mp4 --backend crayon", "crayon"),
        ("convert {motion} -o {motion}", "is the input"),
        ("convert {motion} -o {tmp}/a.mp4", "suffixes"),
        ("convert {motion} -o {tmp}", "suffixes"),
        ("prepare video", "PATHS|-o"),
        ("prepare nonsense a -o {tmp}/d", "nonsense"),
        ("prepare video nothing.mp4 -o {tmp}/d", "nothing.mp4"),
        ("prepare video -o {tmp}/d", "what to read"),
        ("prepare vocset a -o {tmp}/d", "did you mean 'vocaset'"),
        ("prepare vocaset nowhere -o {tmp}/d", "nowhere: no such file or folder"),
        ("prepare vocaset {tmp}", "-o FOLDER"),
        ("prepare vocaset {tmp} -o {wav}", "is not a folder"),
        ("prepare facegood {tmp} -o {tmp}/d --speaker me", "source facegood: has no option 'speaker'; it has licence"),
        ("prepare vocaset {tmp} -o {tmp}/d --size-mb 3", "has no option 'size_mb'"),
        ("prepare vocaset {tmp} -o {tmp}/d --unit furlong", "unit 'furlong'"),
        ("prepare vocaset {tmp} -o {tmp}/d --regions nowhere.pkl", "nowhere.pkl: no such file"),
        ("prepare facegood {tmp} -o {tmp}/d --engine spark", "spark"),
        ("prepare video {wav} -o {tmp}/d --workers 0", "workers"),
        ("train", "CONFIG"),
        ("train nothing.yaml", "nothing.yaml: no such file"),
        ("sing", "Available subcommands: animate"),
        ("", "Expected one of"),
    ],
)
def test_bad_arguments_are_one_line(words, said, sample, motion, tiny_model, tmp_path, capsys):
    place = {"wav": sample, "folder": sample.parent, "motion": motion, "model": tiny_model, "tmp": tmp_path}
    line = refused(capsys, *(word.format(**place) for word in words.split()))
    assert any(part in line for part in said.split("|")), line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_bad_arguments_are_the_same_line_on_every_terminal(encoding, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))  # whose encoding decides about boxes
    assert cli.main(["animate", "a.wav", "--sed", "1"]) == 2
    line = "talkinghead: Unrecognized options: --sed, 1; Perhaps you meant: --seed INT (see talkinghead animate --help)\n"
    assert capsys.readouterr().err == line


# Nothing of the user's is destroyed


@pytest.mark.parametrize(
    "words",
    [
        "animate {mine} -o {other}",
        "animate {wav} -o {other} --head {mine}",
        "animate {wav} -o {other} --model {folder}",
        "animate {wav} -o {other} --transcript {mine}",
        "convert {mine} -o {other}",
        "convert {motion} -o {other} --head {mine}",
        "render {mine} -o {film}",
        "render {motion} -o {film} --audio {mine}",
        "render {motion} -o {film} --head {mine}",
    ],
)
@pytest.mark.parametrize("link", ["same", "hard", "soft", "relative"])
def test_an_output_that_is_an_input_is_refused_however_it_is_spelt(words, link, sample, motion, tmp_path, capsys, monkeypatch):
    """Whatever it is for; the content does not matter, as nothing is read before."""
    mine = tmp_path / "folder" / "mine.npz"
    mine.parent.mkdir()
    mine.write_bytes(b"years of work")
    other = {"same": mine, "relative": Path("folder/../folder/mine.npz")}.get(link, tmp_path / "other.npz")
    film = tmp_path / "film.mp4"
    if link == "hard":
        other.hardlink_to(mine)
    elif link == "soft":
        other.symlink_to(mine)
    film.hardlink_to(mine)
    monkeypatch.chdir(tmp_path)
    place = {"wav": sample, "motion": motion, "mine": mine, "other": other, "film": film, "folder": mine.parent}
    before = sorted(tmp_path.rglob("*"))
    line = refused(capsys, *(word.format(**place) for word in words.split()))
    assert "is the input" in line
    assert mine.read_bytes() == b"years of work" and sorted(tmp_path.rglob("*")) == before


def test_an_output_that_is_the_emotion_curve_is_refused(sample, tmp_path, capsys):
    (tmp_path / "feel.csv").write_text("time,happy\n0,0\n1,1\n")
    line = refused(capsys, "animate", sample, "-o", tmp_path / "feel.csv", "--emotion", tmp_path / "feel.csv")
    assert "is the input" in line and (tmp_path / "feel.csv").read_text().startswith("time,happy")


def test_what_an_output_may_not_replace(motion, tmp_path, capsys):
    (tmp_path / "target.npz").write_bytes(b"years of work")
    (tmp_path / "link.npz").symlink_to("target.npz")
    (tmp_path / "nowhere.npz").symlink_to("none.npz")
    (tmp_path / "kept.npz").write_bytes(b"years of work")
    (tmp_path / "kept.npz").chmod(0o444)
    (tmp_path / "face_texture.png").write_bytes(b"years of work")
    os.mkfifo(tmp_path / "pipe.npz")
    before = sorted(tmp_path.iterdir())
    for name, said in {
        "link.npz": "is a symbolic link to target.npz",
        "nowhere.npz": "is a symbolic link to none.npz",
        "kept.npz": "is write-protected",
        "pipe.npz": "is there and no file",
        "face.usdc": "would replace face_texture.png",
        "face.usda": "would replace face_texture.png",
    }.items():
        assert said in refused(capsys, "convert", motion, "-o", tmp_path / name)
    assert sorted(tmp_path.iterdir()) == before and (tmp_path / "target.npz").read_bytes() == b"years of work"


def test_outputs_that_are_one_file_are_told(motion, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "twice" in refused(capsys, "convert", motion, "-o", "a.npz", "-o", tmp_path / "a.npz")


@pytest.mark.parametrize("name", ["a.npz", "a.usdc", "a.glb", "a.obj"])
def test_a_folder_that_is_removed_before_the_output_is_written_stays_removed(name, motion, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "out"
    folder.mkdir()
    read = convert._read
    monkeypatch.setattr(convert, "_read", lambda *given: (folder.rmdir(), read(*given))[1])
    line = refused(capsys, "convert", motion, "-o", folder / name)
    assert f"{name}: cannot be written (its folder {folder} is not there any more)" in line and not folder.exists()


def test_many_recordings_into_a_folder_that_is_removed(monkeypatch, tmp_path, capsys):
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    monkeypatch.setattr(batch, "_animate", lambda name, audio, files, *_: shutil.rmtree(files[0].parent))
    line = refused(capsys, "animate", tmp_path, "-o", tmp_path / "out")
    assert "batch.json: cannot be written (its folder" in line and not (tmp_path / "out").exists()


def test_a_texture_of_ours_is_replaced(motion, tmp_path, capsys):
    for _ in range(2):
        assert cli.main(["convert", str(motion), "-o", str(tmp_path / "face.usdc")]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face.usdc", "face_texture.png"]


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_signal_leaves_nothing_half_done(name, status, tmp_path):
    code = f"""
import time
from talkinghead import cli
from talkinghead.files import replacing

def info() -> None:
    with replacing({str(tmp_path / "x.mp4")!r}) as fresh:
        fresh.write_text("half")
        print("half", flush=True)
        time.sleep(60)

cli.VERBS["info"] = info
raise SystemExit(cli.main(["info"]))
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout and process.stdout.readline() == b"half\n" and list(tmp_path.iterdir())
    process.send_signal(getattr(signal, name))
    assert process.communicate(timeout=60) == (b"", b"") and process.returncode == status
    assert not list(tmp_path.iterdir())


def test_silence_is_animated_with_a_word(tiny_model, tmp_path, capsys):
    quiet = tmp_path / "quiet.wav"
    quiet.write_bytes(wav_bytes(np.zeros((8000, 2), "<i2"), RATE, form=1, bits=16, channels=2))
    assert cli.main(["animate", str(quiet), "-o", str(tmp_path / "a.npz"), "--model", str(tiny_model)]) == 0
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "quiet.wav: no sound is heard" in told and "the mouth stays shut" in told


def test_the_track_that_is_asked_for_is_not_there(sample, tmp_path, capsys):
    line = refused(capsys, "animate", sample, "-o", tmp_path / "a.npz", "--track", 2)
    assert "has 1 sound track; --track 2 is none of them" in line


@pytest.mark.parametrize("others", [("f.obj", "f.obj/a.npz"), ("f.npz", "a/../f.obj", "f.obj/b/c.csv")])
def test_outputs_inside_others_are_told(motion, tmp_path, capsys, others):
    words = [word for name in others for word in ("-o", str(tmp_path / name))]
    assert cli.main(["convert", str(motion), *words]) == 2
    assert "a folder that another output writes as a whole" in capsys.readouterr().err
    assert cli.main(["render", str(motion), "-o", str(tmp_path / "p/%04d.png"), "-o", str(tmp_path / "p/a.mp4")]) == 2
    assert "a folder that another output writes as a whole" in capsys.readouterr().err


@pytest.mark.parametrize("rate", [["--fps", "30000/1001"], ["--fps=30000/1001"]])
def test_rates_are_fractions_too(motion, tmp_path, rate):
    assert cli.main(["convert", str(motion), "-o", str(tmp_path / "a.npz"), *rate]) == 0
    assert Animation.load(tmp_path / "a.npz").fps == 30000 / 1001


def test_names_that_begin_with_a_dash(motion, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-m.npz").write_bytes(motion.read_bytes())
    assert cli.main(["convert", "-m.npz", "-o", "-x:1.csv"]) == 0 and (tmp_path / "-x:1.csv").exists()


def test_interruption_and_defects_have_a_status_of_their_own(monkeypatch, capsys):
    def raising(error):
        def info() -> None:
            raise error

        monkeypatch.setitem(cli.VERBS, "info", info)
        return cli.main(["info"])

    assert raising(KeyboardInterrupt()) == 130
    assert raising(InputError("two\nlines")) == 2
    assert capsys.readouterr().err == "talkinghead: two lines\n"
    assert raising(OSError(28, "No space left on device", "a.mp4")) == 2
    assert capsys.readouterr().err == "talkinghead: a.mp4: No space left on device\n"
    with pytest.raises(ZeroDivisionError):
        raising(ZeroDivisionError())


@pytest.mark.parametrize("error", [InputError("cannot be read"), RuntimeError("could not determine the shape")])
def test_a_signal_that_a_library_makes_a_failure_of_is_told_all_the_same(error, monkeypatch, capsys):
    def info() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            raise error from None

    monkeypatch.setitem(cli.VERBS, "info", info)
    assert cli.main(["info"]) == 143 and capsys.readouterr() == ("", "")


@pytest.mark.parametrize("lost", [InputError("cannot be read"), None])
@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_no_recording_is_begun_after_a_signal_that_a_library_loses(lost, name, status, monkeypatch, tmp_path, capsys):
    """The exception of the signal is dropped, or made a failure of the recording that is at work."""
    begun = []

    def animate(recording: str, audio, files: list[Path], *_) -> None:
        begun.append(recording)
        try:
            os.kill(os.getpid(), getattr(signal, name))
        except KeyboardInterrupt:
            if lost:
                raise lost from None
        files[0].write_bytes(b"done")

    monkeypatch.setattr(batch, "_animate", animate)
    for recording in "abc":
        (tmp_path / f"{recording}.wav").write_bytes(b"RIFF")
    assert cli.main(["animate", str(tmp_path), "-o", str(tmp_path / "out")]) == status and begun == ["a"]
    assert capsys.readouterr().out == "" and json.loads((tmp_path / "out" / "batch.json").read_text())["failed"] == {}


def test_a_wrong_emotion_is_told_before_anything_heavy_is_loaded(sample, tmp_path):
    words = ["animate", str(sample), "-o", str(tmp_path / "a.npz"), "--emotion", "hapy"]
    code = f"import sys; from talkinghead import cli; assert cli.main({words}) == 2; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


# What it says


def test_help_is_quick():
    """It loads nothing that takes long."""
    code = """
import sys
from talkinghead import cli
try:
    cli.main(["--help"])
except SystemExit as stop:
    assert not stop.code
heavy = {"torch", "transformers", "scipy", "numba", "av", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_help_names_every_verb_and_each_has_its_own(capsys):
    assert tuple(cli.VERBS) == VERBS
    overview = helped(capsys)
    for verb in VERBS:
        assert f"• {verb} " in overview
        assert f"usage: talkinghead {verb}" in helped(capsys, verb)
        known = cli.VERBS[verb]
        assert " ".join((known.load().__doc__ or "").split()).startswith(known.summary)


def test_help_says_which_option_is_for_which_source(capsys, monkeypatch):
    from talkinghead.data import preparation

    known = {source: set(preparation.options_of(source)) for source in preparation.SOURCES}
    lines = [line.strip() for line in (cli.VERBS["prepare"].load().__doc__ or "").splitlines()]
    said = {line.split(":")[0]: line.split(":")[1] for line in lines if line.count(":") >= 2 and "source" not in line}
    for option in set.union(*known.values()):
        sources = {source.strip() for source in said[option].split(",")}
        assert sources == {source for source in known if option in known[source]}, option
    monkeypatch.setenv("COLUMNS", "200")  # words of a line stay together
    text = helped(capsys, "prepare")
    assert all(source in text for source in known) and "made-up files" in text


def test_info_tells_versions_renderers_and_what_is_shipped(capfd):
    assert cli.main(["info"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    names = [line[:22].strip() for line in out.splitlines()]
    assert {"talkinghead", "python", "torch", "extra video", "head default", "model default", "devices"} <= set(names)
    renderers = [line for line in out.splitlines() if line.startswith("renderer ")]
    assert len(renderers) == 3 and any(line[22:].startswith("works") for line in renderers)


# What it writes


def test_animate_writes_every_format_asked_for(sample, tmp_path):
    """As a program of its own, whose warnings are one line each."""
    outputs = [tmp_path / name for name in ("a.npz", "a.csv", "deep/er/a.glb", "a.mp4")]
    flags = [word for path in outputs for word in ("-o", path)]
    done = run("animate", sample, *flags, "--size", 64, "--fps", 5, "--idle", 0)
    assert done.returncode == 0, done.stderr
    # The renderer takes over where there is no EGL.
    (told,) = (line for line in done.stderr.splitlines() if "renderer takes over" not in line)
    assert told.startswith("talkinghead: ") and "5 frames a second" in told
    assert done.stdout.splitlines() == [str(path) for path in outputs]
    assert all(path.stat().st_size for path in outputs)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "a.mp4", "a.npz", "deep"]  # nothing half-written
    animation = Animation.load(outputs[0])
    assert animation.fps == 5 and len(animation) == 29  # 5.71 s
    assert animation.meta["seed"] == 0


def test_animate_takes_emotions_and_dials(sample, tiny_model, tmp_path):
    (tmp_path / "mood.csv").write_text("time,sad,happy\n0,1,0\n4,0,0.6\n")

    def animate(*words):
        out = tmp_path / "a.npz"
        assert cli.main([str(word) for word in ("animate", sample, "-o", out, "--model", tiny_model, "--idle", 0, *words)]) == 0
        return Animation.load(out)

    neutral = animate()
    assert neutral.meta["emotion"]["spec"] == "neutral"
    assert np.array_equal(animate("--emotion", "angry", "--intensity", 0).coefficients, neutral.coefficients)
    blend = animate("--emotion", "happy:0.6,surprised:0.3", "--intensity", 0.5)
    assert blend.meta["emotion"] == {"spec": "happy:0.6,surprised:0.3", "intensity": 0.5}
    assert np.abs(blend.coefficients - neutral.coefficients).max() > 1e-3
    curve = animate("--emotion", tmp_path / "mood.csv")
    sad, happy = animate("--emotion", "sad"), animate("--emotion", "happy:0.6")
    assert [key["time"] for key in curve.meta["emotion"]["keys"]] == [0, 4]
    assert np.abs(curve.coefficients[-20:] - happy.coefficients[-20:]).max() < 1e-3
    assert (
        np.abs(curve.coefficients[:5] - sad.coefficients[:5]).max() < np.abs(sad.coefficients - neutral.coefficients).max() / 2
    )
    dials = {"expressiveness": 1.5, "articulation": 0.8, "upper_face": 1.2, "lower_face": 0.9}
    words = [word for name, value in dials.items() for word in (f"--{name.replace('_', '-')}", value)]
    assert {name: animate("--emotion", "sad", *words).meta[name] for name in dials} == dials


def test_animate_hears_an_emotion(sample, tiny_model, tmp_path):
    words = ["animate", sample, "-o", tmp_path / "a.npz", "--model", tiny_model, "--emotion", "auto", "--intensity", 0.5]
    assert cli.main([str(word) for word in words]) == 0
    told = Animation.load(tmp_path / "a.npz").meta["emotion"]
    assert told["found"] and told["spec"] == "auto" and told["intensity"] == 0.5


@pytest.mark.parametrize("seconds", [0.01, 0.2, 30.0])
def test_animate_takes_any_length(tiny_model, tmp_path, seconds):
    wav = write_wav(tmp_path / "a.wav", seconds)
    assert cli.main(["animate", str(wav), "-o", str(tmp_path / "a.npz"), "--model", str(tiny_model)]) == 0
    frames = len(Animation.load(tmp_path / "a.npz"))
    assert 0 <= frames / 30 - seconds < 1 / 30 + 1e-6


def test_the_same_seed_gives_the_same_file(sample, tiny_model, tmp_path):
    def animate(seed, name):
        words = ["animate", sample, "-o", tmp_path / name, "--model", tiny_model, "--seed", seed]
        assert cli.main([str(word) for word in words]) == 0
        return (tmp_path / name).read_bytes()

    assert animate(1, "a.npz") == animate(1, "b.npz") != animate(2, "c.npz")


def test_convert_goes_there_and_back(motion, tmp_path, capsys):
    first, second = tmp_path / "a.csv", tmp_path / "b.npz"
    assert cli.main(["convert", str(motion), "-o", str(first), "-o", str(tmp_path / "a.glb")]) == 0
    assert capsys.readouterr().out.splitlines() == [str(first), str(tmp_path / "a.glb")]
    assert cli.main(["convert", str(first), "-o", str(second), "--fps", "30"]) == 0
    before, after = Animation.load(motion), Animation.load(second)
    assert np.abs(before.coefficients - after.coefficients).max() < 1e-5
    assert cli.main(["convert", str(motion), "-o", str(tmp_path / "slow.npz"), "--fps", "10"]) == 0
    assert len(Animation.load(tmp_path / "slow.npz")) == 5


def test_render_puts_the_sound_under_the_pictures(motion, tmp_path):
    import av

    wav = write_wav(tmp_path / "a.wav", 0.5, 44100)
    out = tmp_path / "a.mp4"
    words = ["render", motion, "-o", out, "--audio", wav, "--size", 64, "--camera", "side"]
    assert cli.main([str(word) for word in words]) == 0
    with av.open(str(out)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].frames) == (64, 15)
        assert container.streams.audio


def test_cameras_and_sizes_are_the_renderers():
    from talkinghead.rendering.camera import CAMERAS
    from talkinghead.rendering.settings import RenderSettings
    from talkinghead.rendering.sizes import parse_size

    assert all(name in (RenderSettings.__doc__ or "") for name in CAMERAS)
    assert parse_size("64") == (64, 64) and parse_size("640x360") == (640, 360)


def test_a_head_is_named_in_words(monkeypatch):
    given = {}
    monkeypatch.setattr(Head, "default", classmethod(lambda cls, **words: given.update(words)))
    assert spec.read_head("default") is None and given == {}
    spec.read_head("default: age=60, gender=female,seed=3,noseWidth=0.5")
    assert given == {"age": 60.0, "gender": "female", "seed": 3, "face": {"noseWidth": 0.5}}
    spec.read_head("default:gender=0.3")
    assert given["gender"] == 0.3


def test_a_saved_head_is_read(tmp_path):
    Head.default().save(tmp_path / "mine.npz")
    head = spec.read_head(str(tmp_path / "mine.npz"))
    assert head is not None and head.topology == Head.default().topology


def test_evaluate_tells_whether_sound_and_expression_are_kept_apart(tiny_model, tiny_data, tmp_path, capsys):
    words = [f"a={tiny_model}", tiny_data, "--split", "train", "--clips", 1, "--baselines", "still", "--videos", 0]
    assert cli.main(["evaluate", *map(str, words), "--disentangle", "2", "-o", str(tmp_path)]) == 0
    assert "a: change in mm when the audio" in capsys.readouterr().out
    assert {"disentangle.json", "disentangle.png", "report.json"} <= {path.name for path in tmp_path.iterdir()}
