# expect: blocked | raw and packet sockets
import socket

for name, arguments in (
    ("raw ICMP", (socket.AF_INET, socket.SOCK_RAW, 1)),
    ("raw ICMPv6", (socket.AF_INET6, socket.SOCK_RAW, 58)),
    ("raw IP", (socket.AF_INET, socket.SOCK_RAW, 255)),
    ("packet", (17, socket.SOCK_RAW, 0x300)),
    ("packet datagram", (17, socket.SOCK_DGRAM, 0x300)),
    ("old packet", (socket.AF_INET, 10, 0x300)),
):
    try:
        socket.socket(*arguments).close()
        print("ESCAPED:", name, "socket")
    except OSError as error:
        print("blocked", name, error.strerror)
