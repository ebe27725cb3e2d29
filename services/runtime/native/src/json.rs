//! Which bytes stand for this value? As ledger/canonical_json.py: members by code point, no
//! white space, no floats, no escapes but those that JSON asks for.

use base64::{engine::general_purpose::STANDARD, Engine};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A growing JSON text; the caller writes members in the order of their names.
#[derive(Default)]
pub struct Json(pub Vec<u8>);

impl Json {
    pub fn with_capacity(bytes: usize) -> Json {
        Json(Vec::with_capacity(bytes))
    }

    pub fn raw(&mut self, bytes: &[u8]) -> &mut Json {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Json {
        self.0.push(b'"');
        let bytes = text.as_bytes();
        let mut from = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' {
                continue;
            }
            self.0.extend_from_slice(&bytes[from..at]);
            from = at + 1;
            match byte {
                b'"' => self.raw(b"\\\""),
                b'\\' => self.raw(b"\\\\"),
                0x08 => self.raw(b"\\b"),
                0x0c => self.raw(b"\\f"),
                b'\n' => self.raw(b"\\n"),
                b'\r' => self.raw(b"\\r"),
                b'\t' => self.raw(b"\\t"),
                _ => self.raw(b"\\u00").raw(&[
                    HEX[usize::from(byte >> 4)],
                    HEX[usize::from(byte & 15)],
                ]),
            };
        }
        self.0.extend_from_slice(&bytes[from..]);
        self.0.push(b'"');
        self
    }

    pub fn base64(&mut self, bytes: &[u8; 32]) -> &mut Json {
        let mut text = [0; 44]; // what 32 bytes take
        STANDARD.encode_slice(bytes, &mut text).expect("44 characters hold 32 bytes");
        self.raw(b"\"").raw(&text).raw(b"\"")
    }

    pub fn texts(&mut self, texts: &[String]) -> &mut Json {
        self.0.push(b'[');
        for (index, text) in texts.iter().enumerate() {
            if index > 0 {
                self.0.push(b',');
            }
            self.text(text);
        }
        self.raw(b"]")
    }

    /// Begin a member: a comma where one is needed, the name (ASCII, nothing to escape), a colon.
    pub fn name(&mut self, name: &str) -> &mut Json {
        if self.0.last() != Some(&b'{') {
            self.0.push(b',');
        }
        self.raw(b"\"").raw(name.as_bytes()).raw(b"\":")
    }

    /// A member that is absent where its text is empty.
    pub fn unless_empty(&mut self, name: &str, text: &str) -> &mut Json {
        if text.is_empty() {
            return self;
        }
        self.name(name).text(text)
    }

    pub fn number(&mut self, number: i64) -> &mut Json {
        self.raw(number.to_string().as_bytes())
    }

    pub fn bool(&mut self, yes: bool) -> &mut Json {
        self.raw(if yes { b"true" } else { b"false" })
    }
}
