"""TLS_DIR: where clients of this machine reach nginx then, and what they trust."""

import ssl
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from setup.docker.engine import EngineError
from vehicle_price.settings import Settings

TLS_PORT = "5443"  # of docker-compose-service.yml


def with_tls_address(settings: Settings, variables: Mapping[str, str]) -> Settings:
    """The settings with the service's address by TLS, if nginx has a certificate."""
    if not variables.get("TLS_DIR") or variables.get("SERVICE_URL"):
        return settings
    host = settings.service_url.rpartition(":")[0].partition("://")[2]
    port = variables.get("SERVICE_TLS_PORT") or TLS_PORT
    return replace(settings, service_url=f"https://{host}:{port}")


def trust(variables: Mapping[str, str]) -> ssl.SSLContext | None:
    """Trust in this very certificate, whatever name it has; None without TLS_DIR.

    This machine asks by an address, and a certificate has the name that others ask by.
    Raises EngineError for a file that cannot be read.
    """
    if not (folder := variables.get("TLS_DIR")):
        return None
    path = Path(folder) / "tls.crt"
    try:
        context = ssl.create_default_context(cafile=str(path))
    except OSError as error:
        raise EngineError(f"{path}: {error}; who runs make must be able to read it") from error
    context.check_hostname = False
    # No authority has to be known.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return context
