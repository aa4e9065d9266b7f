"""The native runtime: the whole platform as processes under supervisord, without Docker."""
