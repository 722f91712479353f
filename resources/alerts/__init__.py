"""Messages to people: what they say, and the ways on which they are sent."""
