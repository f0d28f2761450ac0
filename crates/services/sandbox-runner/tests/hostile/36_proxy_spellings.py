# expect: blocked | the egress proxy must refuse internal targets in every spelling; runs only when a proxy is configured
import json, os, socket, urllib.parse

port = json.load(open("canary.json"))["port"] if os.path.exists("canary.json") else 80
proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy") or os.environ.get("HTTP_PROXY")
hosts = (
    "127.0.0.1", "127.1", "127.0.1", "0x7f000001", "0x7f.1", "2130706433", "017700000001", "0177.0.0.1", "0", "0.0.0.0", "[::]", "[::1]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "localhost", "LOCALHOST", "localhost.",
    "127.0.0.1.", "\u2460\u2461\u2466.0.0.1", "169.254.169.254", "0xa9fea9fe", "2852039166", "[::ffff:a9fe:a9fe]", "[fe80::1]", "[fd00:ec2::254]", "100.64.0.1",
    "10.0.0.1", "172.16.0.1", "192.168.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "metadata.google.internal", "127.0.0.1.nip.io", "localtest.me",
    "example.com@127.0.0.1", "127.0.0.1#example.com", "127.0.0.1%00.example.com",
)
if not proxy:
    print("blocked: no proxy")
else:
    at = urllib.parse.urlsplit(proxy)
    for host in hosts:
        for request in ("CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\n\r\n" % (host, port, host, port),
                        "GET http://%s:%d/ HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (host, port, host)):
            try:
                with socket.create_connection((at.hostname, at.port), 2) as wire:
                    wire.settimeout(2)
                    wire.sendall(request.encode())
                    answer = wire.recv(200)
            except OSError:
                continue
            if answer[9:12] == b"200":
                print("ESCAPED: the proxy let us to", host)
    print("done")
