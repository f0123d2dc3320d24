"""What moves the market: tapes, the model that plays them, the cursor over its moves."""
