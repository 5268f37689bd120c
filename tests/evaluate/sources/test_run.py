"""From data sets to a report by source: known systems, film lips, names, page, and errors."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from talkinghead.cli import main
from talkinghead.data.manifest import read_manifest, write_manifest
from talkinghead.data.motion_file import Motion, write_motion
from talkinghead.errors import InputError
from talkinghead.evaluate import evaluate_sources
from talkinghead.evaluate.measures.clip import read_motion_of


@pytest.fixture(scope="module")
def films(vertex_data, tmp_path_factory):
    """The same clips as films whose lips are 80 ms earlier than the recorded motion."""
    folder = tmp_path_factory.mktemp("other") / "films"
    shutil.copytree(vertex_data, folder)
    (folder / "landmarks").mkdir()
    for clip in read_manifest(folder):
        motion = read_motion_of(folder, clip)
        points = np.zeros((len(motion), 478, 3), np.float32)
        points[:, 263, 0] = points[:, 291, 0] = 1
        points[:, 14, 1] = 10 * np.interp(motion.times + 0.08, motion.times, motion.lip_aperture())
        np.savez(folder / f"landmarks/{clip.id}.npz", landmarks=points, fps=motion.fps, size=np.array([100, 100]))
    return folder


def late(audio, motion):
    """The recorded motion, three frames of 40 ms too late."""
    return replace(motion, coefficients=np.concatenate([motion.coefficients[:1].repeat(3, 0), motion.coefficients[:-3]]))


def same(audio, motion):
    return motion


@pytest.fixture(scope="module")
def report(vertex_data, films, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "out"
    how = {"baselines": ("still", "loudness"), "split": "all"}
    return evaluate_sources({"late": late, "same": same}, [f"made={vertex_data}", films], out=out, **how), out


def test_each_source_has_its_own_lag(report):
    told, _ = report
    lags = {name: {source: row["lag"]["value"] for source, row in rows.items()} for name, rows in told["results"].items()}
    assert lags["same"] == {"made": 0, "films": 80} and lags["late"]["made"] == 120
    assert lags["truth"] == {"films": 80}, "recorded motion is not measured beside itself"
    best = told["results"]["same"]["made"]
    assert best["aperture_r"]["value"] == pytest.approx(1) and best["aperture_r"]["low"] <= best["aperture_r"]["high"]
    early = told["results"]["same"]["films"]
    assert early["aperture_r"]["value"] > 0.9 > early["aperture_r_0"]["value"]
    means = [told["results"]["late"][source]["aperture_r"]["value"] for source in ("made", "films")]
    assert told["mean"]["late"]["aperture_r"]["value"] == pytest.approx(np.mean(means))
    assert "still" not in told["results"] and "loudness" in told["results"]


def test_sources_are_described(report):
    made, films = report[0]["sources"].values()
    assert (made["clips"], made["lips_of_film"], films["lips_of_film"]) == (12, 0, 12)
    assert made["speakers"] == ["ann", "bob"] and made["intervals_over"] == "clips"
    assert set(report[0]["per_clip"]["films"]["03"]) == {"speaker", "late", "same", "loudness", "truth"}


def test_report_and_page_on_disk(report):
    told, out = report
    assert json.loads((out / "sources.json").read_text()) == json.loads(json.dumps(told))
    text = (out / "sources.html").read_text()
    assert not re.findall(r"""(?:src|href)=["']?(?!data:|#)\w""", text) and "NaN" not in text
    assert text.count("<polyline") == 2 * 2 * 4, "the worst and the best clip of each source"
    assert "mean of the sources" in text and "nothing is said of other people than ann and bob" in text
    assert "worst of late" in text and "best of late" in text


def test_what_was_measured_is_kept(vertex_data, films, report, monkeypatch):
    from talkinghead.evaluate.sources import measurement

    _, out = report
    monkeypatch.setattr(measurement, "read_recorded_lips", None)  # nothing is read again but what has no name on disk
    again = evaluate_sources([], [f"made={vertex_data}", films], out=out, baselines=("loudness",), split="all")
    assert again["results"]["loudness"] == report[0]["results"]["loudness"]


def test_animations_in_a_folder_for_each_data_set(vertex_data, films, tmp_path):
    for name, scale in (("made", 1), ("films", -1)):
        (tmp_path / "theirs" / name).mkdir(parents=True)
        for clip in read_manifest(films)[:3]:
            motion = read_motion_of(films, clip)
            vertices = motion.head.template + scale * motion.offsets()
            np.save(tmp_path / "theirs" / name / f"{clip.id}.npy", vertices)
    told = evaluate_sources([tmp_path / "theirs"], [f"made={vertex_data}", films], split="all")
    assert told["sources"]["films"]["clips"] == 3 and any("lacks 9 of 12" in note for note in told["notes"])
    r = {source: row["aperture_r"]["value"] for source, row in told["results"]["theirs"].items()}
    assert r["made"] == pytest.approx(1) and r["films"] < 0.5


def test_real_lips_without_motion(films, tmp_path):
    """Curves of a film, or of sensors, are enough: recorded motion that is at rest throughout is no system."""
    folder = tmp_path / "curves"
    shutil.copytree(films, folder)
    clips = {clip.id: clip for clip in read_manifest(folder)}
    for clip in clips.values():
        motion = read_motion_of(films, clip)
        write_motion(
            folder / clip.motion, Motion(motion.fps, offsets=np.zeros((len(motion), 22, 3)), template=motion.head.template)
        )
    told = evaluate_sources({"seen": lambda audio, motion: read_motion_of(films, clips[audio.stem])}, [folder])
    assert list(told["results"]) == ["seen"] and told["results"]["seen"]["curves"]["lag"]["value"] == 80


def test_sources_within_a_data_set_and_few_clips(vertex_data, tmp_path):
    folder = tmp_path / "mixed"
    shutil.copytree(vertex_data, folder)
    clips = [replace(clip, source="tv" if i % 2 else "studio") for i, clip in enumerate(read_manifest(folder))]
    write_manifest(folder, clips)
    told = evaluate_sources({"same": same}, [folder], clips=1)
    assert {name: about["clips"] for name, about in told["sources"].items()} == {"mixed/studio": 1, "mixed/tv": 1}
    assert any("4 of 12 of mixed" in note and "--split all" in note for note in told["notes"])
    assert told["results"]["same"]["mixed/tv"]["aperture_r"]["low"] is None


def test_names_of_data_sets(tmp_path, monkeypatch):
    from talkinghead.evaluate.sources.source import _named

    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    folders = ["link", ".", "a/x", "b/x", "mine=b/x"]
    assert list(_named(folders)) == ["link", tmp_path.name, "a/x", "b/x", "mine"]


def test_command_line(vertex_data, films, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["evaluate", "--sources", f"a={vertex_data}", str(films), "-o", str(out), "--baselines", "loudness"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "aperture r" in shown and "mean of the sources" in shown and str(out / "sources.html") in shown
    assert {"sources.json", "sources.html"} <= {path.name for path in out.iterdir()}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--sources", "{data}", "{data}"], "two data sets have this name"),
        (["--sources", "{data}", "{tmp}"], "manifest.jsonl"),
        (["--sources", "{data}", "--baselines"], "name a system"),
        (["--sources", "{data}", "--emotions", "3"], "--emotions"),
        (["--sources", "{data}", "--disentangle", "3"], "--disentangle"),
    ],
)
def test_bad_arguments_are_one_line(arguments, told, vertex_data, tmp_path, capsys):
    assert main(["evaluate", *(word.format(data=vertex_data, tmp=tmp_path) for word in arguments)]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1 and error.startswith("talkinghead: ")
    assert not list(tmp_path.iterdir())


def test_a_system_that_is_not_there(vertex_data):
    with pytest.raises(InputError, match="no/such"):
        evaluate_sources(["no/such/folder"], [vertex_data])


def test_the_report_goes_to_no_folder_that_is_read(vertex_data, films, tmp_path):
    for clip in read_manifest(films):
        (tmp_path / f"{clip.id}.npy").touch()
    before = sorted(tmp_path.iterdir())
    for out, systems in ((vertex_data, {"same": same}), (tmp_path, [f"mine={tmp_path}"])):
        with pytest.raises(InputError, match="is the input"):
            evaluate_sources(systems, [f"made={vertex_data}", films], out=out, split="all")
    assert sorted(tmp_path.iterdir()) == before and not (vertex_data / "sources.json").exists()
