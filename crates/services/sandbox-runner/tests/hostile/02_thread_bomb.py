# expect: contained | thread bomb, bounded to 400 threads
# bare: escapes
import threading

threading.stack_size(64 << 10)
end, threads = threading.Event(), []
try:
    for _ in range(400):
        thread = threading.Thread(target=end.wait, daemon=True)
        thread.start()
        threads.append(thread)
except RuntimeError as error:
    print("stopped at", len(threads), error)
else:
    print("ESCAPED: 400 threads")
end.set()
