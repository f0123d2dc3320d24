"""What REST clients are answered, from a call to status and bytes."""
