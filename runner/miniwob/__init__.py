"""MiniWoB++: the pages of its own package, in Chromium on a desktop without a network."""
