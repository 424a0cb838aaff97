"""Settings back into YAML: what a run really used, for ``config.resolved.yaml``. Must not know any setting by name."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import msgspec
import yaml

__all__ = ["resolved_yaml"]


def resolved_yaml(sections: Mapping[str, object]) -> str:
    """One YAML document; decimals exactly as they are, every default written out. Reading it back gives equal settings."""
    plain = msgspec.to_builtins(sections, builtin_types=(Decimal,), enc_hook=_text_of_path)
    return yaml.dump(plain, Dumper=_Dumper, sort_keys=False, width=120)


class _Dumper(yaml.SafeDumper):
    """Knows decimals, and repeats a value instead of pointing at it."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _decimal_node(dumper: yaml.SafeDumper, value: Decimal) -> yaml.ScalarNode:
    text = format(value, "f")
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", text)


_Dumper.add_representer(Decimal, _decimal_node)


def _text_of_path(value: object) -> str:
    assert isinstance(value, Path), f"a setting of type {type(value).__name__} has no place in YAML"
    return str(value)
