"""`python -m vehicle_price.prediction_log.migrations`: migrate as the owner of the database.

PREDICTION_DATABASE_URL names the owner. Exit status 1 if the database is away or refuses.
"""

import sys

from vehicle_price.prediction_log.database import address_of
from vehicle_price.prediction_log.errors import DatabaseUnavailable
from vehicle_price.prediction_log.migrations.schema import latest_revision, migrate
from vehicle_price.settings import Settings


def main() -> int:
    """Migrate; 1 with a message if that fails."""
    address = address_of(Settings.from_environment())
    try:
        migrate(address)
    except DatabaseUnavailable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{address}: the schema is at revision {latest_revision()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
