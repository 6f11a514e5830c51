"""Many transfers at once, and a range from the end, over plain HTTP connections."""

import http.client
import threading
import time
from base64 import b64encode
from urllib.parse import urlsplit

PIECE = 1 << 20


def connection(url):
    address = urlsplit(url)
    return http.client.HTTPConnection(address.hostname, address.port, timeout=600)


def metadata(session):
    pairs = {"session": session, "kind": "audio", "filename": "crowd.wav"}
    return ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in pairs.items())


def send(gateway, token, length, failures):
    line = connection(gateway.url)
    headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0", "Upload-Length": str(length),
               "Upload-Metadata": metadata(gateway.session), "Content-Type": "application/offset+octet-stream",
               "Content-Length": str(length)}
    piece = bytes(PIECE)
    line.request("POST", "/v1/uploads", body=(piece for _ in range(length // PIECE)), headers=headers)
    answer = line.getresponse()
    answer.read()
    if answer.status != 201 or answer.headers.get("upload-offset") != str(length):
        failures.append(f"an upload: {answer.status}")


def take(gateway, token, item, failures):
    line = connection(gateway.url)
    line.request("GET", f"/v1/items/{item}/content", headers={"Authorization": f"Bearer {token}"})
    answer = line.getresponse()
    taken = 0
    while piece := answer.read(PIECE):
        taken += len(piece)
    if answer.status != 200 or taken != int(answer.headers["content-length"]):
        failures.append(f"a download: {answer.status}, {taken} bytes")


def crowd(gateway, item, transfers, length):
    """So many transfers at once, half of them each way; what went wrong comes back."""
    tokens = [gateway.researcher() for _ in range(1 + transfers // 12)]
    failures = []
    threads = []
    for number in range(transfers):
        token = tokens[number % len(tokens)]
        work = (send, (gateway, token, length, failures)) if number % 2 else (take, (gateway, token, item, failures))
        threads.append(threading.Thread(target=work[0], args=work[1]))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


class Tail:
    """Gets the last bytes of something, again and again over one connection."""

    def __init__(self, url, path, headers, first, last):
        self.line, self.path = connection(url), path
        self.headers = dict(headers, Range=f"bytes={first}-{last}")
        self.length = last - first + 1

    def once(self):
        begun = time.perf_counter()
        self.line.request("GET", self.path, headers=self.headers)
        answer = self.line.getresponse()
        got = len(answer.read())
        # This S3 server calls a part of something 200.
        if answer.status not in (200, 206) or got != self.length:
            raise SystemExit(f"a range of {self.path}: {answer.status}, {got} bytes")
        return time.perf_counter() - begun
