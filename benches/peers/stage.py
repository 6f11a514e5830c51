"""One S3 server, a gateway before it, and everybody's credentials."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from measure import processor_of, program

KEY, SECRET = "bench", "bench-secret-key"
PROGRAM = Path("target/release/strongroom").resolve()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`rclone serve s3` over a folder: what everybody, the gateway too, stores to."""

    def __init__(self, folder, asks_who=True):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder / "served"
        for bucket in ["plain", "crypt", "strongroom"]:
            (self.folder / bucket).mkdir(parents=True, exist_ok=True)
        who = ["--auth-key", f"{KEY},{SECRET}"] if asks_who else []
        self.process = subprocess.Popen(
            ["rclone", "serve", "s3", *who, "--addr", f"127.0.0.1:{self.port}", str(self.folder)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        wait_for(self.port)

    def empty(self, place, keep=frozenset()):
        """Takes away what is stored in a bucket or a part of it, but for `keep`: a disk holds few files of 4 GB."""
        for file in self.stored(place) - keep:
            file.unlink()

    def stored(self, place):
        """The files that hold what is stored there."""
        return {file for file in (self.folder / place).rglob("*") if file.is_file()}

    def stop(self):
        self.process.terminate()
        self.process.wait()


def wait_for(port):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


class Tools:
    """The peers, set up to store in their buckets on that server."""

    def __init__(self, server, folder):
        self.environment = dict(os.environ, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET,
                                AWS_DEFAULT_REGION="eu-west-2", RCLONE_CONFIG=str(folder / "rclone.conf"))
        self.endpoint = ["--endpoint-url", server.url]
        password = subprocess.run(["rclone", "obscure", "a password"], capture_output=True, text=True, check=True)
        (folder / "rclone.conf").write_text(
            f"[store]\ntype = s3\nprovider = Rclone\naccess_key_id = {KEY}\nsecret_access_key = {SECRET}\n"
            f"endpoint = {server.url}\n\n[sealed]\ntype = crypt\nremote = store:crypt\n"
            f"password = {password.stdout.strip()}\n", encoding="ascii")

    def aws(self, *arguments):
        return program(["aws", *self.endpoint, "s3", *arguments], self.environment)

    def rclone(self, *arguments):
        return program(["rclone", *arguments], self.environment)


class Gateway:
    """The release program, serving a vault of its own whose store is that server."""

    def __init__(self, server, folder):
        self.folder, self.server, self.people = folder, server, 0
        # The same after a restart: whoever is logged in finds it again.
        self.listen = f"127.0.0.1:{free_port()}"
        self.vault = folder / "vault"
        self.environment = {
            "PATH": os.environ["PATH"], "STRONGROOM_HOME": str(folder / "home"),
            "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
        }
        founded = self.json("vault", "init", self.vault, "--admin", "Ada", "--s3-endpoint", server.url, "--bucket",
                            "strongroom", "--region", "eu-west-2", "--attest-region", "eu-west-2",
                            "--attested-by", "A. Operator")
        self.start()
        self.admin = self.enrol(founded["code"])
        self.lead = self.enrol(self.invite("study-lead")["code"])
        terms = {"name": "Bench", "controller": "Ministry", "lawful_basis": "public-task",
                 "withdraw_within": "30d", "retain": "2y after session"}
        self.study = self.ask("POST", "/v1/studies", self.lead, terms)["id"]
        permit = {"permit": ["audio"], "name": "Somebody"}
        participant = self.ask("POST", f"/v1/studies/{self.study}/participants", self.lead, permit)["id"]
        session = {"kind": "interview", "date": time.strftime("%Y-%m-%d"), "participants": [participant]}
        self.session = self.ask("POST", f"/v1/studies/{self.study}/sessions", self.lead, session)["id"]
        invited = self.invite("researcher")
        self.json("login", self.url, "--code", invited["code"])
        self.take_on(invited["id"])

    def start(self):
        log = open(self.folder / "gateway.log", "ab")
        self.process = subprocess.Popen(
            [PROGRAM, "--json", "serve", "--listen", self.listen, "--vault", self.vault],
            env=self.environment, stdout=subprocess.PIPE, stderr=log)
        self.url = json.loads(self.process.stdout.readline())["listening"]

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def json(self, *arguments):
        said = subprocess.run([PROGRAM, "--json", *map(str, arguments)], env=self.environment,
                              capture_output=True, check=False)
        if said.returncode != 0:
            raise SystemExit(f"strongroom {arguments}: {said.stderr.decode()}{said.stdout.decode()}")
        return json.loads(said.stdout)

    def run(self, *arguments, **how):
        """A turn of the command line, with what the gateway took for it."""
        before = processor_of(self.process.pid)
        turn = program([PROGRAM, "--json", *arguments], self.environment, **how)
        turn.gateway = processor_of(self.process.pid) - before
        return turn

    def upload(self, *files):
        """Uploads files and gives their items."""
        said = subprocess.run([PROGRAM, "--json", "upload", *files, "--session", self.session, "--kind", "audio"],
                              env=self.environment, capture_output=True, check=True)
        return [json.loads(line)["id"] for line in said.stdout.splitlines()]

    def ask(self, method, path, token=None, body=None):
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, json.dumps(body or {}).encode()) as answer:
                said = answer.read()
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.read().decode()}") from error
        return json.loads(said) if said else None

    def enrol(self, code):
        return self.ask("POST", "/v1/enrolments", body={"code": code, "terms": 1})["token"]

    def invite(self, role):
        self.people += 1
        return self.ask("POST", "/v1/people", self.admin, {"name": f"Person {self.people}", "role": role})

    def take_on(self, person):
        until = time.strftime("%Y-%m-%d", time.localtime(time.time() + 30 * 86400))
        self.ask("POST", f"/v1/studies/{self.study}/members", self.lead,
                 {"person": person, "role": "researcher", "until": until})

    def researcher(self):
        """The token of another researcher."""
        invited = self.invite("researcher")
        token = self.enrol(invited["code"])
        self.take_on(invited["id"])
        return token
