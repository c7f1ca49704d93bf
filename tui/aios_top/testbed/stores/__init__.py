"""What the services of the embedded AIOS remember, in memory and in one temporary folder."""
