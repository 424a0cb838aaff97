"""The hallway behind run_agent.py: command line in, sentences and an exit code out. It may know every room; no room knows it."""
