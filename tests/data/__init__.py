"""Tests of `fittingroom.data`: nothing here reaches the network or looks into anyone's home."""
