"""Images: what a desktop's disk holds, built from a recipe and kept by the hash of everything in it."""

from sandboxes.image.build import BuildProgress, build_image
from sandboxes.image.recipe import Recipe, load_recipe, recipe_names
from sandboxes.image.store import Image, ImageStore

__all__ = ["BuildProgress", "Image", "ImageStore", "Recipe", "build_image", "load_recipe", "recipe_names"]
