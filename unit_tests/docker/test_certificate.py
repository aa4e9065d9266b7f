"""Where this machine asks for prices when nginx has a certificate."""

import pytest

from setup.docker.certificate import trust, with_tls_address
from setup.docker.engine import EngineError
from vehicle_price.settings import Settings

PLAIN = Settings(service_url="http://127.0.0.1:5050")


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, "http://127.0.0.1:5050"),
        ({"TLS_DIR": ""}, "http://127.0.0.1:5050"),
        ({"TLS_DIR": "/tls"}, "https://127.0.0.1:5443"),
        ({"TLS_DIR": "/tls", "SERVICE_TLS_PORT": "443"}, "https://127.0.0.1:443"),
        ({"TLS_DIR": "/tls", "SERVICE_URL": "http://10.0.0.6:5000"}, "http://127.0.0.1:5050"),
    ],
)
def test_the_address_is_of_tls_only_where_nginx_has_a_certificate(variables, address):
    assert with_tls_address(PLAIN, variables).service_url == address


def test_nothing_but_the_given_certificate_is_trusted(tmp_path):
    assert trust({}) is None
    with pytest.raises(EngineError, match="tls.crt"):
        trust({"TLS_DIR": str(tmp_path)})  # no certificate is no reason to trust anybody
