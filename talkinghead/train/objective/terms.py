"""The loss terms of each stage. The weights of a recipe name them; a batch has those that its mesh and its labels allow."""

from __future__ import annotations

GEOMETRY = (  # `geometry_terms.GeometryTerms`
    *("vertex", "lips", "upper", "eyes", "landmark", "lip_landmarks", "eye_landmarks", "aperture", "width", "lids"),
    *("closure", "velocity", "speed", "silence", "shape"),
)
LATENT = ("code", "code_feature")  # `losses.latent`
SPEECH = ("shut", "rest", "touch", "open", "sync", "phoneme")  # `speech_terms`
PERCEPTUAL = ("lipreading", "video_emotion", "mesh_emotion")  # `perception.Perception.terms`
EXCHANGE = ("exchange_lips", "exchange_emotion")  # `perception.Perception.exchange_terms`
PRIOR = (*GEOMETRY, *LATENT, *SPEECH, *PERCEPTUAL)
TERMS = {
    "motion": (*GEOMETRY, "cross_modality", "entropy"),
    "prior": (*PRIOR, *EXCHANGE),
    "autoregressive": PRIOR,  # teacher-forced: the code history would contradict an exchanged emotion
}
STAGES = tuple(TERMS)
