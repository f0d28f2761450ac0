# expect: blocked | protocols of IP sockets that load a module of the kernel: SCTP, DCCP, MPTCP, UDP-Lite, L2TP
import socket

for name, kind, protocol in (
    ("SCTP stream", 1, 132), ("SCTP packets", 5, 132), ("DCCP", 6, 33), ("DCCP by type", 6, 0), ("MPTCP", 1, 262), ("UDP-Lite", 2, 136), ("L2TP", 2, 115), ("ping", 2, 1),
    ("SMC", 1, 256), ("packets", 5, 0), ("reliable datagrams", 4, 0),
):
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.socket(family, kind, protocol).close()
            print("ESCAPED: a socket of", name)
        except OSError as error:
            print("blocked", name, error.strerror)
for protocol in (0, 6):
    socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK, protocol).close()
for protocol in (0, 17):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM, protocol).close()
