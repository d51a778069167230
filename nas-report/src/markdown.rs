//! Writes the report as Markdown, with its charts beside it as SVG files, which it shows, and as PNG files, for places
//! that take no SVG.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use nas_core::report::Report;

use crate::{Block, ReportError, Shown, content, save};

/// The pixels of a PNG per unit of the SVG.
const SCALE: f32 = 2.0;

pub(crate) fn write(report: &Report, shown: &Shown, file: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let stem = file.file_stem().map_or_else(|| "report".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let folder_name = format!("{stem}-charts");
    let folder = file.with_file_name(&folder_name);
    fs::create_dir_all(&folder).map_err(|error| ReportError::write(&folder, error))?;
    let (mut text, mut files, mut first) = (String::new(), vec![file.to_owned()], true);
    for block in content::blocks(report, shown)? {
        // Writing to a string cannot fail.
        let _ = match block {
            Block::Heading(level, title) => writeln!(text, "{} {}\n", "#".repeat(level.into()), escaped(&title)),
            Block::Text(words) => writeln!(text, "{}\n", paragraph(&words)),
            Block::Table { header, rows, text_columns, .. } => {
                writeln!(text, "{}", table(&header, &rows, text_columns))
            }
            Block::Matrix { corner, columns, rows } => {
                let header: Vec<String> = std::iter::once(corner).chain(columns).collect();
                let row = |(name, cells): (String, Vec<(String, f64)>)| {
                    std::iter::once(name).chain(cells.into_iter().map(|(words, _)| words)).collect()
                };
                let rows: Vec<Vec<String>> = rows.into_iter().map(row).collect();
                writeln!(text, "{}", table(&header, &rows, 1))
            }
            Block::Chart { name, caption, chart } => {
                let raster = nas_draw::png(&chart.svg, SCALE).map_err(|error| ReportError::Draw(error.to_string()))?;
                for (ending, bytes) in [("svg", chart.svg.as_bytes()), ("png", &raster[..])] {
                    let picture = folder.join(format!("{name}.{ending}"));
                    save(&picture, bytes)?;
                    files.push(picture);
                }
                let sentence = caption.split(". ").next().unwrap_or_default();
                writeln!(text, "![{}]({folder_name}/{name}.svg)\n\n{}\n", escaped(sentence), escaped(&caption))
            }
        };
        if std::mem::take(&mut first) {
            text.push_str(&legend(report));
        }
    }
    save(file, text.as_bytes())?;
    Ok(files)
}

/// Returns the strategies' colours, which all charts share.
fn legend(report: &Report) -> String {
    let name = |(place, name): (usize, &String)| format!("{} `{}`", escaped(name), crate::colour::hex(place));
    let names: Vec<String> = report.strategies.iter().enumerate().map(name).collect();
    format!("Colours: {}.\n\n", names.join(", "))
}

fn table(header: &[String], rows: &[Vec<String>], text_columns: usize) -> String {
    let line = |cells: &[String]| format!("| {} |", cells.iter().map(|c| escaped(c)).collect::<Vec<_>>().join(" | "));
    let rule: Vec<&str> = (0..header.len()).map(|at| if at < text_columns { "---" } else { "---:" }).collect();
    let body: Vec<String> = rows.iter().map(|row| line(row)).collect();
    format!("{}\n|{}|\n{}\n", line(header), rule.join("|"), body.join("\n"))
}

/// Escapes everything in a text except stars, which emphasise.
fn paragraph(words: &str) -> String {
    let mut safe = String::with_capacity(words.len());
    let mut letters = words.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '&' if letters.peek().is_some_and(|next| next.is_alphanumeric() || *next == '#') => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '\n' => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

/// Escapes everything in a text that Markdown would interpret.
fn escaped(words: &str) -> String {
    let mut safe = paragraph(words);
    for sign in ['\\', '|', '*', '`', '[', ']'] {
        safe = safe.replace(sign, &format!("\\{sign}"));
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_in_markdown() {
        assert_eq!(escaped("<a>|*b*[c](d) `e`\n&lt; f & g"), "&lt;a>\\|\\*b\\*\\[c\\](d) \\`e\\` &amp;lt; f & g");
        assert_eq!(paragraph("*stressed* < 1"), "*stressed* &lt; 1");
    }
}
