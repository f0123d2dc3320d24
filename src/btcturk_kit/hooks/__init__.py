"""The seam for plug-ins: specifications, strategy protocol, gateway, loading, built-ins."""
