# expect: contained | files that turn into links, pipes and folders and back while the runner looks at them
import os, time

os.makedirs("race", exist_ok=True)
for _ in range(3):
    if os.fork() == 0:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            for make in (lambda: open("race/a.txt", "w").close(), lambda: os.symlink("/etc/passwd", "race/a.txt"), lambda: os.mkfifo("race/a.txt"),
                         lambda: os.mkdir("race/a.txt"), lambda: os.symlink("/", "race/a.txt"), lambda: os.link("canary.json", "race/a.txt")):
                try:
                    make()
                except OSError:
                    pass
                try:
                    os.rename("race/a.txt", "race/b.txt")
                except OSError:
                    pass
                for gone in (os.unlink, os.rmdir):
                    try:
                        gone("race/a.txt")
                    except OSError:
                        pass
        os._exit(0)
time.sleep(0.2)
print("racing")
os._exit(0)
