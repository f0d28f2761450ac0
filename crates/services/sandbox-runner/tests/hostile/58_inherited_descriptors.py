# expect: blocked | descriptors of the runner or the warm interpreter that are still open; forged messages on them
import json, os, socket, stat

forged = json.dumps({"type": "done", "exited": 1, "status": 0, "outcome": "ok"}).encode()
for fd in range(3, 4096):
    try:
        kind = os.fstat(fd).st_mode
    except OSError:
        continue
    where = os.readlink("/proc/self/fd/%d" % fd)
    if stat.S_ISSOCK(kind) or stat.S_ISFIFO(kind) or stat.S_ISDIR(kind) or where.startswith("anon_inode"):
        print("ESCAPED: inherited", fd, where)
        if stat.S_ISSOCK(kind):
            try:
                print("ESCAPED: forged", socket.socket(fileno=os.dup(fd)).send(forged, socket.MSG_DONTWAIT))
            except OSError as error:
                print(error.strerror)
    else:
        print("open:", fd, where)
for fd in (0, 1, 2):
    if stat.S_ISSOCK(os.fstat(fd).st_mode) or os.isatty(fd):
        print("ESCAPED: a socket or terminal as descriptor", fd)
print("done")
