"""The sequences that people ask for: train, evaluate, compare, report."""
