"""What the shell needs from the outside world, by role. A port exists only if two adapters do."""
