# expect: contained | memory that no process has mapped: buffers of sockets and pipes, bounded to 1.5 GiB
import os, socket, time

piece = b"x" * (64 << 10)
tell_r, tell_w = os.pipe()
for _ in range(40):
    if os.fork() == 0:
        os.close(tell_r)
        pairs, n_bytes = [], 0
        try:
            while n_bytes < 40 << 20:
                pair = socket.socketpair()
                pairs.append(pair)
                for end in pair:
                    end.setblocking(False)
                    try:
                        while True:
                            n_bytes += end.send(piece)
                    except BlockingIOError:
                        pass
        except OSError:
            pass
        os.write(tell_w, n_bytes.to_bytes(8, "little"))
        time.sleep(5)
        os._exit(0)
os.close(tell_w)
total = 0
while number := os.read(tell_r, 8):
    total += int.from_bytes(number, "little")
    if total > 900 << 20:
        print("ESCAPED: %d MiB in buffers" % (total >> 20), flush=True)
        os._exit(0)
print("stopped at %d MiB" % (total >> 20))
