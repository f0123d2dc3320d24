"""Values and rules. Standard library only; no clock, no file, no socket."""
