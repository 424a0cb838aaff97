"""Imported last by the fork server: what was imported before is kept out of the garbage collector, so that children share its memory.

Must not import anything itself.
"""

import gc

gc.collect()
gc.freeze()
