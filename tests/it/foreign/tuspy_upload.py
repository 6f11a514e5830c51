"""Uploads a file with tuspy, a tus client nobody here wrote, and tells what happens line by line.

A line of JSON for each piece, and one at the end. Told to `--pause-after` a number of pieces it
waits to be killed; run again with the same `--store`, it goes on from the URL it stored there.
The token comes in the environment.
"""

import argparse
import json
import os
import sys

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage


def tell(**what):
    print(json.dumps(what), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("endpoint")
    parser.add_argument("file")
    parser.add_argument("--session", required=True)
    parser.add_argument("--kind", required=True)
    parser.add_argument("--filename", required=True)
    parser.add_argument("--chunk-size", type=int, required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--pause-after", type=int, default=None)
    parser.add_argument("--retries", type=int, default=0)
    parser.add_argument("--checksum", action="store_true")
    args = parser.parse_args()

    token = os.environ["STRONGROOM_TOKEN"]
    client = TusClient(args.endpoint, headers={"Authorization": f"Bearer {token}"})
    uploader = client.uploader(
        args.file,
        chunk_size=args.chunk_size,
        metadata={
            "session": args.session,
            "kind": args.kind,
            "filename": args.filename,
        },
        store_url=True,
        url_storage=FileStorage(args.store),
        retries=args.retries,
        retry_delay=0,
        upload_checksum=args.checksum,
    )
    tell(begins=uploader.offset)
    length = os.path.getsize(args.file)
    pieces = 0
    while uploader.offset < length:
        uploader.upload_chunk()
        pieces += 1
        tell(offset=uploader.offset)
        if pieces == args.pause_after:
            tell(paused=uploader.offset)
            sys.stdin.read()
    headers = uploader.request.response_headers
    tell(finished=uploader.offset, item=headers["strongroom-item"], pieces=pieces)


main()
