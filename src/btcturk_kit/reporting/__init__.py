"""Tables and texts for people and other programs: records in, text out."""
