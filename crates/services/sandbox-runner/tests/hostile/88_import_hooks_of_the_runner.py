# expect: contained | poison what the runner's own Python side uses after the code has ended: json, open, sys, atexit, its modules
import atexit, builtins, gc, json, sys, threading


class Evil(str):
    def __str__(self): raise SystemExit(0)
    def write(self, text): raise KeyboardInterrupt
    def flush(self): raise KeyboardInterrupt


def evil(*args, **kwargs):
    raise BaseException("no")


for module in list(sys.modules.values()):
    for name in ("dumps", "loads", "save_open", "run", "_write"):
        if hasattr(module, name) and module is not sys:
            try:
                setattr(module, name, evil)
            except (AttributeError, TypeError):
                pass
builtins.open = builtins.len = builtins.isinstance = evil
json.dumps = json.JSONEncoder.encode = evil
sys.stdout = sys.stderr = sys.stdin = Evil()
threading._shutdown = evil
atexit.register(evil)
gc.disable()
sys.modules.clear()
