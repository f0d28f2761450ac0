# expect: blocked | write into the interpreter, its libraries, start-up hooks; delete them
# bare: escapes for root
import os, site, sys, sysconfig

real = os.path.realpath(sys.executable or "/usr/bin/python3")
folders = {os.path.dirname(real), sysconfig.get_path("stdlib"), os.path.dirname(os.__file__), "/usr/lib/python3/dist-packages", "/usr/local/lib", "/usr/bin", "/usr/lib",
           "/opt/site", "/opt/septet", "/opt/septet/mpl", "/etc", "/etc/fonts", "/", "/run", "/var", "/dev", *site.getsitepackages()}
for folder in sorted(folders):
    path = folder + "/septet_probe"
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        os.unlink(path)
        print("ESCAPED: made a file in", folder)
    except OSError:
        pass
for path in (real, os.__file__, "/etc/passwd", "/etc/ld.so.cache", "/etc/ld.so.preload", "/opt/septet/zygote.py", "/opt/septet/cell.py", "/opt/septet/mpl/matplotlibrc",
             "/opt/site/numpy/__init__.py", "/lib64/ld-linux-x86-64.so.2"):
    try:
        os.close(os.open(path, os.O_WRONLY))
        print("ESCAPED: may write", path)
    except OSError:
        pass
    try:
        os.rename(path, path + ".gone")
        os.rename(path + ".gone", path)
        print("ESCAPED: may move", path)
    except OSError:
        pass
    try:
        os.chmod(path, os.stat(path).st_mode)
        print("ESCAPED: may change", path)
    except OSError:
        pass
print("done")
