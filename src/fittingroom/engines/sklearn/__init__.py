"""The scikit-learn engine: classical models, to show what a network buys."""
