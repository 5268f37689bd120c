"""Names of the phonemes of English: ARPAbet as CMU's dictionary has it, and what others call the same sounds."""

from __future__ import annotations

from talkinghead.errors import InputError

SILENCE = "SIL"
VOWELS = tuple("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())
CONSONANTS = tuple("B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH".split())
PHONES = (*VOWELS, *CONSONANTS, SILENCE)
BILABIALS, LABIODENTALS = ("P", "B", "M"), ("F", "V")  # lips meet; the lower lip meets the upper teeth
_PAUSES = "SP SPN PAU _ SILENCE <SIL> <EPS> H# # EPI +SPN+ +NSN+ NSN BR Q ʔ SSIL".split()
# TIMIT, Festival and flite: reduced vowels, syllabic consonants, closures of stops.
_ALIASES = "AX:AH AX-H:AH IX:IH UX:UW AXR:ER DX:D NX:N EL:L EM:M EN:N ENG:NG HV:HH H:HH"
_CLOSURES = "BCL:B PCL:P DCL:D TCL:T GCL:G KCL:K"
_IPA = (
    "ɑ:AA a:AA ɒ:AA æ:AE ʌ:AH ə:AH ɐ:AH ɔ:AO aʊ:AW aw:AW aɪ:AY aj:AY e:EY eɪ:EY ej:EY ɛ:EH ɜ:ER ɝ:ER ɚ:ER ɪ:IH i:IY oʊ:OW "
    "əʊ:OW əw:OW ow:OW o:OW ɔɪ:OY ɔj:OY ʊ:UH u:UW ʉ:UW b:B tʃ:CH d:D ð:DH f:F ɡ:G g:G h:HH dʒ:JH k:K l:L ɫ:L m:M n:N ŋ:NG "
    "p:P ɹ:R r:R s:S ʃ:SH t:T θ:TH v:V w:W ʍ:W j:Y z:Z ʒ:ZH ɾ:D c:K ɟ:G ç:HH ɲ:N ʎ:L ɱ:M m̩:M n̩:N l̩:L ɫ̩:L ɛː:EH"
)


def _pairs(text: str) -> dict[str, str]:
    return {other: name for other, _, name in (pair.partition(":") for pair in text.split())}


_TABLE = _pairs(f"{_ALIASES} {_CLOSURES}") | dict.fromkeys(_PAUSES, SILENCE) | {name: name for name in PHONES}
_FOREIGN = _pairs(_IPA)
_MARKS = {ord(mark): None for mark in "ːˑˈˌʰʲʷ̪̚͡"}


def arpabet(name: str) -> str:
    """One of PHONES for a phoneme of any of these alphabets, stress and length marks left out. Raises InputError."""
    text = name.strip()
    if not text:
        return SILENCE
    bare = text.rstrip("012") or text
    found = _FOREIGN.get(text) if not text.isupper() else None  # IPA first: ARPAbet in small letters has no "e" or "a"
    found = found or _TABLE.get(bare.upper()) or _FOREIGN.get(bare.strip("ːˈˌ").translate(_MARKS))
    if found is None:
        raise InputError(f"phoneme {name!r} is not known; write ARPAbet (AA, B, SIL ...) or IPA")
    return found
