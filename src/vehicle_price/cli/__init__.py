"""The command line `vehicle-price`: one module for each group of commands."""
