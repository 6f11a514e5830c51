"""Strongroom beside `aws s3 cp`, `rclone copy`, `rclone` crypt, `age` and `rage`: see benches/peers.sh."""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from crowd import Tail, crowd
from measure import Contender, Turn, alternate, peak_of, program, report
from plot import write_documents
from rooms import room_rows
from stage import Gateway, Server, Tools
from table import Table

UNITS = {"K": 1000, "M": 1000**2, "G": 1000**3}
SMALL_FILES = 500


def size(text):
    return int(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else int(text)


def fill(path, length):
    """Bytes that do not compress, the same in every run."""
    draw = random.Random(length)
    with open(path, "wb") as file:
        while length > 0:
            # Small: what this process holds is counted with what it starts.
            piece = min(length, 1 << 20)
            file.write(draw.randbytes(piece))
            length -= piece


def same(one, other):
    program(["cmp", one, other])


# Where the gateway's ciphertext lies; what else it keeps in its bucket stays.
MATERIAL = "strongroom/material"
LONG = 10**9


def one_file(stage, server, tools, gateway, name, length, wanted, table):
    """A file of one size, up and down, by everybody in turn; its item is left in the bucket, and its plain copy."""
    source, back = stage / f"file-{name}", stage / "back"
    fill(source, length)
    rounds, rehearsals = (max(3, wanted // 2), 0) if length >= LONG else (wanted, 1)
    before = server.stored(MATERIAL)
    emptied = lambda place, keep=frozenset(): lambda: server.empty(place, keep)
    ups = [
        Contender("strongroom upload", lambda: gateway.run("upload", source, "--session", gateway.session, "--kind", "audio"), emptied(MATERIAL, before)),
        Contender("aws s3 cp", lambda: tools.aws("cp", "--only-show-errors", source, f"s3://plain/up-{name}"), emptied("plain")),
        Contender("rclone copy", lambda: tools.rclone("copyto", "--ignore-times", source, f"store:plain/rc-{name}"), emptied("plain")),
        Contender("rclone crypt", lambda: tools.rclone("copyto", "--ignore-times", source, f"sealed:up-{name}"), emptied("crypt")),
    ]
    alternate(rounds, ups, rehearsals)
    report(f"{name}, up ({rounds} rounds)", ups)

    (item,) = gateway.upload(source)
    tools.aws("cp", "--only-show-errors", source, f"s3://plain/{name}")
    tools.rclone("copyto", source, f"sealed:{name}")
    gateway.json("fetch", item, "-o", back)
    same(source, back)
    source.unlink()

    away = lambda: back.unlink(missing_ok=True)
    away()
    downs = [
        Contender("strongroom fetch", lambda: gateway.run("fetch", item, "-o", back), away),
        Contender("strongroom fetch --sealed", lambda: gateway.run("fetch", item, "--sealed", "-o", back), away),
        Contender("aws s3 cp", lambda: tools.aws("cp", "--only-show-errors", f"s3://plain/{name}", back), away),
        Contender("rclone copy", lambda: tools.rclone("copyto", f"store:plain/{name}", back), away),
        Contender("rclone crypt", lambda: tools.rclone("copyto", f"sealed:{name}", back), away),
    ]
    alternate(rounds, downs, rehearsals)
    report(f"{name}, down ({rounds} rounds)", downs)
    server.empty("crypt")
    table.keep(f"{name} up", ups)
    table.keep(f"{name} down", downs)
    upload, aws, _, crypt = ups
    fetch, sealed, _, rclone, _ = downs
    if length >= 5 * 10**8:
        table.ratio(f"upload {name} against aws s3 cp", upload, aws, 1.0)
        table.ratio(f"upload {name} against rclone crypt", upload, crypt, 0.6)
        table.ratio(f"fetch {name} against rclone copy", fetch, rclone, 1.0)
        table.ratio(f"gateway CPU per GB, sealed fetch against fetch, {name}", sealed, fetch, 0.4, "gateway")
    return item


def small_files(stage, tools, gateway, wanted, table):
    folder = stage / "small"
    folder.mkdir()
    draw = random.Random(SMALL_FILES)
    for number in range(SMALL_FILES):
        fill(folder / f"note-{number:03}.txt", draw.randrange(2_000, 200_000))
    files = sorted(folder.iterdir())
    turn = iter(range(10**6))
    contenders = [
        Contender("strongroom upload", lambda: gateway.run("upload", *files, "--session", gateway.session, "--kind", "audio")),
        Contender("rclone copy", lambda: tools.rclone("copy", folder, f"store:plain/small-{next(turn)}")),
        Contender("rclone crypt", lambda: tools.rclone("copy", folder, f"sealed:small-{next(turn)}")),
        Contender("aws s3 cp --recursive", lambda: tools.aws("cp", "--only-show-errors", "--recursive", folder, f"s3://plain/aws-{next(turn)}/")),
    ]
    alternate(wanted, contenders)
    report(f"{SMALL_FILES} small files, up", contenders)
    table.keep("500 small files up", contenders)
    table.ratio("500 small files against rclone copy", contenders[0], contenders[1], 1.0)


def sealing_alone(stage, wanted, table):
    """What other people's programs take to seal a file, for the scale of it."""
    source, out = stage / "seal", stage / "sealed.age"
    fill(source, 500 * 10**6)
    keys = stage / "identity"
    program(["age-keygen", "-o", keys])
    recipient = next(line.split()[-1] for line in keys.read_text().splitlines() if "public key" in line)
    contenders = [
        Contender(name, lambda name=name: program([name, "-r", recipient, "-o", out, source])) for name in ["age", "rage"]
    ]
    alternate(wanted, contenders)
    report("500M, sealed by other people's programs", contenders)
    table.keep("500M sealed", contenders)
    source.unlink()
    out.unlink()


def the_end_of_it(stage, gateway, item, name, length, table):
    """64 KiB from the end: the gateway beside the S3 server itself."""
    # Without signatures: a range is asked for by hand, and checking one would be the server's time.
    open_server = Server(stage, asks_who=False)
    try:
        token = gateway.researcher()
        ours = Tail(gateway.url, f"/v1/items/{item}/content", {"Authorization": f"Bearer {token}"}, length - 65536, length - 1)
        raw = Tail(open_server.url, f"/plain/{name}", {}, length - 65536, length - 1)
        contenders = [Contender("gateway", lambda: turn_of(ours.once())), Contender("raw S3", lambda: turn_of(raw.once()))]
        alternate(500, contenders)
        report(f"64 KiB from the end of {name}", contenders)
        table.keep(f"64 KiB from the end of {name}", contenders)
        table.ratio(f"64 KiB from the end of {name} against a raw range", *contenders, 2.0)
    finally:
        open_server.stop()


def turn_of(wall):
    return Turn(wall, 0.0, 0.0)


def memory(stage, gateway, item, length, table):
    """The gateway's peak for one long upload, and for a hundred transfers at once, each in a fresh process."""
    source = stage / "long"
    fill(source, length)
    gateway.stop()
    gateway.start()
    gateway.upload(source)
    table.bound(f"gateway peak, one upload of {length / 10**9:.0f} GB", peak_of(gateway.process.pid), 64, "MiB")
    source.unlink()
    gateway.stop()
    gateway.start()
    failures = crowd(gateway, item, 100, 20 << 20)
    if failures:
        raise SystemExit(f"of a hundred transfers {len(failures)} failed: {failures[:3]}")
    table.bound("gateway peak, 100 transfers at once", peak_of(gateway.process.pid), 256, "MiB")


def main():
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--rounds", type=int, default=7)
    wanted.add_argument("--sizes", default="1M,50M,500M,4G")
    wanted.add_argument("--only", choices=["files", "small", "rooms", "memory", "seal"], help="one part of it")
    wanted.add_argument("--dir", help="where the files go; on the disk that is to be measured")
    wanted.add_argument("--write-docs", action="store_true", help="write docs/performance-peers.md and .svg")
    wanted = wanted.parse_args()
    part = lambda name: wanted.only in (None, name)
    table = Table()
    with tempfile.TemporaryDirectory(dir=wanted.dir or "target") as folder:
        stage = Path(folder).resolve()
        server = Server(stage)
        tools, gateway = Tools(server, stage), Gateway(server, stage)
        try:
            items = {}
            if part("files"):
                for name in wanted.sizes.split(","):
                    items[name] = one_file(stage, server, tools, gateway, name, size(name), wanted.rounds, table)
                    longest = name
                the_end_of_it(stage, gateway, items[longest], longest, size(longest), table)
                server.empty("plain")
                server.empty(MATERIAL)
            if part("small"):
                small_files(stage, tools, gateway, wanted.rounds, table)
            if part("memory"):
                # A vault of its own: what thousands of items take in the index is another figure.
                gateway.stop()
                (stage / "apart").mkdir()
                gateway = Gateway(server, stage / "apart")
                source = stage / "middling"
                fill(source, 20 << 20)
                memory(stage, gateway, gateway.upload(source)[0], size("4G"), table)
            if part("seal"):
                sealing_alone(stage, wanted.rounds, table)
        finally:
            gateway.stop()
            server.stop()
            shutil.rmtree(stage / "served", ignore_errors=True)
    if part("rooms"):
        room_rows(table)
    print(table)
    if wanted.write_docs:
        write_documents(table)
    sys.exit(0 if table.is_met() else 1)


if __name__ == "__main__":
    main()
