//! The report as one HTML file that asks for nothing else.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use nas_core::report::Report;

use crate::{Block, Picture, ReportError, colour, content};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

pub(crate) fn write(report: &Report, pictures: &[Picture], file: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let blocks = content::blocks(report, pictures)?;
    let mut body = String::new();
    let mut contents = String::new();
    let mut section = 0;
    // Writing to a string cannot fail.
    for block in blocks {
        let _ = match block {
            Block::Heading(1, title) => {
                section += 1;
                let _ = writeln!(contents, "<a href=\"#section{section}\">{}</a>", escaped(&title));
                let end = if section > 1 { "</section>\n" } else { "" };
                let level = if section == 1 { 1 } else { 2 };
                writeln!(body, "{end}<section id=\"section{section}\">\n<h{level}>{}</h{level}>", escaped(&title))
            }
            Block::Heading(level, title) => {
                let level = level.saturating_add(1).min(6);
                writeln!(body, "<h{level}>{}</h{level}>", escaped(&title))
            }
            Block::Text(words) => writeln!(body, "<p>{}</p>", emphasised(&words)),
            Block::Table { header, rows, words } => {
                body.push_str(&table(&header, &rows, words));
                Ok(())
            }
            Block::Chart { name, caption, chart } => {
                // A script's text ends at the first "</", whatever it stands in.
                let points = chart.points.to_string().replace('<', "\\u003c");
                writeln!(
                    body,
                    "<figure id=\"{name}\">\n{}\n<figcaption>{}</figcaption>\n\
                     <script type=\"application/json\">{points}</script>\n</figure>",
                    chart.svg,
                    escaped(&caption)
                )
            }
        };
    }
    let mut legend = String::new();
    for (place, name) in report.strategies.iter().enumerate() {
        let dashed = if colour::dashed(place) { " dashed" } else { "" };
        let _ = writeln!(
            legend,
            "<button type=\"button\" data-place=\"{place}\" aria-pressed=\"true\"><i class=\"line{dashed}\" \
             style=\"border-color:{}\"></i>{}</button>",
            colour::hex(place),
            escaped(name)
        );
    }
    let title = report.problems.iter().map(|problem| problem.name.as_str()).collect::<Vec<_>>().join(", ");
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Benchmark: {}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<nav id=\"contents\">\n{contents}</nav>\n\
         <nav id=\"legend\" aria-label=\"strategies\">\n{legend}<span class=\"hint\">click: hide or show; double-click: this \
         one alone</span></nav>\n<main>\n{body}</section>\n</main>\n<div id=\"tip\" hidden></div>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        escaped(&title)
    );
    fs::write(file, html).map_err(|error| ReportError::write(file, error))?;
    Ok(vec![file.to_owned()])
}

fn table(header: &[String], rows: &[Vec<String>], words: usize) -> String {
    let class = |at: usize| if at < words { "" } else { " class=\"number\"" };
    let line = |tag: &str, cells: &[String]| {
        let cell = |(at, cell): (usize, &String)| format!("<{tag}{}>{}</{tag}>", class(at), escaped(cell));
        format!("<tr>{}</tr>\n", cells.iter().enumerate().map(cell).collect::<String>())
    };
    let head = if header.iter().all(String::is_empty) {
        String::new()
    } else {
        format!("<thead>{}</thead>\n", line("th", header))
    };
    let body: String = rows.iter().map(|row| line("td", row)).collect();
    let table = format!("<div class=\"wide\"><table>\n{head}<tbody>\n{body}</tbody></table></div>\n");
    // Long tables are there for those who look for something.
    if rows.len() <= 25 {
        return table;
    }
    format!("<details><summary>{} rows</summary>\n{table}</details>\n", rows.len())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Words between stars are emphasised.
fn emphasised(text: &str) -> String {
    let parts = escaped(text);
    let part = |(at, part): (usize, &str)| if at % 2 == 1 { format!("<em>{part}</em>") } else { part.to_owned() };
    parts.split('*').enumerate().map(part).collect()
}
