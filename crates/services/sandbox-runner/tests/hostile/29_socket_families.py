# expect: blocked | socket families with a bad history, or that a network namespace does not hold (AF_VSOCK leads to the host of a virtual machine)
# bare: escapes
import ctypes, os

libc = ctypes.CDLL(None, use_errno=True)
families = {
    "AX25": 3, "IPX": 4, "APPLETALK": 5, "X25": 9, "KEY": 15, "NETLINK": 16, "PACKET": 17, "RDS": 21, "PPPOX": 24, "LLC": 26, "CAN": 29,
    "TIPC": 30, "BLUETOOTH": 31, "RXRPC": 33, "PHONET": 35, "IEEE802154": 36, "CAIF": 37, "ALG": 38, "NFC": 39, "VSOCK": 40, "KCM": 41,
    "QIPCRTR": 42, "SMC": 43, "XDP": 44, "MCTP": 45,
}
hits = []
for name, number in families.items():
    for kind in (1, 2, 3, 5):
        fd = libc.socket(number, kind, 0)
        if fd >= 0:
            hits.append(name)
            os.close(fd)
print("ESCAPED: sockets of %s" % sorted(set(hits)) if hits else "blocked")
