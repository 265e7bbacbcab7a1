"""A business with a million recipients, made in a few minutes, for benchmarks."""
