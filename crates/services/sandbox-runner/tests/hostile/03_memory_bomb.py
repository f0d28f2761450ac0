# expect: killed | memory bomb in one process, bounded to 3 GiB
hoard = []
for _ in range(48):
    hoard.append(bytearray(b"x") * (64 << 20))
print("ESCAPED: 3 GiB")
