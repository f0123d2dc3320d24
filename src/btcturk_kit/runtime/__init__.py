"""The shell: runs the phases of a cycle through the ports."""
