"""The local exchange: BtcTurk's protocol on loopback, over recorded prices and synthetic depth."""
