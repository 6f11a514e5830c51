//! Where everything goes on the pages: pure arithmetic, in points from the lower left corner.

use super::Block;
use super::font::{Font, encoded};

/// A4, in points.
pub(super) const PAGE: (f32, f32) = (595.28, 841.89);
/// What stays white on every side, in points: 25 mm.
pub(super) const MARGIN: f32 = 70.87;

const LEFT: f32 = MARGIN;
const RIGHT: f32 = PAGE.0 - MARGIN;
const TOP: f32 = PAGE.1 - MARGIN;
/// The last line of text stands above the page's number, which is within the margins as well.
const BOTTOM: f32 = MARGIN + 2.0 * TEXT.leading;

/// A size of type, and the distance from one line to the next.
#[derive(Clone, Copy)]
struct Size {
    points: f32,
    leading: f32,
}

const TITLE: Size = Size {
    points: 17.0,
    leading: 22.0,
};
const HEADING: Size = Size {
    points: 12.0,
    leading: 16.0,
};
const TEXT: Size = Size {
    points: 10.5,
    leading: 14.5,
};
const NUMBER: Size = Size {
    points: 8.5,
    leading: 11.0,
};

/// How far labels reach into a page, in points; values stand beside them.
const LABELS: f32 = 150.0;
const GUTTER: f32 = 12.0;

/// A run of text in its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) font: Font,
    pub(super) points: f32,
    pub(super) text: Vec<u8>,
}

/// Sets a document on as many pages as it takes; there is always one.
pub(super) fn pages(title: &str, blocks: &[Block]) -> Vec<Vec<Run>> {
    let mut setting = Setting {
        pages: vec![Vec::new()],
        y: TOP,
    };
    setting.lines(title, LEFT, RIGHT, Font::Bold, TITLE);
    setting.skip(TITLE.leading);
    for block in blocks {
        setting.block(block);
    }
    setting.number();
    setting.pages
}

struct Setting {
    pages: Vec<Vec<Run>>,
    /// The upper edge of the next line.
    y: f32,
}

impl Setting {
    fn block(&mut self, block: &Block) {
        match block {
            Block::Heading(text) => {
                self.skip(HEADING.leading / 2.0);
                // A heading does not stand alone at the foot of a page.
                self.make_room(HEADING.leading + 2.0 * TEXT.leading);
                self.lines(text, LEFT, RIGHT, Font::Bold, HEADING);
                self.skip(TEXT.leading / 4.0);
            }
            Block::Paragraph(text) => {
                for line in text.split('\n') {
                    self.lines(line, LEFT, RIGHT, Font::Regular, TEXT);
                }
                self.skip(TEXT.leading / 2.0);
            }
            Block::Facts(facts) => {
                for (label, value) in facts {
                    self.fact(label, value);
                }
                self.skip(TEXT.leading / 2.0);
            }
        }
    }

    /// A label and its value side by side, line by line.
    fn fact(&mut self, label: &str, value: &str) {
        let values = LEFT + LABELS + GUTTER;
        let labels = broken(label, Font::Bold, TEXT.points, LABELS);
        let told: Vec<Vec<u8>> = value
            .split('\n')
            .flat_map(|line| broken(line, Font::Regular, TEXT.points, RIGHT - values))
            .collect();
        for number in 0..labels.len().max(told.len()) {
            let y = self.next_line(TEXT);
            if let Some(text) = labels.get(number) {
                self.put(LEFT, y, Font::Bold, TEXT, text.clone());
            }
            if let Some(text) = told.get(number) {
                self.put(values, y, Font::Regular, TEXT, text.clone());
            }
        }
    }

    fn lines(&mut self, text: &str, left: f32, right: f32, font: Font, size: Size) {
        for line in broken(text, font, size.points, right - left) {
            let y = self.next_line(size);
            self.put(left, y, font, size, line);
        }
    }

    /// The baseline of the next line, on the next page when this one is full.
    fn next_line(&mut self, size: Size) -> f32 {
        self.make_room(size.leading);
        self.y -= size.leading;
        // Descenders hang below the baseline and within the line.
        self.y + (size.leading - size.points) / 2.0 + size.points * 0.22
    }

    fn make_room(&mut self, height: f32) {
        if self.y - height < BOTTOM {
            self.pages.push(Vec::new());
            self.y = TOP;
        }
    }

    fn skip(&mut self, height: f32) {
        // White at the top of a page is only white.
        if self.y < TOP {
            self.y -= height;
        }
    }

    fn put(&mut self, x: f32, y: f32, font: Font, size: Size, text: Vec<u8>) {
        let run = Run {
            x,
            y,
            font,
            points: size.points,
            text,
        };
        if let Some(page) = self.pages.last_mut().filter(|_| !run.text.is_empty()) {
            page.push(run);
        }
    }

    fn number(&mut self) {
        let all = self.pages.len();
        for (place, page) in self.pages.iter_mut().enumerate() {
            let text = encoded(&format!("Page {} of {all}", place + 1));
            let width = Font::Regular.width(&text, NUMBER.points);
            page.push(Run {
                x: RIGHT - width,
                y: MARGIN + NUMBER.leading - NUMBER.points,
                font: Font::Regular,
                points: NUMBER.points,
                text,
            });
        }
    }
}

/// Breaks a text between words, and a word that is wider than a line wherever the line ends; an
/// empty text is one empty line.
fn broken(text: &str, font: Font, points: f32, width: f32) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    let mut line: Vec<u8> = Vec::new();
    for word in text
        .split([' ', '\t', '\r', '\n'])
        .filter(|word| !word.is_empty())
    {
        let word = encoded(word);
        let longer = if line.is_empty() {
            word.clone()
        } else {
            [&line[..], b" ", &word].concat()
        };
        if font.width(&longer, points) <= width {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for byte in word {
            line.push(byte);
            if font.width(&line, points) > width {
                line.pop();
                lines.push(std::mem::replace(&mut line, vec![byte]));
            }
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn within(pages: &[Vec<Run>]) -> Result<(), String> {
        for run in pages.iter().flatten() {
            let end = run.x + run.font.width(&run.text, run.points);
            let ok = run.x >= LEFT && end <= RIGHT + 0.01 && run.y >= MARGIN && run.y <= TOP;
            if !ok {
                return Err(format!("{run:?} ends at {end}"));
            }
        }
        Ok(())
    }

    #[test]
    fn a_word_without_end_is_broken() {
        let title = "W".repeat(500);
        let facts = vec![("a".repeat(300), "b".repeat(3000))];
        let pages = pages(&title, &[Block::Facts(facts)]);
        assert_eq!(within(&pages), Ok(()));
        let all: Vec<u8> = pages
            .concat()
            .into_iter()
            .flat_map(|run| run.text)
            .collect();
        let count = |byte: u8| all.iter().filter(|b| **b == byte).count();
        assert_eq!((count(b'W'), count(b'b')), (500, 3000));
    }

    proptest! {
        #[test]
        fn every_page_keeps_its_margins(
            title in "\\PC{0,80}",
            paragraphs in proptest::collection::vec("[a-zA-Z ł€\\n]{0,900}", 0..30),
            facts in proptest::collection::vec(("\\PC{0,60}", "\\PC{0,200}"), 0..20),
        ) {
            let mut blocks: Vec<Block> = Vec::new();
            for text in paragraphs {
                blocks.push(Block::Heading(text.chars().take(120).collect()));
                blocks.push(Block::Paragraph(text));
            }
            blocks.push(Block::Facts(facts));
            prop_assert_eq!(within(&pages(&title, &blocks)), Ok(()));
        }
    }
}
