"""Reads a PDF from its input with pypdf, strictly; tells title, text, places of text and attached files as JSON."""

import io
import json
import sys

from pypdf import PdfReader

reader = PdfReader(io.BytesIO(sys.stdin.buffer.read()), strict=True)
pages = []
for page in reader.pages:
    at = []

    def visit(text, _cm, tm, _font, _size):
        if text.strip():
            at.append([tm[4], tm[5]])

    text = page.extract_text(visitor_text=visit)
    pages.append({"text": text, "at": at})
attached = {name: b"".join(files).hex() for name, files in reader.attachments.items()}
json.dump({"title": reader.metadata.title, "pages": pages, "attached": attached}, sys.stdout)
