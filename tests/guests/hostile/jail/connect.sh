# Opens a connection.
# expect: exited | kept

(exec 3<>/dev/tcp/127.0.0.1/80) 2>/dev/null; (command -v python3 >/dev/null && python3 -c "import socket; socket.socket()") 2>/dev/null || echo kept
