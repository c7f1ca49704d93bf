"""The cluster below AIOS: deployments, the pods they make, and what runs in those pods."""
