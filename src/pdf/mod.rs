//! Letters as PDF: paragraphs and facts on A4, made in memory, in Helvetica.
//!
//! Nothing is embedded and nothing is read from the machine: the fonts are two of the fourteen that
//! every reader has. What their encoding cannot show is spelled out, never left out.

mod font;
mod layout;

use std::fmt::Write as _;

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use font::Font;
use layout::Run;

/// A part of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading.
    Heading(String),
    /// A paragraph; a line feed in it begins a new line.
    Paragraph(String),
    /// Labels, each with what it stands for beside it.
    Facts(Vec<(String, String)>),
}

/// The same as [`pdf`] makes, as plain text.
pub fn plain(title: &str, blocks: &[Block]) -> String {
    let mut text = format!("{title}\n\n");
    for block in blocks {
        // Writing to a string does not fail.
        let _ = match block {
            Block::Heading(heading) => writeln!(text, "\n{heading}\n"),
            Block::Paragraph(paragraph) => writeln!(text, "{paragraph}\n"),
            Block::Facts(facts) => facts
                .iter()
                .try_for_each(|(label, value)| writeln!(text, "  {label}: {value}"))
                .and_then(|()| writeln!(text)),
        };
    }
    text
}

/// Makes a PDF of a title and what follows it, on as many numbered pages as it takes, with `attached`
/// files under their names.
///
/// ```
/// use strongroom::pdf::{Block, pdf};
/// let bytes = pdf("Your withdrawal", &[Block::Paragraph("It is done.".to_owned())], &[]);
/// assert!(bytes.starts_with(b"%PDF-1.7"));
/// ```
pub fn pdf(title: &str, blocks: &[Block], attached: &[(&str, &[u8])]) -> Vec<u8> {
    let pages = layout::pages(title, blocks);
    let mut numbers = (1..).map(Ref::new);
    let mut next = || numbers.next().unwrap_or(Ref::new(i32::MAX));
    let (catalog, tree, about) = (next(), next(), next());
    let fonts = [(Font::Regular, next()), (Font::Bold, next())];
    let mut file = Pdf::new();
    file.set_version(1, 7);
    let specs: Vec<_> = attached
        .iter()
        .map(|(name, bytes)| {
            let (spec, stream) = (next(), next());
            file.embedded_file(stream, bytes);
            let mut described = file.file_spec(spec);
            described
                .path(Str(name.as_bytes()))
                .unic_file(TextStr(name));
            described.embedded_file(stream);
            described.finish();
            (*name, spec)
        })
        .collect();
    let mut root = file.catalog(catalog);
    root.pages(tree).lang(TextStr("en-GB"));
    if !specs.is_empty() {
        let mut names = root.names();
        let mut files = names.embedded_files();
        let mut list = files.names();
        for (name, spec) in specs {
            list.insert(Str(name.as_bytes()), spec);
        }
    }
    root.finish();
    file.document_info(about).title(TextStr(title));
    for (font, id) in fonts {
        let mut object = file.type1_font(id);
        object.base_font(Name(font.name()));
        object.encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    let mut kids = Vec::with_capacity(pages.len());
    for runs in &pages {
        let (id, content) = (next(), next());
        kids.push(id);
        let mut page = file.page(id);
        page.parent(tree).contents(content);
        page.media_box(Rect::new(0.0, 0.0, layout::PAGE.0, layout::PAGE.1));
        let mut resources = page.resources();
        let mut named = resources.fonts();
        for (font, id) in fonts {
            named.pair(name_of(font), id);
        }
        named.finish();
        resources.finish();
        page.finish();
        file.stream(content, &written(runs));
    }
    let count = i32::try_from(kids.len()).unwrap_or(i32::MAX);
    file.pages(tree).kids(kids).count(count);
    file.finish()
}

fn written(runs: &[Run]) -> Vec<u8> {
    let mut content = Content::new();
    for run in runs {
        content.begin_text();
        content.set_font(name_of(run.font), run.points);
        content.next_line(run.x, run.y);
        content.show(Str(&run.text));
        content.end_text();
    }
    content.finish().to_vec()
}

fn name_of(font: Font) -> Name<'static> {
    match font {
        Font::Regular => Name(b"F1"),
        Font::Bold => Name(b"F2"),
    }
}
