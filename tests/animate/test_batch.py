"""Many recordings: what is written, what is not done again, what fails. The model is tiny."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import pytest

from talkinghead import Animation, cli
from talkinghead.animate import batch
from talkinghead.animate.batch import animate_all
from talkinghead.animate.lists import read_items
from talkinghead.animate.report import Report, read_report
from talkinghead.animate.settings import AnimateSettings, RenderSettings
from talkinghead.audio.load import load_audio
from talkinghead.audio.write import write_audio
from talkinghead.errors import InputError


@pytest.fixture(scope="module")
def model(tiny_talker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    tiny_talker.save_pretrained(folder)
    return folder


@pytest.fixture
def recordings(sample, tmp_path):
    """a/x.flac and b/x.flac, a sound at the top with a video's name beside it, and one that is none."""
    wave = load_audio(sample)
    for i, name in enumerate(("a/x", "b/x", "y")):
        path = tmp_path / "in" / f"{name}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_audio(path, wave[i * 8000 : i * 8000 + 12000])
    (tmp_path / "in" / "notes.md").write_text("not a sound")
    (tmp_path / "in" / ".hidden.wav").write_text("nor this")
    return tmp_path / "in"


def times(folder):
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*.*") if p.name != "batch.json"}


def content(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.*") if p.name != "batch.json"}


def test_every_recording_becomes_what_a_single_run_makes_of_it(recordings, model, tmp_path):
    out = tmp_path / "out"
    report = animate_all(recordings, out, formats=("npz", "csv"), model=model, settings=AnimateSettings(seed=3), progress=False)
    assert (report["animated"], report["skipped"], report["failed"]) == (3, 0, {})
    assert json.loads((out / "batch.json").read_text()) == report
    assert set(times(out)) == {f"{name}.{s}" for name in ("a/x", "b/x", "y") for s in ("npz", "csv")}
    words = ["animate", recordings / "b/x.flac", "-o", tmp_path / "x.npz", "--model", model, "--seed", 3]
    assert cli.main([str(word) for word in words]) == 0
    assert (tmp_path / "x.npz").read_bytes() == (out / "b/x.npz").read_bytes()


def test_what_is_done_is_not_done_again(recordings, model, tmp_path):
    out, how = tmp_path / "out", {"model": model, "progress": False}
    animate_all(recordings, out, **how)
    first = times(out)
    assert animate_all(recordings, out, **how)["skipped"] == 3 and times(out) == first
    report = animate_all(recordings, out, formats=("npz", "mp4"), drawing=RenderSettings((32, 32)), **how)
    assert report["animated"] == 3 and {k: v for k, v in times(out).items() if k in first} == first  # only the videos
    write_audio(recordings / "y.flac", load_audio(recordings / "y.flac")[:8000])
    assert animate_all(recordings, out, **how)["animated"] == 1
    assert {name for name, at in times(out).items() if first.get(name, at) != at} == {"y.npz"}
    (out / "a/x.npz").unlink()
    assert animate_all(recordings, out, **how)["animated"] == 1
    assert animate_all(recordings, out, settings=AnimateSettings(seed=1), **how)["animated"] == 3
    report = animate_all(recordings / "a", out, **how)  # another folder into the same one
    assert report["animated"] == 1 and set(report["done"]) == {"a/x", "b/x", "x", "y"}


@pytest.mark.parametrize(("engine", "workers"), [("local", 2), ("ray", 1)])
def test_workers_write_the_same(recordings, tmp_path, engine, workers, request):
    """With the model that ships: workers start without torch."""
    if engine == "ray":
        request.getfixturevalue("cluster")
    animate_all(recordings, tmp_path / "one", progress=False)
    report = animate_all(recordings, tmp_path / "two", progress=False, workers=workers, engine=engine)
    assert report["animated"] == 3 and content(tmp_path / "one") == content(tmp_path / "two")


def test_what_fails_is_told_and_stops_nothing(recordings, model, tmp_path, capsys):
    (recordings / "bad.wav").write_bytes(b"RIFF")
    words = ["animate", recordings, "-o", tmp_path / "out", "--model", model]
    assert cli.main([str(word) for word in words]) == 2
    out, err = capsys.readouterr()
    assert "failed   bad: " in out and "3 animated, 0 there already, 1 failed" in out
    assert err.count("\n") == 1 and "1 of 4 recordings failed, the first: bad: " in err
    report = json.loads((tmp_path / "out" / "batch.json").read_text())
    assert set(report["failed"]) == {"bad"} and set(report["done"]) == {"a/x", "b/x", "y"}
    shutil.copy(recordings / "y.flac", recordings / "bad.wav")
    assert cli.main([str(word) for word in words]) == 0
    assert "1 animated, 3 there already, 0 failed" in capsys.readouterr().out


def test_an_interrupted_run_goes_on(recordings, model, tmp_path, monkeypatch):
    out, animate, seen = tmp_path / "out", batch._animate, []

    def interrupted(name, *rest):
        seen.append(name)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return animate(name, *rest)

    monkeypatch.setattr(batch, "_animate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        animate_all(recordings, out, model=model, progress=False)
    report = animate_all(recordings, out, model=model, progress=False)
    assert (report["animated"], report["skipped"]) == (1, 2)


def test_a_list_says_how_each_is_spoken(recordings, model, tmp_path):
    table = recordings / "list.csv"
    table.write_text("audio,seed,style,output\na/x.flac,7,,\nb/x.flac,,b,other/name.npz\nb/x.flac,,,again\nnone.wav,,,\n")
    report = animate_all(table, tmp_path / "out", model=model, progress=False)
    assert set(report["done"]) == {"a/x", "again", "other/name"}
    assert "none.wav: no such file" in report["failed"]["none"]["reason"]
    meta = {name: Animation.load(tmp_path / "out" / f"{name}.npz").meta for name in report["done"]}
    assert meta["a/x"]["seed"] == 7 and meta["again"]["seed"] == 0
    assert meta["other/name"]["style"] == "b" and meta["again"]["style"] is None


def test_a_list_says_how_each_feels(recordings, model, tmp_path):
    """Curve files lie beside the list, and one that was edited, and only that, is looked at again."""
    curve, table, out = recordings / "moods" / "rise.csv", recordings / "list.csv", tmp_path / "out"
    curve.parent.mkdir()
    curve.write_text("time,happy\n0,0\n0.5,0.8\n")
    table.write_text(
        "audio,emotion,intensity,expressiveness,upper_face\n"
        "a/x.flac,moods/rise.csv,0.5,,\nb/x.flac,happiness:0.6 sad:0.2,,1.5,0\ny.flac,auto,,,\n"
    )
    animate_all(table, out, model=model, progress=False)
    meta = {name: Animation.load(out / f"{name}.npz").meta for name in ("a/x", "b/x", "y")}
    assert meta["a/x"]["emotion"]["keys"][1] == {"time": 0.5, "emotion": {"happy": 0.8}}
    assert meta["a/x"]["emotion"]["intensity"] == 0.5 and meta["a/x"]["expressiveness"] == 1
    assert (meta["b/x"]["expressiveness"], meta["b/x"]["upper_face"]) == (1.5, 0) and meta["y"]["emotion"]["found"]
    words = ["animate", recordings / "a/x.flac", "-o", tmp_path / "x.npz", "--model", model]
    assert cli.main([str(word) for word in (*words, "--emotion", curve, "--intensity", 0.5)]) == 0
    assert (tmp_path / "x.npz").read_bytes() == (out / "a/x.npz").read_bytes()
    os.utime(curve, (0, 0))
    assert animate_all(table, out, model=model, progress=False)["animated"] == 0
    status = curve.stat()
    curve.write_text("time,happy\n0,0\n0.5,0.7\n")
    os.utime(curve, ns=(status.st_atime_ns, status.st_mtime_ns))  # neither size nor time tell
    first = times(out)
    assert animate_all(table, out, model=model, progress=False)["animated"] == 1
    assert {name for name, at in times(out).items() if first[name] != at} == {"a/x.npz"}


def test_one_emotion_for_all(recordings, model, tmp_path, monkeypatch):
    (tmp_path / "mood.json").write_text('[{"time": 0, "emotion": "sad"}]')
    monkeypatch.chdir(tmp_path)  # the curve is looked for from here, wherever workers start
    animate_all(recordings / "a", tmp_path / "out", model=model, settings=AnimateSettings(emotion="mood.json"), progress=False)
    assert Animation.load(tmp_path / "out" / "x.npz").meta["emotion"]["keys"] == [{"time": 0.0, "emotion": {"sad": 1.0}}]
    with pytest.raises(InputError, match="did you mean 'sad'"):
        animate_all(recordings, tmp_path / "out", model=model, settings=AnimateSettings(emotion="sda"), progress=False)


def test_lists_of_all_kinds_name_the_same(recordings, tmp_path):
    (recordings / "a.txt").write_text("# comment\n\na/x.flac\nb/x.flac\n")
    (recordings / "a.jsonl").write_text('{"audio": "a/x.flac", "intensity": 0.5}\n{"audio": "b/x.flac", "seed": 3}\n')
    assert [item.name for item in read_items(recordings / "a.txt")] == ["a/x", "b/x"]
    found = read_items(recordings / "a.jsonl")
    assert [item.changes for item in found] == [{"intensity": 0.5}, {"seed": 3}]
    (tmp_path / "lists").mkdir()
    absolute = "".join(f"{path}\n" for path in sorted(recordings.rglob("x.flac")))
    (tmp_path / "lists" / "b.txt").write_text(absolute)
    assert [(item.name, item.audio) for item in read_items(tmp_path / "lists" / "b.txt")] == [
        ("a/x", recordings / "a/x.flac"),
        ("b/x", recordings / "b/x.flac"),
    ]


def test_names_do_not_collide(recordings):
    shutil.copy(recordings / "y.flac", recordings / "y.wav")
    assert [item.name for item in read_items(recordings)] == ["a/x", "b/x", "y.flac", "y.wav"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "audio,emotoin\nx.wav,sad\n", "a.csv, line 2: unknown column 'emotoin'; did you mean 'emotion'"),
        ("a.csv", "path\nx.wav\n", "a.csv, line 2: unknown column 'path'"),
        ("a.csv", "audio,seed\nx.wav,one\n", "line 2: seed is 'one', a number"),
        ("a.csv", "audio,seed\n,1\n", "line 2: no audio"),
        ("a.csv", "audio,seed\nx.wav,1,2\n", "line 2: 3 cells, the first line names 2"),
        ("a.csv", "audio,output\nx.wav,../out\n", "must be a name inside the folder"),
        ("a.csv", "audio,output\nx.wav,/etc/out\n", "must be a name inside the folder"),
        ("a.csv", "audio\nx.wav\nx.wav\n", "lines 2 and 3: both would write x"),
        (
            "a.csv",
            "audio,emotion\nx.wav,sad\ny.wav,hapy\n",
            "a.csv, line 3: emotion 'hapy' is not known; did you mean 'happy'?",
        ),
        ("a.csv", "audio,emotion\nx.wav,moods/none.csv\n", "moods/none.csv: no such file"),
        ("a.csv", "audio,intensity\nx.wav,1.5\n", "line 2: intensity is 1.5: choose 0"),
        ("a.jsonl", '{"audio": "x.wav"}\n{"audio": 3}\n', "line 2: no audio"),
        ("a.jsonl", '{"audio": "x.wav"\n', "cannot be read as jsonl"),
        ("a.jsonl", '["x.wav"]\n', "line 1"),
        ("a.txt", "# nothing\n", "lists no recordings"),
        ("a.list", "x.wav\n", ".txt, .csv, .jsonl"),
    ],
)
def test_a_list_that_is_wrong_is_told_before_any_work(name, text, said, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as raised:
        read_items(tmp_path / name)
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_a_report_of_others_is_left_alone(recordings, model, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "batch.json").write_text("[1, 2]")
    with pytest.raises(InputError, match="not a report of talkinghead"):
        animate_all(recordings, tmp_path / "out", model=model, progress=False)
    assert (tmp_path / "out" / "batch.json").read_text() == "[1, 2]"


def test_a_recording_cannot_take_the_place_of_the_report(recordings, model, tmp_path):
    (recordings / "list.csv").write_text("audio,output\ny.flac,batch\n")
    with pytest.raises(InputError, match="is the report of a run"):
        animate_all(recordings / "list.csv", tmp_path / "out", formats=("json",), model=model, progress=False)


def test_the_head_counts(recordings, model, tmp_path):
    from talkinghead.head.head import Head

    head, how = Head.default(), {"model": model, "progress": False}
    replace(head, texture=None, identity={}).save(tmp_path / "mine.npz")
    (tmp_path / "list.csv").write_text("audio,head\nin/a/x.flac,mine.npz\nin/y.flac,nobody.npz\n")
    report = animate_all(tmp_path / "list.csv", tmp_path / "listed", **how)
    assert report["animated"] == 1 and "nobody.npz: no such file" in report["failed"]["in/y"]["reason"]
    animate_all(recordings / "a", tmp_path / "out", **how)
    mine = str(tmp_path / "mine.npz")
    assert animate_all(recordings / "a", tmp_path / "out", head=mine, **how)["animated"] == 1
    os.utime(tmp_path / "mine.npz", (0, 0))  # as if it were another
    assert animate_all(recordings / "a", tmp_path / "out", head=mine, **how)["animated"] == 1


# Nothing of the user's is destroyed


def test_no_output_is_the_list_or_what_it_names(recordings, model, tmp_path):
    """The list, a head, a curve, whatever a line names, and files of other lines."""
    (recordings / "feel.csv").write_text("time,happy\n0,0\n1,1\n")
    table = recordings / "y.csv"
    table.write_text("audio,emotion,output\ny.flac,feel.csv,y\n")
    before = content(recordings)
    for lines in ("y.flac,feel.csv,y", "y.flac,feel.csv,feel", "b/x.flac,,y"):
        table.write_text(f"audio,emotion,output\n{lines}\n")
        with pytest.raises(InputError, match="is the input"):
            animate_all(table, recordings, formats=("csv",), model=model, progress=False)
    assert {**content(recordings), "y.csv": b""} == {**before, "y.csv": b""}
    assert not (recordings / "batch.json").exists()


def test_files_that_no_run_has_written_stay(recordings, model, tmp_path):
    out = tmp_path / "out"
    (out / "a").mkdir(parents=True)
    (out / "a" / "x.npz").write_bytes(b"years of work")
    report = animate_all(recordings, out, model=model, progress=False)
    assert "a/x.npz: is there, and no run has written it" in report["failed"]["a/x"]["reason"]
    assert report["animated"] == 2 and (out / "a" / "x.npz").read_bytes() == b"years of work"
    (recordings / "y.flac").write_bytes(b"fLaC")
    assert set(animate_all(recordings, out, model=model, progress=False)["failed"]) == {"a/x", "y"}
    write_audio(recordings / "y.flac", load_audio(recordings / "b/x.flac"))
    assert animate_all(recordings, out, model=model, progress=False)["animated"] == 1  # its old file is known as ours


def test_two_runs_into_one_folder_know_of_each_other(tmp_path):
    one, two = Report(tmp_path), Report(tmp_path)
    one.begin("a", ["a.npz"], {"audio": "a.wav", "files": {"a.npz": "1"}})
    two.begin("b", ["b.npz"], {"audio": "b.wav", "files": {"b.npz": "2"}})
    one.write()
    two.write()
    assert read_report(tmp_path) == ({}, ["a.npz", "b.npz"])
    one.finished("a")
    one.write()
    two.failed("b", "b.wav", "no sound")
    two.write()
    done, begun = read_report(tmp_path)
    assert (list(done), begun) == (["a"], [])
