# expect: killed | memory bomb spread over 8 children of 256 MiB each: limits of one process do not add up
import os, time

full, tell = os.pipe()
for _ in range(8):
    if os.fork() == 0:
        os.close(full)
        hoard = bytearray(b"x") * (256 << 20)
        os.write(tell, b"x")
        time.sleep(4)
        os._exit(0)
os.close(tell)
n_full = 0
while os.read(full, 1):
    n_full += 1
    if n_full == 8:
        print("ESCAPED: 2 GiB in 8 processes", flush=True)
        os._exit(0)
print("stopped at", n_full)
