//! How a certificate's JSON is laid out: one line a field, so that a person can read it, and no
//! more white space than that, since it may name thousands of keys.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// The JSON of `value`, its own fields a line each and whatever is in them on that line.
pub(super) fn to_text(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut text = Vec::new();
    value.serialize(&mut Serializer::with_formatter(
        &mut text,
        FieldALine { depth: 0 },
    ))?;
    String::from_utf8(text).map_err(|error| serde_json::Error::io(io::Error::other(error)))
}

struct FieldALine {
    depth: usize,
}

impl FieldALine {
    fn line<W: Write + ?Sized>(&self, out: &mut W, indent: &str) -> io::Result<()> {
        match self.depth {
            1 => write!(out, "\n{indent}"),
            _ => Ok(()),
        }
    }
}

impl Formatter for FieldALine {
    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.line(out, "")?;
        self.depth -= 1;
        out.write_all(b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        self.line(out, "  ")
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        match self.depth {
            1 => out.write_all(b": "),
            _ => out.write_all(b":"),
        }
    }

    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        out.write_all(b"]")
    }
}

#[test]
fn a_field_has_a_line_and_what_is_in_it_has_none() {
    let value = serde_json::json!({ "a": [1, [2]], "b": { "c": null } });
    let text = to_text(&value).expect("written");
    assert_eq!(text, "{\n  \"a\": [1,[2]],\n  \"b\": {\"c\":null}\n}");
    let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(read, value);
}
