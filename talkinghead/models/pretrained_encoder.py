"""Speech encoders in folders, or on the Hub, in the format of ``transformers``: config.json beside model.safetensors.

Two parts of an encoder of this project are unknown to ``transformers``. `AudioEncoder.norms` are in model.safetensors as
`norms.0.weight` and so on. `phones.safetensors` has weight and bias of a linear map to `speech.phonemes.PHONES`.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from talkinghead.errors import InputError, brief
from talkinghead.files import replacing
from talkinghead.models.audio_encoder import AudioEncoder
from talkinghead.models.folder import CONFIG, WEIGHTS, read_settings
from talkinghead.models.pretrained import load_model
from talkinghead.speech.phonemes import PHONES

PHONEMES = "phones.safetensors"
NORMS = "norms."  # first part of the names of `AudioEncoder.norms`


def load_encoder(name: str) -> tuple[AudioEncoder, nn.Linear | None, dict]:
    """A speech encoder, its phoneme classifier (None if it has none) and its configuration.

    name: "default" for that of the shipped model, a folder, or a Hub id. Raises InputError.
    """
    if name == "default":
        shipped, _ = load_model()
        return shipped.audio, shipped.phones, shipped.config.encoder
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    before = logging.get_verbosity()
    logging.set_verbosity_error()  # it lists the weights that only one of the two networks has
    try:
        if Path(name).is_dir():
            read_settings(Path(name), "encoder")
        model = AutoModel.from_pretrained(name, trust_remote_code=False)  # nothing of the folder is run, nor asked about
    except InputError:
        raise
    except Exception as error:  # transformers raises nearly anything for what is no model
        raise InputError(f"encoder {name}: cannot be loaded ({brief(error)})") from None
    finally:
        logging.set_verbosity(before)
    settings = {
        k: v for k, v in model.config.to_diff_dict().items() if k not in ("transformers_version", "dtype", "architectures")
    }
    settings |= {"model_type": model.config.model_type}
    try:
        encoder = AudioEncoder(settings)
    except (AttributeError, TypeError, ValueError) as error:  # a network of another kind
        if isinstance(error, InputError):
            raise
        raise InputError(f"encoder {name}: no speech encoder ({brief(error)})") from None
    # Not all are used: an encoder with sines has no convolution of positions, one with `feature_layers` not all layers.
    own = encoder.model.state_dict()
    encoder.model.load_state_dict({key: value for key, value in model.state_dict().items() if key in own})
    if encoder.feature_layers:
        _load_norms(encoder, name)
    return encoder, _phones(Path(name) / PHONEMES, encoder.width), settings


def save_encoder(encoder: AudioEncoder, phones: nn.Linear, folder: Path) -> None:
    """Write what `load_encoder` reads: config.json, model.safetensors and phones.safetensors, in float32."""
    from safetensors.torch import save_file

    norms = {NORMS + key: value for key, value in encoder.norms.state_dict().items()}
    for name, state in ((WEIGHTS, encoder.model.state_dict() | norms), (PHONEMES, phones.state_dict())):
        with replacing(folder / name) as fresh:
            save_file({key: value.cpu().contiguous() for key, value in state.items()}, fresh, {"format": "pt"})
    with replacing(folder / CONFIG) as fresh:
        encoder.config.to_json_file(fresh)


def _load_norms(encoder: AudioEncoder, name: str) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from transformers.utils.hub import cached_file

    try:
        weights: dict[str, Tensor] = load_file(str(cached_file(name, WEIGHTS)))
        norms = {key.removeprefix(NORMS): value for key, value in weights.items() if key.startswith(NORMS)}
        encoder.norms.load_state_dict(norms)
    except (SafetensorError, RuntimeError, OSError) as error:
        raise InputError(f"encoder {name}: {WEIGHTS} has no norms for its feature_layers ({brief(error)})") from None


def _phones(path: Path, width: int) -> nn.Linear | None:
    if not path.exists():
        return None
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    phones = nn.Linear(width, len(PHONES))
    try:
        phones.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError, OSError) as error:
        raise InputError(f"{path}: not the phonemes of this encoder ({brief(error)})") from None
    return phones
