"""What runs a speech-to-motion model: torch, or ONNX Runtime."""
