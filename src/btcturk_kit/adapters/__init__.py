"""The outside world behind the ports: exchange, clocks, stores, files. Named by what they wrap."""
