import pytest
import torch

from talkinghead.files import asset
from talkinghead.models.runtime import threads
from talkinghead.models.runtime.torch_runtime import load_torch_runtime


@pytest.fixture
def kept(monkeypatch):
    """What a test sets is undone."""
    before = torch.get_num_threads()
    monkeypatch.setattr(threads, "_limit", None)
    yield
    torch.set_num_threads(before)


def test_a_model_leaves_the_threads_of_torch_as_they_are(kept):
    torch.set_num_threads(3)
    load_torch_runtime(asset("models/default"))
    assert torch.get_num_threads() == 3


def test_a_limit_is_that_of_both_runtimes(kept):
    threads.limit_threads(1)
    assert threads.threads() == 1 and torch.get_num_threads() == 1
    torch.set_num_threads(3)
    load_torch_runtime(asset("models/default"))
    assert torch.get_num_threads() == 1
