"""Reads a PDF from its input with pypdf, strictly; tells title, text and places of text as JSON."""

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
json.dump({"title": reader.metadata.title, "pages": pages}, sys.stdout)
