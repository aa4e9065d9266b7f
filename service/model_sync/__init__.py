"""The process that keeps MODEL_DIR equal to the registry: `python -m service.model_sync`."""
