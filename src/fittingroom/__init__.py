"""Fit, compare and try on image classifiers for Fashion-MNIST, honestly."""
