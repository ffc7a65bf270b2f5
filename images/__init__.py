"""What is inside a desktop: one folder per image, with its recipe. Data only; `sandboxes.image` builds it."""
