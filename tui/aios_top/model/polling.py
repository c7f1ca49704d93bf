"""How often AIOS can be polled, whoever asks: the configuration, a flag, a key or the command line."""

SHORTEST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.5, 300.0
