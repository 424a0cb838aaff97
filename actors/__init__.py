"""Thin pykka shells: each holds one pure object, its channels and a logger. If an ``if`` here is about money it belongs in trading/."""
