# expect: blocked | metadata service of the cloud; connects only, asks nothing
# skip-unsandboxed
import socket

for host in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "metadata.google.internal"):
    for port in (80, 8080):
        try:
            socket.create_connection((host, port), 0.5).close()
            print("ESCAPED: connected to", host, port)
        except OSError as error:
            print("blocked", host, error.strerror)
