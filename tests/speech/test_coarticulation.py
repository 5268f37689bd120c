"""Mouths that phonemes move: what must touch touches, in time, and at any frame rate the same."""

import importlib.util
import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.speech import coarticulation as co
from talkinghead.speech import phonemes
from talkinghead.speech.phonemes import PHONES, VOWELS, arpabet

WORDS = "SIL:0.4 M:0.08 AY:0.15 B:0.07 IY:0.12 P:0.06 AA:0.15 F:0.1 EH:0.1 TH:0.1 UW:0.15 SH:0.1 OW:0.15 SIL:0.8"


def spans(text: str = WORDS) -> list[tuple[float, float, str]]:
    out, time = [], 0.0
    for name, length in (part.split(":") for part in text.split()):
        out.append((time, time + float(length), name))
        time += float(length)
    return out


def middle(animation, phone: str) -> int:
    start, end, _ = next(span for span in spans() if span[2] == phone)
    return int((start + end) / 2 * animation.fps)


@pytest.fixture(scope="module")
def spoken():
    return co.speak(spans(), spans()[-1][1], 100)


@pytest.mark.parametrize("fps", [12, 24, 25, 30, 60])
def test_lips_shut_at_every_bilabial_and_open_at_every_open_vowel(fps):
    """At any frame rate a frame shows them shut, even between short vowels."""
    made = spans("SIL:0.31 M:0.05 AY:0.08 M:0.05 AA:0.08 B:0.04 AE:0.08 P:0.05 AA:0.1 SIL:0.4")
    animation = co.speak(made, made[-1][1], fps)
    aperture, times = animation.lip_aperture() * 1000, animation.times
    for start, end, name in made:
        if name in phonemes.BILABIALS:
            near = np.abs(times - (start + end) / 2) <= max(0.5 / fps + 1e-6, 0.02)
            assert aperture[near].min() < 1.0, (name, start)
        elif name != "SIL" and fps >= 50:
            assert aperture[(times > start) & (times < end)].max() > 2.0, (name, start)


def test_lips_that_shut_are_shut_at_the_middle_of_the_sound(spoken):
    aperture = spoken.lip_aperture() * 1000
    shut = np.flatnonzero((aperture < 1.0) & (spoken.times > 0.6) & (spoken.times < 0.75))
    start, end, _ = next(span for span in spans() if span[2] == "B")
    assert abs(spoken.times[shut].mean() - (start + end) / 2) < 0.02


def test_vowels_differ_as_they_do_in_people(spoken):
    aperture, width = spoken.lip_aperture() * 1000, spoken.lip_width() * 1000
    assert aperture[middle(spoken, "AA")] > aperture[middle(spoken, "UW")] + 2
    assert aperture[middle(spoken, "AY")] > 4
    assert width[middle(spoken, "IY")] > width[middle(spoken, "UW")] + 1
    pucker = spoken.coefficients[:, spoken.head.index("mouthPucker")]
    assert pucker[middle(spoken, "UW")] > pucker[middle(spoken, "AA")] + 0.1


def test_lower_lip_goes_under_the_teeth_and_tongue_between_them(spoken):
    rolled = spoken.coefficients[:, spoken.head.index("mouthRollLower")]
    tongue = spoken.coefficients[:, spoken.head.index("tongueOut")]
    assert rolled[middle(spoken, "F")] > 0.4 > 0.1 > rolled[middle(spoken, "AA")]
    assert tongue[middle(spoken, "TH")] > 0.5 and tongue[middle(spoken, "AA")] < 0.1


def test_lips_lead_the_sound(spoken):
    """The mouth moves before the first sound of /ay/ after a pause."""
    animation = co.speak(spans("SIL:0.6 AY:0.2 SIL:0.6"), 1.4, 100)
    aperture = animation.lip_aperture()
    assert aperture[:20].max() < 1e-4  # 0.4 s before
    assert aperture[59] > 0.1 * aperture.max()


def test_weights_are_weights_and_smooth(spoken):
    assert spoken.coefficients.min() >= 0 and spoken.coefficients.max() <= 1
    speed = np.abs(np.diff(spoken.lip_aperture())) * spoken.fps
    assert speed.max() < 0.35  # m/s; speakers' lips do 0.1 to 0.3
    moved = {name for i, name in enumerate(spoken.head.names) if spoken.coefficients[:, i].any()}
    assert moved <= co.NAMES
    close, jaw = (spoken.coefficients[:, spoken.head.index(name)] for name in ("mouthClose", "jawOpen"))
    assert (close <= jaw + 1e-6).all()


def test_frame_rates_agree():
    slow, fast = (co.speak(spans(), spans()[-1][1], fps) for fps in (50, 150))
    same = fast.coefficients[1::3][: len(slow)]  # frame t of 50 Hz is shown at frame 3t + 1 of 150
    assert np.abs(same - slow.coefficients).max() < 0.15  # but where a closure is widened to be seen
    assert np.abs(same - slow.coefficients).mean() < 1e-3


def test_long_recordings_are_made_of_short_ones():
    """Phonemes far away change nothing, so blocks of frames see only those around them."""
    once = spans()
    length = once[-1][1]
    many = [(a + i * length, b + i * length, p) for i in range(12) for a, b, p in once]
    long, short = co.speak(many, 12 * length, 50), co.speak(once, length, 50)
    part = slice(round(5 * length * 50), round(5 * length * 50) + len(short))
    t = long.times[part] - 5 * length
    expected = np.interp(t, short.times, short.lip_aperture())
    assert np.abs(long.lip_aperture()[part] - expected)[5:-5].max() < 1e-3


def test_silence_rests():
    assert co.speak([], 2.0, 30).lip_aperture().max() < 1e-4
    after = co.speak(spans("AA:0.3 SIL:2"), 2.3, 50).lip_aperture()
    assert after[-50:].max() < 2e-4


@pytest.mark.parametrize("pause", [0.2, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("sides", ["AA:0.2 {} AY:0.2", "S:0.1 {} EY:0.2", "SH:0.12 {} UW:0.15", "IY:0.2 {} B:0.1 AA:0.2"])
def test_lips_meet_in_pauses(pause, sides):
    spoken = co.speak(spans(sides.format(f"SIL:{pause}")), spans(sides.format(f"SIL:{pause}"))[-1][1], 100)
    start = 0.2 if sides[:2] in ("AA", "IY") else 0.1 if sides[0:2] == "S:" else 0.12
    aperture, times = spoken.lip_aperture(), spoken.times
    middle = (times > start + 0.42 * pause) & (times < start + 0.55 * pause)
    assert aperture[middle].max() < 1e-3 and aperture[np.abs(times - start + 0.03).argmin()] > 1e-3


def test_a_clip_begins_and_ends_at_rest():
    made = spans("SIL:0.15 HH:0.06 AH:0.08 L:0.08 OW:0.2 SIL:0.2")
    aperture = co.speak(made, made[-1][1], 50).lip_aperture()
    assert aperture[[0, -1]].max() < 1e-3 and aperture.max() > 3e-3
    cut = co.speak(made[1:-1], made[-2][1], 50).lip_aperture()  # what begins and ends in speech is not shut by force
    assert cut[-1] > 1e-3
    hold = co.speak(spans("AA:0.3 SIL:0.01"), 0.31, 50).lip_aperture()
    assert np.abs(np.diff(hold)).max() < 4e-3  # a pause of half a frame does not slam the mouth


@pytest.mark.parametrize("vowel", VOWELS)
def test_every_vowel_opens(vowel):
    made = spans(f"SIL:0.4 T:0.08 {vowel}:0.16 D:0.08 SIL:0.4")
    aperture = co.speak(made, made[-1][1], 50).lip_aperture()
    assert 1.5e-3 < aperture[28] < 16e-3


@pytest.mark.parametrize("round_one", ["UW", "OW", "W", "R", "SH", "CH"])
def test_round_ones_are_narrow(round_one):
    def width(phone):
        made = spans(f"SIL:0.4 EH:0.1 {phone}:0.12 EH:0.1 SIL:0.4")
        return co.speak(made, made[-1][1], 50).lip_width()[28] * 1000

    assert width(round_one) < width("N") - (3 if round_one in ("UW", "W", "OW") else 1.5)


def test_loudness_is_that_of_the_recording():
    wave = np.concatenate([np.full(8000, 1e-4), np.sin(np.arange(8000))]).astype(np.float32)
    loudness = co.loudness_of(wave)
    assert len(loudness) == 100
    assert loudness[10:40].max() < -2.9 and np.abs(loudness[60:90]).max() < 0.1
    assert np.allclose(co.loudness_of(wave * 0.1)[60:90], loudness[60:90], atol=1e-6)  # only the recording's own level counts
    quiet, loud = (co.speak(spans(), 2.5, 50, loudness=np.full(250, level)) for level in (-1.5, 0.5))
    assert loud.lip_aperture().mean() > 0 and not np.array_equal(quiet.coefficients, loud.coefficients)


def test_names_of_phonemes():
    others = "AH0:AH ih1:IH sil:SIL :SIL spn:SIL ax:AH dx:D h#:SIL bcl:B tʃ:CH aɪ:AY ɑː:AA ɫ:L tʰ:T e:EY"
    assert all(arpabet(other) == name for other, name in (pair.split(":") for pair in others.split()))
    assert {arpabet(name) for name in PHONES} == set(PHONES) == set(co.model().phones)
    assert all(arpabet(name.lower()) == name for name in PHONES)
    with pytest.raises(InputError, match="'xyz' is not known"):
        arpabet("xyz")


@pytest.mark.parametrize(
    ("phones", "seconds", "told"),
    [
        ([(0.0, 0.5, "AA"), (0.2, 0.4, "B")], 1.0, "must not go back"),
        ([(0.0, float("nan"), "AA")], 1.0, "must not go back"),
        ([(0.0, 0.5, "QQ")], 1.0, "not known"),
        ([], 0.0, "must be positive"),
    ],
)
def test_bad_phonemes_are_told(phones, seconds, told):
    with pytest.raises(InputError, match=told):
        co.speak(phones, seconds)


def test_strength_opens_vowels_and_keeps_closures():
    still, usual, strong = (co.speak(spans(), spans()[-1][1], 100, strength=value) for value in (0, 1, 2))
    apertures = [animation.lip_aperture() for animation in (still, usual, strong)]
    assert apertures[2].max() > 1.5 * apertures[1].max() and apertures[0].max() < 5e-3
    assert all(aperture[middle(usual, "B")] < 1e-3 for aperture in apertures)
    with pytest.raises(InputError, match="strength"):
        co.speak([], 1.0, strength=4)


def test_heads_without_jaw_are_told():
    head = Head.default()
    bare = replace(head, names=tuple(f"x{i}" for i in range(len(head.names))))
    with pytest.raises(InputError, match="no shape jawOpen"):
        co.speak(spans(), 1.0, head=bare)


def test_tables_are_read_as_written(tmp_path):
    model = co.model()
    assert model.provenance["licence"] == "CC BY 4.0" and "GRID" in model.provenance["source"]
    model.save(tmp_path / "again.json")
    again = co.Coarticulation.load(tmp_path / "again.json")
    assert all(np.array_equal(getattr(again, name), getattr(model, name)) for name in ("response", "loud", "level"))
    assert (again.step, again.phones, again.provenance) == (model.step, model.phones, model.provenance)
    for content in ("", "[]", "{}", json.dumps({"version": co.VERSION, "channels": list(co.CHANNELS), "phones": {}})):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(InputError, match=r"bad\.json"):
            co.Coarticulation.load(tmp_path / "bad.json")


@pytest.fixture(scope="module")
def tool(root):
    spec = importlib.util.spec_from_file_location("fit_coarticulation", root / "tools/train/fit_coarticulation.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look for their annotations
    spec.loader.exec_module(module)
    return module


def seen(tool, made, animation):
    """A clip as the fit sees it."""
    columns = [tool.columns(animation.head, name) for name in co.CHANNELS]
    shapes = np.stack([animation.coefficients[:, column].mean(1) for column in columns], 1)
    segments = co.segments_of(made, made[-1][1], np.full(2000, -0.5))
    return tool.Seen(animation.times, animation.fps, shapes.astype(np.float64), segments)


def test_what_is_fitted_is_what_is_played(tool):
    """The sums of the tool's regression and the curves that ship are the same on the tool's frames."""
    model, made = co.model(), spans()
    clip = seen(tool, made, co.speak(made, made[-1][1], 25))
    steps = tool.lags_of(tool.tracks(clip), 25.0).reshape(len(clip.times), model.response.shape[1], -1)
    width = tool.features().shape[1]
    expected = np.einsum("tlp,plc->tc", steps[:, :, width + 2 :], model.response[:-1])
    expected += np.einsum("tlk,klc->tc", steps[:, :, width : width + 2], model.loud)
    found = model.curves(clip.segments, clip.times)
    assert np.abs(expected).max() > 0.1 and np.abs(found - expected).max() < 0.02


def test_the_fit_finds_how_far_a_jaw_opens(tool):
    """Made-up motion with known openings; a phoneme that is not in it moves like those of its class."""
    rng, clips, jaw = np.random.default_rng(0), [], co.CHANNELS.index("jawOpen")
    opening = {"AA": 0.3, "IY": 0.1, "UW": 0.06, "S": 0.02, "N": 0.08, "EH": 0.2, "T": 0.05}
    for _ in range(30):
        names = rng.choice([*opening], 10)
        made = spans(" ".join(["SIL:0.3", *(f"{n}:{rng.uniform(0.06, 0.2):.3f}" for n in names), "SIL:0.3"]))
        clip = seen(tool, made, co.speak(made, made[-1][1], 25))
        now = np.searchsorted(clip.segments.end, clip.times).clip(0, len(made) - 1)
        clip.shapes[:] = 0
        clip.shapes[:, jaw] = [opening.get(made[k][2], 0.0) for k in now]
        clips.append(clip)
    fitted = tool.fit(clips, {})
    held = fitted.response[:, :, jaw].sum(1) + fitted.loud[0, :, jaw].sum() * 0
    heard = [PHONES.index(p) for p in opening]
    assert np.corrcoef(held[heard], list(opening.values()))[0, 1] > 0.95
    assert held[PHONES.index("AE")] > held[PHONES.index("IH")] > held[PHONES.index("Z")] and held[-1] == 0
    assert not np.abs(fitted.response[:, :, jaw]).max() > 1


def test_openings_do_not_add_up_without_end():
    curves = np.zeros((3, len(co.CHANNELS)))
    curves[:, co.CHANNELS.index("jawOpen")] = [0.1, 0.3, 0.9]
    out = co.limited(curves)[:, co.CHANNELS.index("jawOpen")] * co.PARTS["jawOpen"]
    assert out[0] == pytest.approx(3.4) and 8 < out[1] < 10.2 and out[1] < out[2] <= co.TUNING.widest
