"""What tests of receivers share."""

import socket

import pytest


@pytest.fixture
def ear():
    """A UDP socket that listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.1", 0))
        heard.settimeout(5)
        yield heard
