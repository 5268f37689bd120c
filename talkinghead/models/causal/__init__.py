"""What a streaming model has of its own: the level it hears at, and its step."""
