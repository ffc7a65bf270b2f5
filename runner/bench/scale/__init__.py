"""What one controller can carry: desktops and tasks at once, steps a second, a very long journal."""
