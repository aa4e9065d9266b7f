"""An S3 server behind a proxy, where this process looks for S3."""

from collections.abc import Iterator

import pytest

from integration_tests.storage.s3_proxy import S3Proxy, s3_proxy
from integration_tests.storage.s3_server import s3_server

OTHERS = ("AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN")


@pytest.fixture(name="proxied", scope="module")
def _proxied() -> Iterator[S3Proxy]:
    with (
        pytest.MonkeyPatch.context() as patch,
        s3_server() as environ,
        s3_proxy(environ["AWS_ENDPOINT_URL"]) as proxy,
    ):
        for name in OTHERS:
            patch.delenv(name, raising=False)
        for name, value in environ.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL", proxy.url)
        patch.setenv("AWS_MAX_ATTEMPTS", "2")
        yield proxy


@pytest.fixture(name="s3")
def _s3(proxied: S3Proxy) -> S3Proxy:
    """The proxy, which forwards everything at the beginning of each test."""
    proxied.forward_all()
    proxied.seen.clear()
    return proxied
