"""The Docker runtime: images, and the two compose files at the root as one platform."""
