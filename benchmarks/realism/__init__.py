"""Measures how far the simulated fills can be believed, on real market data."""
