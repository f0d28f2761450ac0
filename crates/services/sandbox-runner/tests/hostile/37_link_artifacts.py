# expect: contained | artifacts that are links to files, folders and processes of the host; none may be collected (the harness looks for the name)
import os

for number, target in enumerate(("/etc/passwd", "/etc/shadow", "/proc/self/environ", "/proc/1/root/etc/passwd", "/proc/self/fd/0", "/", "/root", "..", "/dev/zero",
                                 "../../../../../../etc/passwd", "ESCAPED-link-0.txt", "/proc/self/cwd/canary.json")):
    os.symlink(target, "ESCAPED-link-%d.txt" % number)
for number, target in enumerate(("/etc/passwd", "/usr/bin/python3", "/dev/null")):
    try:
        os.link(target, "ESCAPED-hard-%d.txt" % number)
        print("ESCAPED: hard link to", target)
    except OSError as error:
        print("blocked", error.strerror)
os.mkdir("folder")
os.symlink("/etc", "folder/ESCAPED-etc")
print("done")
