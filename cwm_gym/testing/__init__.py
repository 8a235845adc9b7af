"""Checkers for users' own variants, and the reference cases of the physics."""
