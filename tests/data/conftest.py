"""What all tests of data share."""

import pytest

from talkinghead.data.loading import feature_cache


@pytest.fixture(autouse=True, scope="module")
def few_rooms():
    """Rooms in which nobody speaks take most of a small set's time: a few are made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feature_cache, "SILENT_CLIPS", 6)
        yield
