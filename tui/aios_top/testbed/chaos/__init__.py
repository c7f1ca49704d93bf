"""Faults on purpose: what a sick or hostile AIOS sends instead of its answer."""
