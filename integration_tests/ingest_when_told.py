"""`vehicle-price …`, but with everything imported before it says so and starts.

A run that is killed shall be killed while it works, not while Python imports pandas.
"""

import sys

from vehicle_price import cli, ingestion

if __name__ == "__main__":
    assert ingestion
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.exit(cli.main(sys.argv[1:]))
