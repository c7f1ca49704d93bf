"""One file for each AIOS service: paths, bodies, status codes and envelopes, nothing else."""
