# expect: blocked | abstract unix sockets live in the network namespace, not in the file system; the harness listens on one
import json, os, socket

names = ["septet-canary"]
if os.path.exists("canary.json"):
    names.append(json.load(open("canary.json")).get("abstract", "septet-canary"))
try:
    names += [line.split("@")[1].strip() for line in open("/proc/self/net/unix") if "@" in line]
except OSError:
    pass
for name in dict.fromkeys(names):
    for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM):
        try:
            socket.socket(socket.AF_UNIX, kind).connect("\0" + name)
            print("ESCAPED: connected to the abstract socket", name)
        except OSError as error:
            print("blocked", error.strerror)
