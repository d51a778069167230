//! The content of a report, block by block, for all formats.

mod overall;
mod problem;
mod setup;
mod study;

use nas_core::plugin::Origin;
use nas_core::report::{Band, FriedmanTest, Line, MIN_BLOCKS, Ranks, Report};

use crate::chart::{Axes, Series, critical_difference, lines};
use crate::text::{number, probability};
use crate::{Block, ReportError, Shown};

pub(crate) use overall::{best_first, rank};
pub(crate) use problem::{against, seeds};

/// The largest number of thick lines in a chart. With more strategies, the best, random search, strategies that are not
/// built in and highlighted ones have them.
const MAX_STRONG: usize = 6;
/// How many of the best strategies show their bands, besides random search.
const MAX_BANDS: usize = 3;
/// The largest number of rows of a table that is not folded.
const MAX_ROWS: usize = 25;

/// Collects the blocks of a report.
struct Writer<'r> {
    report: &'r Report,
    shown: &'r Shown,
    blocks: Vec<Block>,
    /// The names of the charts so far, which must be unique.
    slugs: Vec<String>,
}

/// Returns all blocks of a report.
pub(crate) fn blocks(report: &Report, shown: &Shown) -> Result<Vec<Block>, ReportError> {
    let mut writer = Writer { report, shown, blocks: Vec::new(), slugs: Vec::new() };
    if let Some(study) = &shown.study {
        writer.study(study)?;
        writer.setup();
        return Ok(writer.blocks);
    }
    writer.overview();
    writer.over_problems()?;
    for problem in &report.problems {
        writer.problem(problem)?;
    }
    writer.checklist();
    writer.setup();
    Ok(writer.blocks)
}

fn cells<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

impl Writer<'_> {
    fn heading(&mut self, level: u8, title: &str) {
        self.blocks.push(Block::Heading(level, title.to_owned()));
    }

    fn paragraph(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Text(text.into()));
    }

    fn table(&mut self, text_columns: usize, header: Vec<String>, rows: Vec<Vec<String>>) {
        if !rows.is_empty() {
            let folded = (rows.len() > MAX_ROWS).then(|| format!("{} rows", rows.len()));
            self.blocks.push(Block::Table { header, rows, text_columns, folded });
        }
    }

    fn place(&self, strategy: &str) -> usize {
        self.report.strategies.iter().position(|name| name == strategy).unwrap_or(0)
    }

    fn is_baseline(&self, strategy: &str) -> bool {
        let mut setups = self.report.setups.iter();
        setups.any(|(_, label, header)| label == strategy && header.strategy.identity.name == "random-search")
    }

    /// Whether a strategy is drawn however it ranks: the user's own, which is not built in, or a highlighted one.
    fn is_prominent(&self, strategy: &str) -> bool {
        let own = |(_, label, header): &(String, String, nas_core::study::Header)| {
            label == strategy && header.strategy.identity.origin != Origin::BuiltIn
        };
        self.shown.highlighted.iter().any(|name| name == strategy) || self.report.setups.iter().any(own)
    }

    /// Whether a strategy ran with a pruner. Among several random searches, one without a pruner is the baseline.
    fn is_pruned(&self, strategy: &str) -> bool {
        self.report.setups.iter().any(|(_, label, header)| label == strategy && header.pruner.is_some())
    }

    /// Returns the series of these strategies, the best first, without those that have no points.
    fn series(&self, best: &[&str], steps: bool, points: impl Fn(&str) -> Option<Vec<[f64; 4]>>) -> Vec<Series> {
        let all = best.len() <= MAX_STRONG;
        let series = best.iter().enumerate().filter_map(|(at, name)| {
            let baseline = self.is_baseline(name);
            let points = points(name).filter(|points| !points.is_empty())?;
            let always = baseline || self.is_prominent(name);
            let (strong, banded) = (all || at + 1 < MAX_STRONG || always, at < MAX_BANDS || always);
            Some(Series { name: (*name).to_owned(), place: self.place(name), points, steps, strong, banded })
        });
        series.collect()
    }

    /// Returns a unique name that a file can have.
    fn slug(&mut self, name: &str) -> String {
        let file_letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
        let short: String = name.chars().map(file_letter).take(80).collect();
        let numbered = (2..).map(|number| format!("{short}-{number}"));
        let free = std::iter::once(short.clone()).chain(numbered).find(|slug| !self.slugs.contains(slug));
        let slug = free.unwrap_or(short);
        self.slugs.push(slug.clone());
        slug
    }

    /// Adds a chart with curves of strategies, the best first.
    fn curves(
        &mut self,
        (name, caption): (String, &str),
        axes: &Axes<'_>,
        best: &[&str],
        curves: &[Line],
        value: impl Fn(&Band) -> [f64; 3],
    ) -> Result<(), ReportError> {
        let point = |(place, band): &(f64, Band)| {
            let [middle, low, high] = value(band);
            [*place, middle, low, high]
        };
        let series = self.series(best, false, |strategy| {
            let line = curves.iter().find(|line| line.strategy == strategy)?;
            Some(line.points.iter().map(point).collect())
        });
        self.chart(name, caption, axes, series)
    }

    fn chart(&mut self, name: String, caption: &str, axes: &Axes<'_>, series: Vec<Series>) -> Result<(), ReportError> {
        if let Some(chart) = lines(axes, series)? {
            self.blocks.push(Block::Chart { name, caption: caption.to_owned(), chart });
        }
        Ok(())
    }

    /// Adds the diagram of critical differences, or a sentence that says why there is none. `block` names what is
    /// ranked over.
    fn ranking(&mut self, name: String, caption: &str, block: &str, ranked: &[String], ranks: &Ranks) {
        let friedman = ranks.friedman.map(|friedman| {
            let how = match friedman.test {
                FriedmanTest::Exact => ", exactly".to_owned(),
                FriedmanTest::Drawn => ", by random orders".to_owned(),
                FriedmanTest::ImanDavenport(f) => format!(", by Iman and Davenport's F = {}", number(f)),
                FriedmanTest::ChiSquared => String::new(),
            };
            let (chi, p) = (number(friedman.chi_squared), equals(friedman.p));
            format!(" Friedman's test over {} {block}: χ² = {chi}, p {p}{how}.", ranks.blocks)
        });
        let friedman = friedman.unwrap_or_default();
        if ranks.blocks < MIN_BLOCKS {
            self.paragraph(format!(
                "Mean ranks are not compared by a critical difference: there are {} {block}, and it takes at least \
                 {MIN_BLOCKS}.{friedman}",
                ranks.blocks
            ));
            return;
        }
        if !ranks.rejected() {
            self.paragraph(format!(
                "Mean ranks are not compared by a critical difference, because it is not significant that they differ at \
                 all.{friedman}"
            ));
            return;
        }
        let names: Vec<(String, usize)> = ranked.iter().map(|name| (name.clone(), self.place(name))).collect();
        let chart = critical_difference(&names, &ranks.mean, &ranks.cliques, ranks.critical_difference);
        self.blocks.push(Block::Chart { name, caption: format!("{caption}{friedman}"), chart });
    }
}

/// Returns a p value with its sign of comparison.
fn equals(p: f64) -> String {
    let text = probability(p);
    // A hyphen that does not break keeps the number on one line.
    let text = text.replace('-', "\u{2011}");
    if text.starts_with('<') { text.replacen('<', "< ", 1) } else { format!("= {text}") }
}
