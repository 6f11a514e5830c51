//! Helvetica as every reader of PDF has it: which characters it shows, and how wide they are.
//!
//! Widths are those of Adobe's Core 14 font metrics, in thousandths of the type's size; the encoding
//! is WinAnsiEncoding (ISO 32000-1, annex D).

/// A cut of Helvetica, of the fourteen fonts that need not be embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Font {
    /// For reading.
    Regular,
    /// For headings and labels.
    Bold,
}

impl Font {
    /// What PDF calls it.
    pub(super) fn name(self) -> &'static [u8] {
        match self {
            Self::Regular => b"Helvetica",
            Self::Bold => b"Helvetica-Bold",
        }
    }

    /// How far encoded text reaches at `size`, in points.
    pub(super) fn width(self, encoded: &[u8], size: f32) -> f32 {
        let widths = match self {
            Self::Regular => &REGULAR,
            Self::Bold => &BOLD,
        };
        let of = |byte: &u8| {
            let place = usize::from(byte.saturating_sub(FIRST));
            f32::from(widths.get(place).copied().unwrap_or(WIDEST))
        };
        encoded.iter().map(of).sum::<f32>() * size / 1000.0
    }
}

/// The text in WinAnsiEncoding. A character it does not have is spelled out as `[U+0142]`: it is
/// never left out.
pub(super) fn encoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(format!("[U+{:04X}]", u32::from(character)).bytes()),
        }
    }
    bytes
}

fn byte_of(character: char) -> Option<u8> {
    match character {
        ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(character)).ok(),
        _ => {
            let listed = BETWEEN.iter().find(|(shown, _)| *shown == character);
            listed.map(|(_, byte)| *byte)
        }
    }
}

/// The first byte that has a width.
const FIRST: u8 = 32;
/// What no glyph is wider than.
const WIDEST: u16 = 1015;

/// Where the encoding departs from ISO 8859-1.
#[rustfmt::skip]
const BETWEEN: [(char, u8); 27] = [
    ('€', 0x80), ('‚', 0x82), ('ƒ', 0x83), ('„', 0x84), ('…', 0x85), ('†', 0x86),
    ('‡', 0x87), ('ˆ', 0x88), ('‰', 0x89), ('Š', 0x8a), ('‹', 0x8b), ('Œ', 0x8c),
    ('Ž', 0x8e), ('‘', 0x91), ('’', 0x92), ('“', 0x93), ('”', 0x94), ('•', 0x95),
    ('–', 0x96), ('—', 0x97), ('˜', 0x98), ('™', 0x99), ('š', 0x9a), ('›', 0x9b),
    ('œ', 0x9c), ('ž', 0x9e), ('Ÿ', 0x9f),
];

/// Widths in Helvetica, from byte 32.
#[rustfmt::skip]
const REGULAR: [u16; 224] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584, 350,
    556, 350, 222, 556, 333, 1000, 556, 556, 333, 1000, 667, 333, 1000, 350, 611, 350,
    350, 222, 222, 333, 333, 350, 556, 1000, 333, 1000, 500, 333, 944, 350, 500, 667,
    278, 333, 556, 556, 556, 556, 260, 556, 333, 737, 370, 556, 584, 333, 737, 333,
    400, 584, 333, 333, 333, 556, 537, 278, 333, 333, 365, 556, 834, 834, 834, 611,
    667, 667, 667, 667, 667, 667, 1000, 722, 667, 667, 667, 667, 278, 278, 278, 278,
    722, 722, 778, 778, 778, 778, 778, 584, 778, 722, 722, 722, 722, 667, 667, 611,
    556, 556, 556, 556, 556, 556, 889, 500, 556, 556, 556, 556, 278, 278, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 584, 611, 556, 556, 556, 556, 500, 556, 500,
];

/// Widths in Helvetica Bold, from byte 32.
#[rustfmt::skip]
const BOLD: [u16; 224] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611,
    975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556,
    333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611,
    611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584, 350,
    556, 350, 278, 556, 500, 1000, 556, 556, 333, 1000, 667, 333, 1000, 350, 611, 350,
    350, 278, 278, 500, 500, 350, 556, 1000, 333, 1000, 556, 333, 944, 350, 500, 667,
    278, 333, 556, 556, 556, 556, 280, 556, 333, 737, 370, 556, 584, 333, 737, 333,
    400, 584, 333, 333, 333, 611, 556, 278, 333, 333, 365, 556, 834, 834, 834, 611,
    722, 722, 722, 722, 722, 722, 1000, 722, 667, 667, 667, 667, 278, 278, 278, 278,
    722, 722, 778, 778, 778, 778, 778, 584, 778, 722, 722, 722, 722, 667, 667, 611,
    556, 556, 556, 556, 556, 556, 889, 556, 556, 556, 556, 556, 278, 278, 278, 278,
    611, 611, 611, 611, 611, 611, 611, 584, 611, 611, 611, 611, 611, 556, 611, 556,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_encoding_lacks_is_spelled_out() {
        assert_eq!(encoded("Zoë’s £5 – €6"), b"Zo\xeb\x92s \xa35 \x96 \x806");
        assert_eq!(encoded("Wałęsa"), b"Wa[U+0142][U+0119]sa");
        assert_eq!(encoded("a\u{7}\u{1f600}"), b"a[U+0007][U+1F600]");
    }

    #[test]
    fn widths_are_the_published_ones() {
        let wide = |font: Font, text: &str| font.width(&encoded(text), 1000.0);
        assert_eq!(
            wide(Font::Regular, "AVW i"),
            667.0 + 667.0 + 944.0 + 278.0 + 222.0
        );
        assert_eq!(wide(Font::Bold, "Wm"), 944.0 + 889.0);
        assert_eq!(wide(Font::Regular, "—€ÿ"), 1000.0 + 556.0 + 500.0);
    }
}
