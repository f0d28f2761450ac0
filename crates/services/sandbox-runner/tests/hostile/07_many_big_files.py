# expect: contained | a limit on the size of a file does not stop many: 16 files of 48 MiB
# bare: escapes
import os

made, piece = [], b"x" * (1 << 20)
try:
    for number in range(16):
        with open("big-%d" % number, "wb", buffering=0) as file:
            made.append(file.name)
            for _ in range(48):
                if file.write(piece) < len(piece):
                    raise OSError(28, "cut short")
    print("ESCAPED: 768 MiB")
except OSError as error:
    print("stopped at", len(made), error.strerror)
for name in made:
    os.unlink(name)
