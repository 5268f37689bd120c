"""Tables of curves as other programs leave them: each is read as the plain one, or refused in one line."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np
import pytest
from strangers import check_damaged, check_made, objects, tables

from talkinghead.errors import InputError, InputWarning
from talkinghead.export import curves
from talkinghead.export.csv import timecode
from talkinghead.io.timecode import read_clock

ROWS = 75
JAW = np.round(0.5 + 0.4 * np.sin(np.arange(ROWS) / 7), 4)


CHANNELS = (("Jaw_Open", JAW), ("mouthClose", np.zeros(ROWS)))


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def label(t, base=30, start=0, comma=":"):
    s = start + t // base
    return f"{s // 3600 % 24:02d}:{s // 60 % 60:02d}:{s % 60:02d}{comma}{t % base:02d}.000"


def plain(
    code=label,
    header="Timecode,BlendShapeCount,JawOpen,MouthClose",
    row="{code},61,{jaw},0",
    rows: Iterable[int] = range(ROWS),
    ends="\n",
):
    return ends.join([header, *(row.format(code=code(t), jaw=JAW[t], t=t) for t in rows)]) + ends


FORMS = {
    "spreadsheet in German": ("\ufeff" + plain().replace(",", ";").replace(".", ",").replace(",000;", ".000;")),
    "semicolons": plain().replace(",", ";"),
    "tabs": plain().replace(",", "\t"),
    "tab named as the separator": "sep=\t\r\n" + plain(ends="\r\n").replace(",", "\t"),
    "carriage returns alone": plain(ends="\r"),
    "time in the last column": plain(lambda t: f"{t / 30:.4f}", "jawOpen,mouthClose,time", row="{jaw},0,{code}"),
    "seconds since 1970": plain(lambda t: f"{1714550000 + t / 30:.3f}", "timestamp,jawOpen", row="{code},{jaw}"),
    "milliseconds since 1970": plain(
        lambda t: f"{1714550000000 + t * 1e3 / 30:.3f}000", "timestamp_ms,jawOpen", "{code},{jaw}"
    ),
    "exponents": plain(lambda t: f"{t / 30:.6e}", "Time (s),headBS.jawOpen", row="{code},{jaw:e}"),
    "numbers and times": plain(lambda t: f"{t / 30:.4f}", "frame,time,JAW_OPEN", row="{t},{code},{jaw}"),
    "empty lines and a note": plain(ends="\n\n") + "# the end\n",
    "separator named": "sep=;\n" + plain().replace(",", ";"),
    "carriage returns": plain(ends="\r\n"),
    "quoted": plain(row='"{code}","61","{jaw}","0"'),
    "blanks after commas": plain().replace(",", ", "),
    "commas at the ends": plain(ends=",\n").removesuffix(",\n"),
    "empty columns": plain(ends=",,,\n"),
    "index of pandas": plain(header=",Timecode,BlendShapeCount,JawOpen,MouthClose", row="{t},{code},61,{jaw},0"),
    "no count": plain(header="Timecode,JawOpen,MouthClose", row="{code},{jaw},0"),
    "count in the spelling of the app": plain(header="timecode,BlendshapeCount,JAWOPEN,mouth_close"),
    "Audio2Face": plain(lambda t: f"{t / 30:.6f}", "timeCode,blendShapes.JawOpen,blendShapes.MouthClose", row="{code},{jaw},0"),
    "MediaPipe": plain(lambda t: f"{t * 1000 / 30:.0f}", "timestamp_ms,_neutral,jawOpen,mouthClose", row="{code},0.1,{jaw},0"),
    "milliseconds that nobody names": plain(lambda t: f"{t * 1000 / 30:.1f}", "time,jawOpen", row="{code},{jaw}"),
    "clock": plain(lambda t: f"00:00:{t / 30:06.3f}", "time,jawOpen", row="{code},{jaw}"),
    "date": plain(lambda t: f"2024-05-01T23:59:{t / 30:06.3f}Z", "timestamp,jawOpen", row="{code},{jaw}"),
    "three decimals": plain(lambda t: f"{t / 30:.3f}", "time,jawOpen", row="{code},{jaw}"),
    "labels of 60": plain(lambda t: label(2 * t, 60)),
    "past midnight": plain(lambda t: label(t, start=86399)),
    "a row a weight": plain(lambda t: f"{t / 30:.5f}", "time,channel,value", "{code},jawOpen,{jaw}\n{code},mouthClose,0"),
    "channel by channel": "\n".join(
        ["blendshape;weight;time", *(f"{name};{w};{t / 30:.5f}" for name, values in CHANNELS for t, w in enumerate(values))]
    ),
}


@pytest.mark.parametrize(("name", "encoding"), [*((name, "utf-8") for name in FORMS), ("tabs", "utf-16")])
@pytest.mark.filterwarnings("ignore::talkinghead.errors.InputWarning")
def test_every_form_is_the_same_motion(name, encoding, tmp_path):
    motion = curves.read(write(tmp_path / "a.csv", FORMS[name], encoding))
    assert (motion.fps, len(motion)) == (30.0, ROWS) and "filled" not in motion.meta
    np.testing.assert_allclose(motion.coefficients[:, motion.head.index("jawOpen")], JAW, atol=1e-6)


def test_drop_frame_timecode(tmp_path):
    """Its first two labels of a minute are missing, and nothing is filled for them; with `;` also within a minute."""
    codes = [label(t, start=58) for t in (*range(60), *range(62, ROWS + 2))]
    for path, text in (
        (tmp_path / "a.csv", plain(lambda t: codes[t])),
        (tmp_path / "b.csv", plain(lambda t: label(t, comma=";"))),
    ):
        motion = curves.read(write(path, text))
        assert motion.fps == pytest.approx(30 / 1.001) and len(motion) == ROWS and "filled" not in motion.meta


def test_lost_frames_are_filled(tmp_path):
    """One with the largest label, one padded with empty cells, and one that is short."""
    lines = plain(rows=[t for t in range(ROWS) if t not in (29, 40, 41)]).splitlines()
    lines[6], lines[9] = label(5) + ",0,,", label(8) + ",0"
    motion = curves.read(write(tmp_path / "a.csv", "\n".join(lines)))
    assert (motion.fps, len(motion), motion.meta["filled"]) == (30.0, ROWS, [5, 8, 29, 40, 41])
    np.testing.assert_allclose(motion.coefficients[:, motion.head.index("jawOpen")], JAW, atol=2e-2)


def test_a_channel_without_a_key_is_between_its_neighbours(tmp_path):
    keys = [f"{t / 30:.5f},jawOpen,{t / 100}" for t in range(31)] + ["0.00000,mouthClose,0.2", "1.00000,mouthClose,0.8"]
    motion = curves.read(write(tmp_path / "a.csv", "\n".join(["time,channel,value", *keys])))
    assert motion.fps == 30 and len(motion) == 31 and "filled" not in motion.meta
    close = motion.coefficients[:, motion.head.index("mouthClose")]
    np.testing.assert_allclose(close, np.linspace(0.2, 0.8, 31), atol=1e-6)
    with pytest.raises(InputError, match=r"line 4: jawOpen at 0.1 is there twice"):
        curves.read(write(tmp_path / "b.csv", "time,channel,value\n0,jawOpen,0\n0.1,jawOpen,0.5\n0.1,jawOpen,0.6\n"))


def test_rows_without_times_need_a_rate(tmp_path):
    for header, row in (("frame,jawOpen", "{t},{jaw}"), ("jawOpen,mouthClose", "{jaw},0")):
        path = write(tmp_path / "a.csv", plain(header=header, row=row, rows=[t for t in range(ROWS) if t != 9]))
        with pytest.raises(InputError, match="--fps"):
            curves.read(path)
        motion = curves.read(path, fps=25)
        assert motion.fps == 25 and len(motion) == (ROWS if "frame" in header else ROWS - 1)


def test_emotions_of_neurosync_are_left_out_with_a_word(tmp_path):
    path = write(tmp_path / "a.csv", plain(header="Timecode,JawOpen,Angry,Sad", row="{code},{jaw},0.3,0"))
    with pytest.warns(InputWarning, match="leaves out Angry, Sad"):
        motion = curves.read(path)
    np.testing.assert_allclose(motion.coefficients[:, motion.head.index("jawOpen")], JAW, atol=1e-6)
    assert curves.shapes(path) == ("jawOpen",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (plain(row="{code},61,{t},0"), "JawOpen is|jawOpen is 74 in frame 74, weights are 0 to 1; they look like percent"),
        (plain(header="Timecode,BlendShapeCount,JawOpen,jaw_open"), "jawOpen is there twice"),
        (plain(row="{code},61,{jaw},0,0"), "line 2: 5 cells, the first line names 4"),
        (plain().replace("0.5,", "0.5x,", 1), "line 2: not a table of curves: jawOpen is '0.5x'"),
    ],
)
def test_what_would_be_a_guess_is_one_line(text, said, tmp_path):
    with pytest.raises(InputError, match=said) as caught:
        curves.read(write(tmp_path / "a.csv", text))
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        {"exportFps": 30.0, "numPoses": 1, "facsNames": ["JawOpen"], "weightMat": [[j] for j in JAW.tolist()]},
        {"names": ["jawOpen"], "frames": [{"weights": [j], "time": t / 30} for t, j in enumerate(JAW.tolist())]},
        {"metadata": {"fps": 30, "blendshape_names": ["jawOpen"]}, "frames": [{"weights": [j]} for j in JAW.tolist()]},
        [{"time": t / 30, "blendShapes": {"jawOpen": j}} for t, j in enumerate(JAW.tolist())],
        {"fps": 30, "blendshapes": {"jawOpen": JAW.tolist(), "mouthClose": [0.0] * ROWS}},
        {"fps": 30, "frames": [[{"categoryName": "jawOpen", "score": j}] for j in JAW.tolist()]},
        [
            {
                "timestamp_ms": round(t * 1000 / 30),
                "faceBlendshapes": [{"categories": [{"categoryName": "jawOpen", "score": j}]}],
            }
            for t, j in enumerate(JAW.tolist())
        ],
    ],
)
def test_json(content, tmp_path):
    motion = curves.read(write(tmp_path / "a.json", json.dumps(content)))
    assert (motion.fps, len(motion)) == (30.0, ROWS)
    np.testing.assert_allclose(motion.coefficients[:, motion.head.index("jawOpen")], JAW, atol=1e-6)


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"frames": [{"weights": [1]}]}', '{"names": ["jawOpen"], "frames": [{"weights": ["x"]}]}']
)
def test_bad_json_is_one_line(content, tmp_path):
    with pytest.raises(InputError, match=r"a\.json"):
        curves.read(write(tmp_path / "a.json", content), fps=30)


@pytest.mark.parametrize(
    ("fps", "rate"), [(14.985, 15 / 1.001), (23.97, 23.97), (23.976, 24 / 1.001), (15.79, 15.79), (5.0, 5.0)]
)
def test_the_rate_of_timecodes_is_the_one_that_they_were_written_with(fps, rate):
    clock = read_clock([timecode(t / fps, fps) for t in range(2000)], None, None)
    assert clock.fps == pytest.approx(rate, rel=1e-6) and clock.frames.tolist() == list(range(2000))


@pytest.mark.parametrize("name", ["live_link", "curves_csv", "audio2face", "beat"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)


def test_tables_and_objects_of_anything_are_read_or_refused_in_a_line(tmp_path):
    check_made(
        "curves_csv",
        tmp_path,
        tables(("time", "timecode", "frame", "jawOpen", "JawLeft", "HeadYaw", "happy", "BlendShapeCount")),
        15,
    )
    check_made(
        "audio2face", tmp_path, objects(("facsNames", "weightMat", "exportFps", "frames", "weights", "time", "jawOpen")), 15
    )
