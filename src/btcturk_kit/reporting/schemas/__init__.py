"""Published JSON schemas of what this package writes."""
