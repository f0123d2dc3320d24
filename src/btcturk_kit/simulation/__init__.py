"""The pure exchange model: fees, balances, matching. No clock, no randomness, no I/O."""
