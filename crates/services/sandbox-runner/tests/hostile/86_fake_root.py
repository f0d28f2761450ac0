# expect: blocked | files and folders that belong to another id: set-uid copies, file capabilities, giving files away
import ctypes, os, shutil, subprocess

libc = ctypes.CDLL(None, use_errno=True)
shutil.copy("/usr/bin/python3", "python")
os.chmod("python", 0o6755)
for owner in (0, 65534, 424200):
    try:
        os.chown("python", owner, owner)
        print("ESCAPED: gave a file to", owner)
    except OSError as error:
        print("blocked", error.strerror)
capability = b"\x01\x00\x00\x02" + b"\xff" * 16
if libc.setxattr(b"python", b"security.capability", capability, ctypes.c_size_t(len(capability)), 0) == 0:
    print("ESCAPED: capabilities on a file")
told = subprocess.run(["./python", "-I", "-S", "-c", "import os; print(os.geteuid() == os.getuid(), open('/proc/self/status').read())"], capture_output=True, text=True)
if "CapEff:\t0000000000000000" not in told.stdout or not told.stdout.startswith("True"):
    print("ESCAPED: another id or capabilities by a file" if told.returncode == 0 else "did not run: " + told.stderr[-200:])
os.unlink("python")
