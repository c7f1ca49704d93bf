"""Serves what aios-top knows to Prometheus: reads only, and loopback unless the operator names another address."""
