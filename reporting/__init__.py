"""What people and programs are shown of a session: terminal, summary, tables, checks. Reads, never decides."""
