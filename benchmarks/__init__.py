"""How fast and how big: scripts that print measured figures next to their bounds."""
