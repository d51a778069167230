//! Writes the tables of a comparison as LaTeX, for the package `booktabs`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use nas_core::report::{Ending, ProblemReport, Report};

use crate::content::{against, best_first, rank, seeds};
use crate::text::{fixed, places, probability};
use crate::{ReportError, save};

pub(crate) fn write(report: &Report, file: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let tables: Vec<String> = report.problems.iter().map(|problem| table(report, problem)).collect();
    save(file, tables.join("\n").as_bytes())?;
    Ok(vec![file.to_owned()])
}

fn table(report: &Report, problem: &ProblemReport) -> String {
    let endings = best_first(problem);
    let digits = places(endings.iter().flat_map(|ending| ending.row.finals.values().copied()));
    let is_random = |name: &&str| {
        let mut setups = report.setups.iter();
        setups.any(|(_, label, header)| label == name && header.strategy.identity.name == "random-search")
    };
    let random = endings.iter().map(|ending| ending.row.strategy.as_str()).find(is_random);
    let row = |ending: &&Ending| {
        let last = ending.row.curve.last();
        let band = ending.band.and_then(|band| band.interval);
        let pair = random.and_then(|random| against(&problem.comparisons, &ending.row.strategy, random));
        let cells = [
            escaped(&ending.row.strategy),
            seeds(ending),
            rank(problem, &ending.row.strategy).map(|(rank, _)| fixed(rank, 2)).unwrap_or_default(),
            fixed(ending.band.map_or(f64::NAN, |band| band.iqm), digits),
            band.map_or_else(String::new, |[low, high]| format!("{}--{}", fixed(low, digits), fixed(high, digits))),
            last.filter(|point| point.mean.is_finite()).map_or_else(String::new, |point| {
                format!("${} \\pm {}$", fixed(point.mean, digits), fixed(point.std, digits))
            }),
            pair.as_ref().map_or_else(String::new, |pair| format!("${}$", fixed(pair.rank_biserial, 3))),
            pair.as_ref().map_or_else(String::new, |pair| exponent(&probability(pair.p_holm))),
        ];
        format!("{} \\\\\n", cells.join(" & "))
    };
    let mut text = String::from("\\begin{table}\n\\centering\n\\begin{tabular}{lrrrrrrr}\n\\toprule\n");
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "strategy & seeds & mean rank & IQM & 95\\,\\% band & mean $\\pm$ std & $r$ & $p$ \\\\\n\\midrule\n{}\\bottomrule\n\
         \\end{{tabular}}\n",
        endings.iter().map(row).collect::<String>()
    );
    let compared = random.map_or_else(String::new, |random| {
        format!(
            " The matched-pairs rank-biserial correlation $r$ and $p$ of Wilcoxon's signed-rank test, corrected by Holm over \
             all pairs, compare with {}.",
            escaped(random)
        )
    });
    let _ = writeln!(
        text,
        "\\caption{{{} on {}: final values and mean ranks over paired seeds; interquartile means (IQM) with bootstrap \
         bands.{compared}}}\n\\end{{table}}",
        escaped(&problem.metric),
        escaped(&problem.name),
    );
    text
}

/// Writes a p value, whose exponent is set as one.
fn exponent(p: &str) -> String {
    let (sign, number) = p.strip_prefix('<').map_or(("", p), |number| ("<", number));
    match number.split_once('e') {
        Some((digits, power)) => format!("${sign}{digits} \\cdot 10^{{{power}}}$"),
        None if p.is_empty() => String::new(),
        None => format!("${p}$"),
    }
}

/// Escapes everything in a text that LaTeX would interpret.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        match letter {
            '\\' => safe.push_str("\\textbackslash{}"),
            '~' => safe.push_str("\\textasciitilde{}"),
            '^' => safe.push_str("\\textasciicircum{}"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => safe.extend(['\\', letter]),
            '<' => safe.push_str("\\textless{}"),
            '>' => safe.push_str("\\textgreater{}"),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_are_safe_in_latex() {
        assert_eq!(escaped("a_b & 50% {x}\\y\u{1b}"), "a\\_b \\& 50\\% \\{x\\}\\textbackslash{}y");
        assert_eq!(
            ["0.034", "4e-5", "<1e-10", ""].map(exponent),
            ["$0.034$", "$4 \\cdot 10^{-5}$", "$<1 \\cdot 10^{-10}$", ""]
        );
    }
}
