"""The nouns of trading, pure: no clock, log, socket, thread, environment or chance."""
