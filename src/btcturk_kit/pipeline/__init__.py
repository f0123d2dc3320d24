"""What the core decides: pure steps from state and observation to decision and settlement."""
