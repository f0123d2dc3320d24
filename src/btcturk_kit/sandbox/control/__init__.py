"""The control interface: what tests and bots on a virtual clock need and no exchange offers."""
