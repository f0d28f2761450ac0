# expect: contained | a pipe, a link, a folder in the place of what the run reports; then it ends without a word
import glob, os

for folder in ("/run/report", "/run", "/tmp"):
    for number, make in enumerate((os.mkfifo, os.mkdir, lambda path: os.symlink("/etc/shadow", path), lambda path: os.symlink("/dev/zero", path))):
        path = folder + ("/report.json" if number == 0 else "/report-%d.json" % number)
        try:
            if os.path.lexists(path):
                os.rename(path, path + ".old")
            make(path)
        except OSError as error:
            print(folder, error.strerror)
print(glob.glob("/run/report/*"))
os._exit(0)
