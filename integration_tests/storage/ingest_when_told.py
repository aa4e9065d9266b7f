"""`vehicle-price …`, but with everything imported before it says so and starts.

A run that is killed shall be killed while it works, not while Python imports pandas.
"""

import sys

from vehicle_price.cli import main
from vehicle_price.pipelines import ingestion

if __name__ == "__main__":
    assert ingestion
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.exit(main.main(sys.argv[1:]))
