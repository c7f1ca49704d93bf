"""The terminal console for AIOS block autoscaling."""

__version__ = "0.1.0"
