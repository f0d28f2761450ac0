# expect: contained | fill the disk, bounded to 1 GiB over all folders that can be written
import os

made, n_bytes, piece = [], 0, b"x" * (1 << 20)
for folder in (".", "/tmp", "/var/tmp", "/dev/shm", "/run/report", "/run", "/"):
    for number in range(64):
        path = "%s/fill-%d" % (folder, number)
        try:
            with open(path, "wb", buffering=0) as file:
                made.append(path)
                for _ in range(32):
                    n_bytes += file.write(piece)
                    if n_bytes > 1 << 30:
                        break
        except OSError as error:
            print(folder, error.strerror)
            break
        if n_bytes > 1 << 30:
            break
print("ESCAPED: 1 GiB" if n_bytes > 1 << 30 else "stopped at %d MiB" % (n_bytes >> 20))
for path in made:
    os.unlink(path)
