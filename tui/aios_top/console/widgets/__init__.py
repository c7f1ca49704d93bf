"""Panels: each shows one part of a state and asks nobody."""
