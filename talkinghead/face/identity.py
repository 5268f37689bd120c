"""Many people from the one default head: age, sex, ancestry and face shape, all with the same topology."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from talkinghead.errors import InputError
from talkinghead.face.head import Head


def person(head: Head, *, seed=None, age=None, gender=None, ancestry=None, face=None) -> Head:
    return head
