"""Replicas as a queueing model, workloads and scenarios; time is an argument."""
