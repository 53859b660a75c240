"""A small HTTP front for ClickHouse's own engine (chdb, in this process): a stand-in for the server, not for the engine.

Arguments: directory of the data, port (0 takes any), user, password, and for TLS a file with certificate and key, and one
with the authority of clients. It prints its port. It answers as the HTTP interface
of ClickHouse does: query in "query" or the body, data after it, settings and "param_..." as parameters; one at a time.
"""
import base64
import hmac
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from urllib.parse import parse_qsl, urlsplit

from chdb.session import Session

DIRECTORY, PORT, USER, PASSWORD, *TLS = sys.argv[1:]
# Of the connection, and no settings.
KNOWN = ("query", "query_id", "database", "session_id", "enable_http_compression", "default_format", "role")
session = Session(DIRECTORY)
engine = Lock()


def literal(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def run(query, data, parameters):
    """Settings hold for this query only."""
    settings = [(name, value) for name, value in parameters if name not in KNOWN]
    with engine:
        try:
            for name, value in parameters:
                if name == "database":
                    session.query(f"USE `{value}`")
            for name, value in settings:
                session.query(f"SET {name} = {literal(value)}")
            return session.query(query + ("\n" + data if data else "")).bytes()
        finally:
            for name, _ in settings:
                if not name.startswith("param_"):
                    session.query(f"SET {name} = DEFAULT")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def is_known(self):
        named = (self.headers.get("X-ClickHouse-User"), self.headers.get("X-ClickHouse-Key", ""))
        if self.headers.get("X-ClickHouse-SSL-Certificate-Auth") == "on":
            return named == (USER, "") and self.common_name() == USER
        if named[0] is not None:
            return named == (USER, PASSWORD)
        given = self.headers.get("Authorization", "")
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return hmac.compare_digest(given, wanted)

    def common_name(self):
        subject = (self.connection.getpeercert() or {}).get("subject", ())
        return dict(field for fields in subject for field in fields).get("commonName")

    def do_POST(self):
        data = self.body().decode()
        if not self.is_known():
            self.answer(403, b"Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)\n")
            return
        parameters = parse_qsl(urlsplit(self.path).query, keep_blank_values=True)
        query = dict(parameters).get("query")
        try:
            self.answer(200, run(query or data, data if query else "", parameters))
        except Exception as error:  # whatever the engine says is the answer
            self.answer(500, str(error).encode(), [("X-ClickHouse-Exception-Code", "1")])

    do_GET = do_POST


session.query("CREATE DATABASE IF NOT EXISTS access")
server = ThreadingHTTPServer(("127.0.0.1", int(PORT)), Handler)
if TLS:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS[0])
    context.load_verify_locations(TLS[1])
    context.verify_mode = ssl.CERT_OPTIONAL
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
