"""The keys that the service adds to a request's WSGI environment."""

CALLER = "vehicle_price.caller"  # the name of the API key that came with the request
CALLER_ROLE = "vehicle_price.caller_role"  # its role, as in api_keys.py
MODEL_VERSION = "vehicle_price.model_version"  # the version that answers
PROBLEM = "vehicle_price.problem"  # the kind of the problem that is answered
RATE_LIMIT = "vehicle_price.rate_limit"  # the headers about the caller's limit
REQUEST_ID = "vehicle_price.request_id"
ROUTE = "vehicle_price.route"  # the rule of the route, such as /train/<run_id>
STARTED = "vehicle_price.started"  # perf_counter() when the server received the head

# Access log: its field for each key that the application may have set.
LOGGED = {"request_id": REQUEST_ID, "model_version": MODEL_VERSION, "caller": CALLER}
