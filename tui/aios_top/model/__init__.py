"""The values and rules of autoscaling: pure, immutable, without a clock."""
