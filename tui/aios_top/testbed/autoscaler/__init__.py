"""The autoscaler that runs beside every block: it loads the registered policy once and asks it again and again."""
