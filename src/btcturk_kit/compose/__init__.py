"""The composition root: settings become objects here, and nowhere else.

One module for each kind of run, so that a backtest loads no HTTP library. Below this package there
is no mode flag.
"""
