"""From arguments to a report: figures, resuming, notes, page, films and errors."""

import json
import re

import numpy as np
import pytest

from talkinghead import export
from talkinghead.cli import main
from talkinghead.data.manifest import read_manifest, write_manifest
from talkinghead.errors import InputError
from talkinghead.evaluate import evaluate
from talkinghead.evaluate.table import METRICS


def half(audio, motion):
    """The recorded motion at half its size."""
    from dataclasses import replace

    return replace(motion, coefficients=motion.coefficients / 2, residual=None)


@pytest.fixture(scope="module")
def report(vertex_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "out"
    systems = {"half": half, "same": lambda audio, motion: motion}
    return evaluate(systems, vertex_data, out=out, baselines=("still", "mean", "loudness", "nearest"), videos=1), out


def test_figures_of_known_systems(report, vertex_data):
    found = report[0]["results"]
    assert list(found) == ["truth", "half", "same", "still", "mean", "loudness", "nearest"]
    assert found["same"]["lve"]["value"] == pytest.approx(0, abs=1e-12)
    assert found["half"]["velocity_ratio"]["value"] == pytest.approx(0.5, abs=0.01)
    assert found["half"]["lve_mm"]["value"] == pytest.approx(found["still"]["lve_mm"]["value"] / 2, rel=0.02)
    assert found["half"]["aperture_r"]["value"] == pytest.approx(1, abs=0.01)
    assert found["still"]["velocity_ratio"]["value"] == 0 and "aperture_lag" not in found["still"]
    clips = sum(c.split == "test" for c in read_manifest(vertex_data))
    assert found["half"]["lve"]["clips"] == clips == 4
    assert found["half"]["lve"]["low"] <= found["half"]["lve"]["value"] <= found["half"]["lve"]["high"]


def test_all_splits_and_no_neighbour_that_is_the_clip_itself(tiny_data):
    told = evaluate([], tiny_data, split="all", baselines=("loudness", "nearest"))
    assert told["data"]["clips"] == len(read_manifest(tiny_data))
    assert "nearest" not in told["results"] and any("nearest is left out" in note for note in told["notes"])


def test_emotion_is_read_off_the_motion(report):
    found = report[0]["results"]
    assert found["truth"]["emotion_accuracy"]["value"] == found["same"]["emotion_accuracy"]["value"] == 1
    assert found["still"]["emotion_accuracy"]["value"] == 0.5  # always the same answer


def test_report_on_disk(report):
    told, out = report
    assert json.loads((out / "report.json").read_text()) == json.loads(json.dumps(told))
    assert set(told["metrics"]) <= set(METRICS) and "definition" in told["metrics"]["lve"]
    assert told["vertex_sets"]["lips"] == "6 vertices: region 'lips' of head tiny-vertices above 0.5"
    assert set(told["per_clip"]["half"]) == {"08", "09", "10", "11"}
    assert told["per_clip"]["half"]["08"]["lve"] > 0
    assert not [p.name for p in out.rglob(".*") if p.is_file()]


def test_page_stands_alone(report):
    text = (report[1] / "index.html").read_text()
    assert not re.findall(r"""(?:src|href)=["']?(?!data:|#)\w""", text) and "@import" not in text
    assert (
        text.count("<video") == 1 and text.count("<polyline") == 4 * 2 * 7 and "NaN" not in re.sub(r"base64,[^\"']*", "", text)
    )
    assert all(f"id={key}>" in text for key in report[0]["metrics"])
    assert ">B</text>" in text  # phonemes


def test_film_shows_every_system(report):
    import av

    (path,) = (report[1] / "videos").glob("*.mp4")
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        assert (video.width, video.height) == (4 * 256, 2 * (256 + 26)) and video.frames == 40 and file.streams.audio
        picture = next(file.decode(video)).to_ndarray(format="rgb24")
    assert picture[:26, :256].min() < 100 < 250 < np.median(picture[:26, :256])  # a name, black on white
    assert picture[300:, 3 * 256 :].min() > 240  # seven motions: the eighth place stays empty


def test_names_and_notes_cannot_break_the_page(vertex_data, tmp_path):
    out = tmp_path / "out"
    evaluate({"<script>alert(1)</script>": half}, vertex_data, out=out, videos=0)
    assert "<script>alert" not in (out / "index.html").read_text() and not (out / "videos").exists()


def test_an_interrupted_run_goes_on(tiny_data, tmp_path, monkeypatch):
    from talkinghead.evaluate import measurement
    from talkinghead.evaluate.measures import clip

    out, calls, real = tmp_path / "out", [], clip.measure

    def once(prediction, recorded):
        calls.append(recorded.clip.id)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(prediction, recorded)

    monkeypatch.setattr(measurement, "measure", once)
    with pytest.raises(KeyboardInterrupt):
        evaluate([], tiny_data, out=out, split="train", baselines=("still", "mean"), videos=0)
    assert not (out / "report.json").exists()
    first = evaluate([], tiny_data, out=out, split="train", baselines=("still", "mean"), videos=0)
    assert len(calls) == 2 + 7  # of 8, one was done
    again = evaluate([], tiny_data, out=out, split="train", baselines=("still", "mean"), videos=0)
    assert len(calls) == 9 and json.dumps(again) == json.dumps(first)
    more = evaluate([], tiny_data, out=out, split="train", baselines=("still", "mean", "loudness"), videos=0)
    assert len(calls) == 13 and more["results"]["mean"] == first["results"]["mean"]
    fresh = evaluate([], tiny_data, split="train", baselines=("still", "mean"))
    assert json.dumps(fresh["results"]) == json.dumps(first["results"])


def test_a_model_and_its_samples(tiny_data, tiny_talker, tmp_path):
    tiny_talker.save_pretrained(tmp_path / "net")
    told = evaluate([f"net={tmp_path / 'net'}"], tiny_data, samples=3, baselines=("still",), videos=0)
    net, still = told["results"]["net"], told["results"]["still"]
    assert net["diversity"]["value"] > 0 and net["coverage_error"]["value"] > 0 and "coverage_error" not in still
    assert net["coefficient_mse"]["value"] > 0 and net["lve_mm"]["value"] > 0
    assert any("still" in note for note in told["notes"])
    assert told["systems"]["still"]["deterministic"] and not told["systems"]["net"]["deterministic"]


@pytest.mark.filterwarnings("ignore:.*Unreal and Maya")
def test_animations_of_other_tools(tiny_data, tmp_path):
    from talkinghead.evaluate.measures.clip import read_motion_of

    clips = [c for c in read_manifest(tiny_data) if c.split == "train"]
    for clip in clips[:3]:
        motion = read_motion_of(tiny_data, clip)
        export.save(motion, tmp_path / f"a/{clip.id}.npz")
        export.save(motion, tmp_path / f"b/{clip.id}.csv")
    told = evaluate([tmp_path / "a", tmp_path / "b"], tiny_data, split="train")
    assert told["data"]["clips"] == 3 and any("lacks 1 of 4" in note for note in told["notes"])
    assert told["results"]["a"]["lve_mm"]["value"] == pytest.approx(0, abs=1e-4)
    assert told["results"]["b"]["lve_mm"]["value"] == pytest.approx(0, abs=0.5)  # the rate of a short .csv is a guess


def test_coefficients_without_a_mesh(tmp_path, root):
    from talkinghead.audio.load import load_audio
    from talkinghead.audio.write import write_audio
    from talkinghead.data.manifest import Clip
    from talkinghead.data.motion_file import Motion, write_motion

    wave, names = load_audio(root / "assets/audio/hello.wav")[:32000], ("expression_000", "jaw_x")
    rng, clips = np.random.default_rng(0), []
    for i, split in enumerate(("train", "train", "test")):
        values = rng.normal(size=(50, 2)).astype(np.float32)
        write_audio(tmp_path / f"audio/{i}.flac", wave)
        write_motion(tmp_path / f"motion/{i}.safetensors", Motion(25.0, names, values))
        files = f"audio/{i}.flac", f"motion/{i}.safetensors"
        clips.append(Clip(str(i), *files, "m", split, 2.0, 25.0, "made", annotation="flame"))
    write_manifest(tmp_path, clips)
    told = evaluate([], tmp_path, baselines=("still", "mean", "nearest"), out=tmp_path / "report")
    assert set(told["metrics"]) == {"coefficient_mse"} and any("no mesh" in note for note in told["notes"])
    assert told["results"]["still"]["coefficient_mse"]["value"] == pytest.approx(float((values**2).mean()), rel=1e-5)
    with pytest.raises(InputError, match="flame"):
        evaluate(["default"], tmp_path)


def test_without_librosa_only_the_beats_are_left_out(vertex_data, monkeypatch):
    from talkinghead.evaluate.measures import clip

    real = clip.find_spec
    monkeypatch.setattr(clip, "find_spec", lambda name: None if name == "librosa" else real(name))
    told = evaluate([], vertex_data, baselines=("loudness",), clips=1)
    assert "beat_consistency" not in told["metrics"] and "lve" in told["metrics"]
    assert any("librosa" in note for note in told["notes"])


def test_command_line(vertex_data, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["evaluate", str(vertex_data), "-o", str(out), "--baselines", "still", "mean", "--videos", "0"]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "LVE mm" in shown and "still" in shown and "mean" in shown and str(out) in shown and "4 clips" in shown


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "what to measure on"),
        (["{data}", "--baselines"], "name a system"),
        (["nothing/at/all", "{data}"], "nothing/at/all"),
        (["{tmp}"], "manifest.jsonl"),
        (["{data}", "--split", "val"], "split val"),
        (["{data}", "--clips", "0"], "1 or more"),
        (["{data}", "--lips", "{tmp}/none.txt"], "none.txt"),
        (["{data}", "--annotation", "biwi"], "biwi"),
        (["default", "{data}"], "tiny-vertices"),
        (["{data}", "-o", "{tmp}"], "not a report of ours"),
        (["{data}", "--fps", "0"], "fps"),
        (["still={tmp}", "{data}"], "no animations"),
    ],
)
def test_bad_arguments_are_one_line(arguments, told, vertex_data, tmp_path, capsys):
    (tmp_path / "mine.doc").write_text("do not touch")
    full = [word.format(data=vertex_data, tmp=tmp_path) for word in arguments]
    assert main(["evaluate", *full]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1 and error.startswith("talkinghead: ")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.doc"]
