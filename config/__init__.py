"""Reads the YAML files of a configuration strictly into the settings types of the rooms. It is nobody's dependency but the front door's."""
