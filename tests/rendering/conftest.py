"""The default head, loaded once."""

from dataclasses import replace

import pytest

from talkinghead.head.head import Head


@pytest.fixture(scope="session")
def head() -> Head:
    return replace(Head.default(), garments=())  # what hair and clothes do not hide
