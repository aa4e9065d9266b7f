"""The command `vehicle-price keys`: the API keys of other people and programs."""

import argparse
import sys

from vehicle_price import api_keys
from vehicle_price.cli.options import add_command
from vehicle_price.settings import Settings

HELP = "Make, list and take back API keys; a running service knows them at once."


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Add keys, with its actions add, list and remove, to the commands of `vehicle-price`."""
    parser = add_command(commands, "keys", _run, HELP)
    actions = parser.add_subparsers(
        title="actions", required=True, metavar="ACTION", help="what to do with them"
    )
    add = actions.add_parser("add", help="make a key and show it, this once")
    add.add_argument("name", help="whose key it is; stands in the access log")
    role = add.add_mutually_exclusive_group()
    role.add_argument("--admin", action="store_true", help="it may do all that the admin's key may")
    role.add_argument(
        "--monitoring", action="store_true", help="it may read GET /monitoring and do nothing else"
    )
    add.set_defaults(run_action=_add)
    actions.add_parser("list", help="whose keys there are").set_defaults(run_action=_list)
    remove = actions.add_parser("remove", help="take a key back")
    remove.add_argument("name", help="whose key")
    remove.set_defaults(run_action=_remove)


def _run(settings: Settings, options: argparse.Namespace) -> int:
    return options.run_action(settings, options)


def _add(settings: Settings, options: argparse.Namespace) -> int:
    role: api_keys.Role = "key"
    if options.admin or options.monitoring:
        role = "admin" if options.admin else "monitoring"
    sys.stdout.write(api_keys.add_key(settings.api_keys_file, options.name, role) + "\n")
    sys.stderr.write("Keep it: only its hash is stored. Send it as X-API-Key: <key>\n")
    return 0


def _list(settings: Settings, options: argparse.Namespace) -> int:
    del options
    files = {
        "key": settings.api_key_file,
        "admin": settings.admin_key_file,
        "monitoring": settings.monitoring_key_file,
    }
    for role, name in api_keys.DEFAULT_NAMES.items():
        sys.stdout.write(_line(name, role, f"in {files[role]}"))
    for key in api_keys.read_keys(settings.api_keys_file):
        sys.stdout.write(_line(key.name, key.role, f"since {key.created}"))
    return 0


def _line(name: str, role: api_keys.Role, more: str) -> str:
    return f"{name:18} {role:10} {more}\n"


def _remove(settings: Settings, options: argparse.Namespace) -> int:
    api_keys.remove_key(settings.api_keys_file, options.name)
    return 0
