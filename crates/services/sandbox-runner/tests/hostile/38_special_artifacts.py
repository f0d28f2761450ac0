# expect: contained | pipes, sockets and devices as artifacts: the collector must neither wait for them nor read on for ever (the harness looks for the name)
import os, socket, stat

os.mkfifo("ESCAPED-pipe.png")
listener = socket.socket(socket.AF_UNIX)
listener.bind("ESCAPED-socket.png")
for name, kind, major, minor in (("zero", stat.S_IFCHR, 1, 5), ("mem", stat.S_IFCHR, 1, 1), ("disk", stat.S_IFBLK, 8, 0), ("disk2", stat.S_IFBLK, 254, 0)):
    try:
        os.mknod("ESCAPED-%s.png" % name, kind | 0o666, os.makedev(major, minor))
        print("ESCAPED: made the device", name)
    except OSError as error:
        print("blocked", name, error.strerror)
