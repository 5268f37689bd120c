"""What is minimised: the terms of a stage, what computes them, their weighted sum."""
