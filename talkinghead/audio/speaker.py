"""Sex and age of who speaks, from pitch and resonances: a guess for a face that suits a voice, not a fact about a person.

Pitch and the length of the vocal tract tell the sexes of adults apart [C]; before puberty they hardly differ [F]. Age shows
little: the pitch of men is lowest at about 45 [H], that of women falls slowly [N], and people of one age differ more than
ages do, so the age that is given is mostly that of people at large. Nothing is heard of health, origin or looks. A voice that
is trained, disguised, ill, whispered or sung, a transgender voice, and a telephone's band are misjudged.

Bayes' rule over sex and age; pitch (semitones) and length are normal about the means of each. n samples at 16 kHz, N frames.

[C] Hillenbrand, Clark 2009, The role of f0 and formant frequencies in distinguishing the voices of men and women.
    Attention, Perception & Psychophysics 71.
[F] Fitch, Giedd 1999, Morphology and development of the human vocal tract. JASA 106.
[H] Hollien, Shipp 1972, Speaking fundamental frequency and chronologic age in males. J. Speech and Hearing Research 15.
[N] Nishio, Niimi 2008, Changes in speaking fundamental frequency characteristics with aging. Folia Phoniatr. Logop. 60.
[R] Reby, McComb 2003, Anatomical constraints generate honesty: formants of a tube of even width. Animal Behaviour 65.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talkinghead.audio.clock import MOMENTS, RATE
from talkinghead.audio.prosody import Prosody, prosody
from talkinghead.audio.waveform import Waveform

LONGEST = 60.0  # seconds that are listened to
LEAST = 0.5  # seconds of voice below which nothing is told
AGES = np.arange(11, 91)  # years
# Prior of an age: nearly that of `identity.draw_person`, with some children and some of the old.
PRIOR = np.interp(AGES, (11, 17, 18, 28, 75, 90), (0.08, 0.08, 0.2, 1.0, 0.12, 0.03))
# Hz at ages: men as in [H], women fall as in [N]; boys and girls before puberty alike.
PITCH = {
    "female": np.interp(AGES, (11, 16, 25, 45, 65, 90), (240.0, 222.0, 205.0, 198.0, 190.0, 188.0)),
    "male": np.interp(
        AGES, (11, 15, 25, 35, 45, 55, 65, 75, 85), (240.0, 135.0, 119.5, 112.2, 107.1, 113.0, 118.0, 132.1, 146.3)
    ),
}
SPREAD = 2.9  # semitones between people of one sex and age
# Metres, as `vocal_tract` measures 120 readers of LibriSpeech, longer than pictures show; children are shorter [F].
TRACT = {"female": 0.158, "male": 0.179}
CHILD, TRACT_SPREAD = 0.89, 0.0085
MISSED, MISSED_SPREAD = 0.2, 0.03  # share of lengths that are wrong, as a formant was missed, and how far these lie apart
SOUND = 350.0  # metres a second in warm, moist air
BAND, ORDER, FRAME = 10_000, 12, 300  # Hz, and samples of a frame at it: five formants below 5 kHz
FORMANTS = (200.0, 4800.0, 500.0)  # Hz: lowest, highest, and the widest band of what is a formant
FRAMES = 200  # that are measured at most
UNSURE = (0.25, 0.75)  # probabilities between which a voice is neither clearly a woman's nor a man's


@dataclass(frozen=True)
class Speaker:
    """male: probability in [0, 1]. age: years, mean; ages: between which four of five chances lie. pitch: Hz, tract: metres, or
    None, where too little is heard. seconds: of voice.
    """

    male: float
    age: float
    ages: tuple[float, float]
    pitch: float | None
    tract: float | None
    seconds: float

    @property
    def gender(self) -> float:
        """0 (female) to 1 (male) of a face: one of them where the voice tells, in between where it does not."""
        return float(np.clip((self.male - UNSURE[0]) / (UNSURE[1] - UNSURE[0]), 0, 1))

    def summary(self) -> str:
        """The guess in one line."""
        if self.pitch is None:
            return f"{self.seconds:.1f} s of voice tell nothing of who speaks"
        sure, who = max((self.male, "man"), (1 - self.male, "woman"))
        return f"sounds like a {who} ({100 * min(sure, 0.99):.0f} % sure) of {self.ages[0]:.0f} to {self.ages[1]:.0f} years"


def speaker(wave: np.ndarray | Waveform) -> Speaker:
    """The guess for (n,) samples of one voice; of a long recording, for its first minute."""
    sound = Waveform.of(wave)
    samples = sound.samples(0, min(len(sound), round(LONGEST * RATE)))
    heard = prosody(samples)
    voiced = (heard.pitch > 0) & (heard.speaking > 0.5)
    seconds = float(voiced.sum() / MOMENTS)
    pitch = tract = None
    if seconds >= LEAST:
        pitch = float(np.median(heard.pitch[voiced]))
        tract = vocal_tract(samples, heard)
    odds = _odds(pitch, tract)
    ages = odds.sum(0)
    low, high = np.interp((0.1, 0.9), np.cumsum(ages), AGES)
    return Speaker(float(odds[1].sum()), float(ages @ AGES), (float(low), float(high)), pitch, tract, seconds)


def _odds(pitch: float | None, tract: float | None) -> np.ndarray:
    """(2, A) probability of each sex, female first, and age."""
    odds = np.stack([PRIOR, PRIOR])
    if pitch is not None:
        for row, sex in enumerate(("female", "male")):
            odds[row] *= np.exp(-0.5 * (12 * np.log2(pitch / PITCH[sex]) / SPREAD) ** 2)
            if tract is not None:
                usual = np.interp(AGES, (11, 18), (CHILD * TRACT["female"], TRACT[sex]))
                right = np.exp(-0.5 * ((tract - usual) / TRACT_SPREAD) ** 2) / TRACT_SPREAD
                wrong = np.exp(-0.5 * ((tract - usual.mean()) / MISSED_SPREAD) ** 2) / MISSED_SPREAD
                odds[row] *= (1 - MISSED) * right + MISSED * wrong
    return odds / odds.sum()


def vocal_tract(samples: np.ndarray, heard: Prosody) -> float | None:
    """Metres: length of the even tube that has the third and fourth formants of loud voiced frames [R]; None without any.

    The higher formants depend least on the vowel. They are the resonances of a linear prediction of each frame.
    """
    from scipy.signal import lfilter, resample_poly

    moments = np.flatnonzero((heard.pitch > 0) & (heard.speaking > 0.5))
    if not len(moments):
        return None
    moments = moments[heard.level[moments] >= np.median(heard.level[moments])]
    moments = moments[np.linspace(0, len(moments) - 1, min(len(moments), FRAMES)).astype(int)]
    signal = lfilter([1, -0.97], [1], resample_poly(samples.astype(np.float64), BAND, RATE))
    centres = ((moments + 0.5) * BAND / MOMENTS).astype(int)
    centres = centres[(centres >= FRAME // 2) & (centres < len(signal) - FRAME // 2)]
    frames = signal[centres[:, None] + np.arange(-FRAME // 2, FRAME // 2)] * np.hamming(FRAME)
    found = [f[:4] for f in _formants(frames) if len(f) >= 4]
    if not found:
        return None
    third, fourth = np.median(np.array(found), 0)[2:]
    return float(SOUND / 4 * (5 / third + 7 / fourth) / 2)


def _formants(frames: np.ndarray) -> list[np.ndarray]:
    """(N, FRAME) windowed samples -> of each frame, its formants in Hz, rising: angles of the poles of a linear prediction."""
    spectrum = np.abs(np.fft.rfft(frames, 4 * FRAME)) ** 2
    lags = np.fft.irfft(spectrum)[:, : ORDER + 1]
    lags = lags[lags[:, 0] > 0]
    if not len(lags):
        return []
    rows = np.arange(ORDER)
    matrix = lags[:, np.abs(rows[:, None] - rows)] + 1e-4 * lags[:, :1, None] * np.eye(ORDER)
    companion = np.zeros((len(lags), ORDER, ORDER))
    companion[:, 0] = np.linalg.solve(matrix, lags[:, 1:, None])[..., 0]
    companion[:, rows[1:], rows[:-1]] = 1
    poles = np.linalg.eigvals(companion)
    hertz = np.angle(poles) * BAND / (2 * np.pi)
    band = -np.log(np.maximum(np.abs(poles), 1e-9)) * BAND / np.pi
    lowest, highest, widest = FORMANTS
    keep = (hertz > lowest) & (hertz < highest) & (band < widest)
    return [np.sort(hertz[row][keep[row]]) for row in range(len(lags))]
