# expect: blocked | files of other sessions; the harness plants one in a session that is open
import os

secret = "septet-canary" + "-secret"
n_looked, own = 0, os.path.realpath("/session")
for top in ("/session/..", "/", "/proc/self/root", "/proc/self/cwd/..", "/proc/1/root", "/proc/1/cwd"):
    for folder, folders, names in os.walk(top):
        here = os.path.realpath(folder)
        if here.startswith(("/usr", "/opt/site", "/proc", "/sys", "/lib")) and not top.startswith("/proc"):
            folders.clear()
            continue
        n_looked += 1
        if n_looked > 5000:
            break
        for name in names:
            path = os.path.join(folder, name)
            if name != "canary.txt" or os.path.realpath(path).startswith(own + "/"):
                continue
            try:
                print("ESCAPED: sees", path, secret in open(path).read(4096))
            except OSError as error:
                print("ESCAPED: sees the name of", path, error.strerror)
        if top.startswith("/proc") and folder.count("/") > 6:
            folders.clear()
print("looked into", n_looked)
