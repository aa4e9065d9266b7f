"""Releases: push images, deploy them without a failed request, return to the release before."""
