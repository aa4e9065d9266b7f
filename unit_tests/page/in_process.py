"""HTTP to a Flask application in the same process."""

import requests


class InProcessAdapter(requests.adapters.BaseAdapter):
    """Sends requests to a Flask application in this process instead of over the network; None is a
    service that is down."""

    def __init__(self, app):
        super().__init__()
        self.app = app

    def send(self, request, **_):  # pylint: disable=arguments-differ
        """The application's response."""
        if self.app is None:
            raise requests.ConnectionError("refused")
        received = self.app.test_client().open(
            request.path_url, method=request.method, data=request.body, headers=request.headers
        )
        response = requests.Response()
        response.status_code, response.url = received.status_code, request.url
        response._content = received.data  # pylint: disable=protected-access
        return response

    def close(self):
        """Nothing to close."""
