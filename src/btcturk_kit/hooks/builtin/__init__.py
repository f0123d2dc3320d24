"""Strategies and guards that ship with the kit; they use the same seam as anybody's."""
