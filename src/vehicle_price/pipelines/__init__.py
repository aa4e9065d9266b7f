"""The steps of the main job, called by the command line and the DAGs alike."""
