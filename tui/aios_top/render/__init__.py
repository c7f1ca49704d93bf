"""From model to text, cells and sentences: the one place that formats a number."""
