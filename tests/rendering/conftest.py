"""The default head, loaded once."""

import pytest

from talkinghead.head.head import Head


@pytest.fixture(scope="session")
def head() -> Head:
    return Head.default()
