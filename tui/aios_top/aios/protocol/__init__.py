"""AIOS's gRPC interface for inference: the project's own description of it, and that description compiled."""
