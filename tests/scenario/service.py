# SPDX-License-Identifier: Apache-2.0
"""Services on 127.0.0.1 for tests: one that answers as it is told, TLS, a proxy, and bad weather."""
import contextlib
import http.server
import json
import socket
import subprocess
import threading
import urllib.parse

# The environment of a daemon whose requests must not be sent through a proxy of the machine.
PROXIES = {name: "" for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy",
                                 "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")}


class Request:
    """What was asked; `headers` are those of http.client, their names in any case."""

    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    def json(self):
        return json.loads(self.body)


class Service:
    """Answers each request with what `answer(request)` gives: (code, body) or (code, body, headers).

    A body is bytes, text, or what becomes JSON; None closes the connection without a word.
    """

    def __init__(self, answer, port=0, tls=None):
        self.answer, self.requests, self.lock = answer, [], threading.Lock()
        self.released = threading.Event()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # head and body in one packet: two would wait for each other

            def log_message(self, *_):
                pass

            def handle_one_request(self):
                with contextlib.suppress(ConnectionError, TimeoutError):
                    super().handle_one_request()
                    return
                self.close_connection = True

            def do_POST(self):
                count = int(self.headers.get("Content-Length") or 0)
                request = Request(self.command, self.path, self.headers, self.rfile.read(count))
                with owner.lock:
                    owner.requests.append(request)
                answer = owner.answer(request)
                if answer is None:
                    self.close_connection = True
                    return
                code, body, headers = (*answer, {})[:3]
                if not isinstance(body, (bytes, str)):
                    body = json.dumps(body)
                body = body.encode() if isinstance(body, str) else body
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()

            do_GET = do_PUT = do_PATCH = do_DELETE = do_POST

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        if tls is not None:
            # The handshake is the connection's thread's: one that hangs in it keeps nobody else waiting.
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def hang(self):
        """For answers: waits until the service is stopped."""
        self.released.wait()

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Proxy:
    """A forwarding proxy: CONNECT, and whole URLs of http. Remembers the first line of each request.

    `refuse` makes it answer with this status line instead of going anywhere.
    """

    def __init__(self, refuse=None):
        self.refuse, self.lines = refuse, []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listening.accept()[0],), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client:
            head = b""
            while b"\r\n\r\n" not in head:
                more = client.recv(65536)
                if not more:
                    return
                head += more
            line, rest = head.split(b"\r\n", 1)
            self.lines.append(line.decode())
            method, target, version = line.split(b" ")
            if self.refuse:
                client.sendall(b"HTTP/1.1 " + self.refuse.encode() + b"\r\nContent-Length: 0\r\n\r\n")
                return
            if method == b"CONNECT":
                host, port = target.rsplit(b":", 1)
                first = b""
            else:
                parts = urllib.parse.urlsplit(target)
                host, port = parts.hostname, parts.port or 80
                path = parts.path + (b"?" + parts.query if parts.query else b"")
                first = b" ".join((method, path, version)) + b"\r\n" + rest
            with socket.create_connection((host.decode(), int(port))) as server:
                if method == b"CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                server.sendall(first)
                back = threading.Thread(target=self.pipe, args=(server, client), daemon=True)
                back.start()
                self.pipe(client, server)
                back.join()

    @staticmethod
    def pipe(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def stop(self):
        with contextlib.suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


def make_certificates(folder):
    """A CA of our own (ca.pem) and what it signed: good.pem for 127.0.0.1, other.pem for another name."""
    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=folder)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
            "/CN=test CA", "-keyout", "ca.key", "-out", "ca.pem")
    for name, alternative in (("good", "IP:127.0.0.1"), ("other", "DNS:other.example")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (folder / f"{name}.ext").write_text(f"subjectAltName={alternative}\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                "30", "-extfile", f"{name}.ext", "-out", f"{name}.pem")
