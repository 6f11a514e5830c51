//! JSON, as far as the attacker needs it (RFC 8259): to walk what was opened.

use std::collections::BTreeMap;

/// A value. Numbers that are not whole are passed over.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Number(u64),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// Reads a text that is one value, or nothing when it is not.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut rest = Rest(text);
        let value = rest.value()?;
        rest.space();
        rest.0.is_empty().then_some(value)
    }

    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.get(name),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub fn list(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// A list of numbers below 256, as bytes.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let numbers = self.list().iter();
        numbers.map(|n| u8::try_from(n.number()?).ok()).collect()
    }

    /// This value and everything in it.
    pub fn walk(&self, visit: &mut dyn FnMut(&Self)) {
        visit(self);
        match self {
            Self::List(items) => items.iter().for_each(|item| item.walk(visit)),
            Self::Object(fields) => fields.values().for_each(|field| field.walk(visit)),
            _ => {}
        }
    }
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn space(&mut self) {
        self.0 = self.0.trim_ascii_start();
    }

    fn take(&mut self, words: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(words.as_bytes())?;
        Some(())
    }

    fn value(&mut self) -> Option<Json> {
        self.space();
        match *self.0.first()? {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => self.string().map(Json::Text),
            b'n' => self.take("null").map(|()| Json::Null),
            b't' => self.take("true").map(|()| Json::Number(1)),
            b'f' => self.take("false").map(|()| Json::Number(0)),
            _ => self.digits(),
        }
    }

    fn digits(&mut self) -> Option<Json> {
        let numeric = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
        let length = self.0.iter().take_while(|byte| numeric(byte)).count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        let text = std::str::from_utf8(digits).ok().filter(|t| !t.is_empty())?;
        Some(text.parse().map_or(Json::Null, Json::Number))
    }

    fn string(&mut self) -> Option<String> {
        self.take("\"")?;
        let mut bytes = Vec::new();
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            match byte {
                b'"' => return String::from_utf8(bytes).ok(),
                b'\\' => {
                    let (escape, rest) = self.0.split_first()?;
                    self.0 = rest;
                    let plain = match escape {
                        b'n' => '\n',
                        b't' => '\t',
                        b'r' => '\r',
                        b'b' => '\u{8}',
                        b'f' => '\u{c}',
                        b'u' => {
                            let (digits, rest) = self.0.split_at_checked(4)?;
                            self.0 = rest;
                            let digits = std::str::from_utf8(digits).ok()?;
                            char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                        }
                        other => char::from(*other),
                    };
                    bytes.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes());
                }
                other => bytes.push(*other),
            }
        }
    }

    fn array(&mut self) -> Option<Json> {
        self.take("[")?;
        let mut items = Vec::new();
        loop {
            self.space();
            if self.take("]").is_some() {
                return Some(Json::List(items));
            }
            if !items.is_empty() {
                self.take(",")?;
            }
            items.push(self.value()?);
        }
    }

    fn object(&mut self) -> Option<Json> {
        self.take("{")?;
        let mut fields = BTreeMap::new();
        loop {
            self.space();
            if self.take("}").is_some() {
                return Some(Json::Object(fields));
            }
            if !fields.is_empty() {
                self.take(",")?;
                self.space();
            }
            let name = self.string()?;
            self.space();
            self.take(":")?;
            fields.insert(name, self.value()?);
        }
    }
}

#[test]
fn what_is_written_is_read() {
    let text = br#" {"a": [1, -2, "x\n\u00e9\"", {}, []], "b": null, "c": true} "#;
    let read = Json::parse(text).expect("json");
    let items = read.get("a").expect("a").list();
    assert_eq!(items[0].number(), Some(1));
    assert_eq!(items[2].text(), Some("x\né\""));
    assert_eq!((read.get("b"), items.len()), (Some(&Json::Null), 5));
    for broken in ["", "{", "[1,]x", "\"", "{\"a\" 1}", "1 2"] {
        assert_eq!(Json::parse(broken.as_bytes()), None, "{broken}");
    }
}
