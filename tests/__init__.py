"""Tests, one folder for each room; nothing here is shipped."""
