//! Writes the report as one HTML file that loads nothing else.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nas_core::report::Report;
use sha2::{Digest, Sha256};

use crate::text::escaped;
use crate::{Block, ReportError, Shown, colour, content, save};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// The security policy with which the browser prevents the file from loading anything, and from running any script but
/// this one, whatever a name in the report may contain.
fn policy(script: &str) -> String {
    let hash = STANDARD.encode(Sha256::digest(script.as_bytes()));
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    )
}

pub(crate) fn write(report: &Report, shown: &Shown, file: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let blocks = content::blocks(report, shown)?;
    let mut body = String::new();
    let mut contents = String::new();
    let (mut sections, titles) = (0, titles(&blocks));
    // Writing to a string cannot fail.
    for block in blocks {
        let _ = match block {
            Block::Heading(1, title) => {
                sections += 1;
                let _ = writeln!(contents, "<a href=\"#section{sections}\">{}</a>", escaped(&title));
                let end = if sections > 1 { "</div></details></section>\n" } else { "" };
                let level = if sections == 1 { 1 } else { 2 };
                writeln!(
                    body,
                    "{end}<section id=\"section{sections}\"><details open><summary><h{level}>{}</h{level}></summary>\n\
                     <div class=\"parts\">",
                    escaped(&title)
                )
            }
            Block::Heading(level, title) => {
                let level = level.saturating_add(1).min(6);
                writeln!(body, "<h{level}>{}</h{level}>", escaped(&title))
            }
            Block::Text(words) => writeln!(body, "<p>{}</p>", emphasised(&words)),
            Block::Table { header, rows, text_columns, folded } => {
                let table = table(&header, &rows, text_columns, &titles);
                match folded {
                    Some(name) => writeln!(
                        body,
                        "<details class=\"table\"><summary>{}</summary>\n{table}</details>",
                        escaped(&name)
                    ),
                    None => writeln!(body, "{table}"),
                }
            }
            Block::Matrix { corner, columns, rows } => writeln!(body, "{}", matrix(&corner, &columns, &rows, &titles)),
            Block::Chart { name, caption, chart } => {
                let points = match chart.points.is_null() {
                    true => String::new(),
                    // A script ends at the first "</", even inside of a string.
                    false => format!(
                        "<script type=\"application/json\">{}</script>\n",
                        chart.points.to_string().replace('<', "\\u003c")
                    ),
                };
                writeln!(
                    body,
                    "<figure id=\"{name}\">\n{}\n<figcaption>{}</figcaption>\n{points}</figure>",
                    chart.svg,
                    escaped(&caption)
                )
            }
        };
    }
    let title = report.problems.iter().map(|problem| problem.name.as_str()).collect::<Vec<_>>().join(", ");
    let script = format!("\n{SCRIPT}");
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}: {}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<aside>\n<nav id=\"contents\" \
         aria-label=\"sections\">\n{contents}</nav>\n{}</aside>\n<main>\n{body}</div></details></section>\n</main>\n\
         <div id=\"tip\" hidden></div>\n<script>{script}</script>\n</body>\n</html>\n",
        policy(&script),
        if shown.study.is_some() { "Study" } else { "Benchmark" },
        escaped(&title),
        legend(report, shown.study.is_some()),
    );
    save(file, html.as_bytes())?;
    Ok(vec![file.to_owned()])
}

/// Returns the numbers of the sections by title, for links to them.
fn titles(blocks: &[Block]) -> BTreeMap<String, usize> {
    let titles = blocks.iter().filter_map(|block| match block {
        Block::Heading(1, title) => Some(title.clone()),
        _ => None,
    });
    titles.zip(1..).collect()
}

/// Returns the list of strategies with the buttons below it. The report on one study has nothing to choose from.
fn legend(report: &Report, single: bool) -> String {
    let mut buttons = String::new();
    for (place, name) in report.strategies.iter().enumerate() {
        let (name, dashed) = (escaped(name), if colour::dashed(place) { " dashed" } else { "" });
        let colour = colour::hex(place);
        // Writing to a string cannot fail.
        let _ = writeln!(
            buttons,
            "<button type=\"button\" data-place=\"{place}\" aria-pressed=\"true\" title=\"{name}\">\
             <i class=\"line{dashed}\" style=\"border-color:{colour}\"></i><span>{name}</span></button>"
        );
    }
    let (look, hint) = match single {
        true => (" style=\"display: none\"", ""),
        false => (
            "",
            "<p class=\"hint\">Click a strategy to hide it, double-click it (or press shift and Enter) to see it alone. Drag in \
             a chart to zoom, double-click to see the whole chart, and again to see what is outside of it.</p>",
        ),
    };
    format!(
        "<div id=\"legend\" role=\"group\" aria-label=\"strategies\"{look}>\n{buttons}</div>\n<div id=\"tools\">\
         <button type=\"button\" id=\"all\"{look}>show all</button><button type=\"button\" id=\"fold\">fold sections\
         </button>{hint}</div>\n"
    )
}

/// Returns a cell's text, which is a link if it is the title of a section.
fn linked(words: &str, titles: &BTreeMap<String, usize>) -> String {
    match titles.get(words) {
        Some(section) => format!("<a href=\"#section{section}\">{}</a>", escaped(words)),
        None => escaped(words),
    }
}

fn table(header: &[String], rows: &[Vec<String>], text_columns: usize, titles: &BTreeMap<String, usize>) -> String {
    let class = |at: usize| if at < text_columns { "" } else { " class=\"number\"" };
    let line = |tag: &str, cells: &[String]| {
        let cell = |(at, cell): (usize, &String)| format!("<{tag}{}>{}</{tag}>", class(at), linked(cell, titles));
        format!("<tr>{}</tr>\n", cells.iter().enumerate().map(cell).collect::<String>())
    };
    let head = if header.iter().all(String::is_empty) {
        String::new()
    } else {
        format!("<thead>{}</thead>\n", line("th", header))
    };
    let body: String = rows.iter().map(|row| line("td", row)).collect();
    format!("<div class=\"wide\"><table>\n{head}<tbody>\n{body}</tbody></table></div>\n")
}

fn matrix(
    corner: &str,
    columns: &[String],
    rows: &[(String, Vec<(String, f64)>)],
    titles: &BTreeMap<String, usize>,
) -> String {
    let head = |name: &String| {
        format!("<th class=\"up\"><span title=\"{0}\">{1}</span></th>", escaped(name), linked(name, titles))
    };
    let cell = |(words, good): &(String, f64)| {
        let class = if *good > 0.0 { "more" } else { "less" };
        let shade =
            if *good == 0.0 { String::new() } else { format!(" class=\"{class}\" style=\"--part:{:.2}\"", good.abs()) };
        format!("<td{shade}>{}</td>", escaped(words))
    };
    let row = |(name, cells): &(String, Vec<(String, f64)>)| {
        format!("<tr><th>{}</th>{}</tr>\n", linked(name, titles), cells.iter().map(cell).collect::<String>())
    };
    format!(
        "<div class=\"wide\"><table class=\"matrix\">\n<thead><tr><th>{}</th>{}</tr></thead>\n\
         <tbody>\n{}</tbody></table></div>\n",
        escaped(corner),
        columns.iter().map(head).collect::<String>(),
        rows.iter().map(row).collect::<String>(),
    )
}

/// Escapes a text, and emphasises what is between stars.
fn emphasised(text: &str) -> String {
    let parts = escaped(text);
    let part = |(at, part): (usize, &str)| if at % 2 == 1 { format!("<em>{part}</em>") } else { part.to_owned() };
    parts.split('*').enumerate().map(part).collect()
}
