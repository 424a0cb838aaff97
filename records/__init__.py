"""What an agent keeps: ledger, tape, state, logs and the folder they lie in. Knows trading's messages, never a socket."""
