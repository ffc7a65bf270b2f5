"""What the coordination layer is worth: the same plans and faults, with its safeguards and without."""
