"""The cockpit's side of a terminal: what is written is little, and no terminal can hold it up."""
