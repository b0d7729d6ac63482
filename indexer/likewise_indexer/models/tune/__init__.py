"""Tuning an encoder: what there is to learn from, how it is learned, and how good an encoder is by itself."""
