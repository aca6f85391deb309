"""The same jobs on a Ray cluster; without it, nothing here is imported."""
