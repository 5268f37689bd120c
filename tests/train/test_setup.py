import pytest
import torch
from safetensors.torch import save_file

from talkinghead.errors import InputError
from talkinghead.models.config import ModelConfig
from talkinghead.models.input_level import normalise_level
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.speech.phonemes import PHONES
from talkinghead.train.setup import load_encoder


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert", "wavlm"])
def test_any_checkpoint_in_the_hubs_format_is_an_encoder(kind, tiny_encoder, tmp_path):
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(0)
    model = AutoModel.from_config(AutoConfig.for_model(kind, **{k: v for k, v in tiny_encoder.items() if k != "model_type"}))
    model.save_pretrained(tmp_path)
    encoder, phones, settings, tag = load_encoder(str(tmp_path))
    assert (phones, settings["model_type"], len(tag)) == (None, kind, 16)
    wave = torch.randn(1, 8000)
    again = SpeechToMotion(ModelConfig(annotations={"arkit": ["jawOpen"]}, landmarks=["chin"], encoder=settings)).audio
    again.load_state_dict(encoder.state_dict())
    with torch.inference_mode():
        found = again.eval()(wave)
        assert found.shape == (1, 25, model.config.hidden_size)
        level = encoder.margin // 2, encoder.margin - encoder.margin // 2
        expected = model.eval()(torch.nn.functional.pad(normalise_level(wave), level)).last_hidden_state
    torch.testing.assert_close(found, expected)


def test_an_encoder_brings_its_phonemes(tiny_encoder_folder, tmp_path):
    import shutil

    shutil.copytree(tiny_encoder_folder, tmp_path / "encoder")
    given = torch.nn.Linear(16, len(PHONES))
    save_file(given.state_dict(), tmp_path / "encoder" / "phones.safetensors")
    phones = load_encoder(str(tmp_path / "encoder"))[1]
    assert phones is not None and torch.equal(phones.weight, given.weight)
    save_file({"weight": torch.zeros(3, 16), "bias": torch.zeros(3)}, tmp_path / "encoder" / "phones.safetensors")
    with pytest.raises(InputError, match="not the phonemes of this encoder"):
        load_encoder(str(tmp_path / "encoder"))
