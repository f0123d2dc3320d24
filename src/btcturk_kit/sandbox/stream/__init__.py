"""What stream clients are sent, the sockets they listen on, and the faults of both."""
