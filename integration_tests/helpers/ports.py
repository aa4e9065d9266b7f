"""Free TCP ports on this machine."""

import socket

HOST = "127.0.0.1"


def free_port() -> int:
    """A port on which nothing listens."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different ports on which nothing listens."""
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports
