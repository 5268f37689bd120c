"""The default head, loaded once."""

import pytest

from talkinghead.face.head import Head


@pytest.fixture(scope="session")
def head() -> Head:
    return Head.default()
