"""What people write, as it is said."""

from __future__ import annotations

import time

import pytest

from talkinghead.errors import InputError
from talkinghead.speech.spoken import fold, number, spoken

SAID = [
    ("the 1st of May, and the 21st, and the 3rd", "the first of may and the twenty first and the third"),
    ("the 1,000th", "the one thousandth"),
    ("It cost $5.50, £1 and $1.01", "it cost five dollars and fifty cents one pound and one dollar and one cent"),
    (
        "$3.5 million, 20€, $1,984",
        "three point five million dollars twenty euros one thousand nine hundred eighty four dollars",
    ),
    ("3.14, .5 and 007", "three point one four point five and zero zero seven"),
    ("in 1984, 1905, 2005 and 2024", "in nineteen eighty four nineteen oh five two thousand five and twenty twenty four"),
    ("1,984 of 2,000,000", "one thousand nine hundred eighty four of two million"),
    ("the 1980s and the '90s", "the nineteen eighties and the nineties"),
    ("at 10:30, 10:05, 9:00 and 5pm", "at ten thirty ten oh five nine o'clock and five p m"),
    ("May 5, 2024 and Feb. 3rd", "may fifth twenty twenty four and february third"),
    ("-3°C and 5.5%", "minus three degrees celsius and five point five percent"),
    ("½, 2 3/4 and 10-20", "one half two and three quarters and ten to twenty"),
    ("No. 5? No. We go.", "number five no we go"),
    ("St. Paul lives on Main St. in town", "saint paul lives on main street in town"),
    ("Mr and Mrs Jones vs. Prof. Lee, etc.", "mister and missus jones versus professor lee et cetera"),
    ("U.S., e.g. the BBC", "u s for example the b b c"),
    ("I am at 5 km/h & 6 ft", "i am at five kilometers per hour and six feet"),
    ("Zoë, Łódź, Dvořák’s, ﬁne", "zoë łódź dvořák's fine"),
    ("cafe\u0301 na\u00adive", "café naive"),
    ("I AM THE TV", "i am the tv"),
    ("COVID-19 on the MP3", "covid nineteen on the m p three"),
    ("call 555-1234", "call five five five one two three four"),
    ("(555) 123-4567, dial 911", "five five five one two three four five six seven dial nine one one"),
    ("2024-11-30 and 30.11.2026", "november thirtieth twenty twenty four and november thirtieth twenty twenty six"),
    ("12/25/2020, Mon. Jan. 5", "december twenty fifth twenty twenty monday january fifth"),
    ("World War II, Part I, Henry VIII, Rocky IV", "world war two part one henry the eighth rocky four"),
    ("US$5, 20 USD, EUR 3, 1,50 €", "five dollars twenty dollars three euros one euro and fifty cents"),
    ("1 000 000, 1.000.000, 1'000 and 2,000", "one million one million one thousand and two thousand"),
    ("10⁶ and 5² is said¹", "ten to the sixth and five squared is said"),
    ("24/7, 9/11 and 3/4", "twenty four seven nine eleven and three quarters"),
    ("me@example.com, C# and <i>it</i> &amp; [music] 50p", "me at example dot com c sharp and it and fifty pence"),
    ("10 m/s, 1 km, 5 kWh, 100Mbps", "ten meters per second one kilometer five kilowatt hours one hundred megabits per second"),
    ("20 m², 3 sq ft, 5µm and 7 days/week", "twenty square meters three square feet five micrometers and seven days per week"),
    (
        "€1.234,56, $5/month, w/o $5-10",
        "one thousand two hundred thirty four euros and fifty six cents five dollars per month without five to ten dollars",
    ),
    (
        "0171 2345678, +44 20 7946",
        "zero one seven one two three four five six seven eight plus four four two zero seven nine four six",
    ),
    ("9-1-1 at 10.0.0.1", "nine one one at one zero dot zero dot zero dot one"),
    ("at 3:30 pm, 10:00 AM and 1:02:03", "at three thirty p m ten a m and one oh two oh three"),
    ("9:00-5:30, 10%-20%, 2M ±5", "nine o'clock to five thirty ten percent to twenty percent two million plus or minus five"),
    ("Super Bowl LVIII, scene iii, MCMXCIV, DVD", "super bowl fifty eight scene three nineteen ninety four d v d"),
    ("in 1066, on Oak Dr. in town, the 3Rd", "in ten sixty six on oak drive in town the third"),
]


@pytest.mark.parametrize(("text", "said"), SAID)
def test_what_is_written_and_what_is_said(text, said):
    assert " ".join(spoken(text)) == said


def test_a_dictionary_decides_which_capitals_are_spelled():
    assert spoken("NASA and API", lambda word: word == "nasa") == ["nasa", "and", "a", "p", "i"]
    assert spoken("COVID and DVDs", lambda word: word == "and") == ["covid", "and", "d", "v", "d's"]


def test_letters_without_accents():
    assert [
        fold(word) for word in ("Fiancé", "Łódź", "Øre", "straße", "Ætna", "İz")
    ] == "fiance lodz ore strasse aetna iz".split()


def test_numbers_of_any_kind():
    assert number("3.14") == "three point one four".split() and number(1_000_000) == ["one", "million"]
    assert number("1234567890123")[:3] == ["one", "two", "three"]


@pytest.mark.parametrize("unit", ["9", "1.", "100 ", "a\u0316\u0301", "\u0316\u0301", "½", "$9", "( ", "   "])
def test_time_grows_with_the_text_and_not_with_its_square(unit):
    start = time.process_time()
    spoken(unit * (5000 // len(unit)))
    assert time.process_time() - start < 3, "twenty seconds and more where it grows with the square"


def test_a_text_that_nobody_says_in_four_hours_is_refused():
    with pytest.raises(InputError, match="characters"):
        spoken("a " * 200_000)


def test_cents_without_a_number_before_the_point():
    assert spoken("$.50") == ["fifty", "cents"]
