"""The exchange's protocol without any I/O: bytes to values and back, signing, windows, failures."""
