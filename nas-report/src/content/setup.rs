//! The checklist of best practices, and the setup of all studies.

use std::collections::BTreeSet;

use nas_api::{Constraint, Goal, Setting};
use nas_core::plugin::Origin;
use nas_core::report::ItemStanding;
use nas_core::study::{Duplicates, Header, PluginRecord};

use super::{Writer, cells};
use crate::text::{number, shortened};

/// The largest number of letters of a setting's value.
const MAX_VALUE: usize = 60;

impl Writer<'_> {
    pub(super) fn checklist(&mut self) {
        self.heading(1, "Best practices");
        self.paragraph(
            "The checklist of M. Lindauer and F. Hutter, Best practices for scientific research on neural architecture \
             search, JMLR 21(243), 2020, as far as the records can answer it.",
        );
        let rows = self.report.checklist.iter().map(|item| {
            let standing = match item.standing {
                ItemStanding::Met => "yes",
                ItemStanding::Lacking => "no",
                ItemStanding::Open => "open",
            };
            vec![item.part.to_owned(), item.question.to_owned(), standing.to_owned(), item.answer.clone()]
        });
        let rows = rows.collect();
        self.table(4, cells(["", "", "", ""]), rows);
    }

    pub(super) fn setup(&mut self) {
        self.heading(1, "Setup");
        let plugin = |record: &PluginRecord| {
            let identity = &record.identity;
            let digest = match (&identity.origin, &identity.digest) {
                (Origin::BuiltIn, _) | (_, None) => "built in".to_owned(),
                (_, Some(digest)) => digest.chars().take(16).collect(),
            };
            format!("{} {} ({digest})", identity.name, identity.version)
        };
        let settings = |settings: &[Setting]| {
            let given = settings.iter().map(|setting| (&setting.name, setting.value.to_string()));
            let given = given.filter(|(_, value)| !value.is_empty());
            given.map(|(name, value)| format!("{name}={}", shortened(&value, MAX_VALUE))).collect::<Vec<_>>().join(", ")
        };
        let with = |record: &PluginRecord, more: &[Setting]| {
            let settings = settings(&[&record.settings.0[..], more].concat());
            if settings.is_empty() { plugin(record) } else { format!("{}: {settings}", plugin(record)) }
        };
        let mut strategies: Vec<Vec<String>> = Vec::new();
        let mut problems: Vec<Vec<String>> = Vec::new();
        for (problem, strategy, header) in &self.report.setups {
            let pruner = header.pruner.as_ref().map_or_else(
                || "none".to_owned(),
                |pruner| format!("{}: {}", pruner.name, settings(&pruner.settings.0)),
            );
            let row = vec![strategy.clone(), plugin(&header.strategy), settings(&header.strategy.settings.0), pruner];
            if !strategies.contains(&row) {
                strategies.push(row);
            }
            let budget = &header.budget;
            let limits = [
                budget.trials.map(|trials| format!("{trials} trials")),
                budget.total_fidelity.map(|total| format!("{} {}", number(total), header.fidelity_unit)),
                budget.seconds.map(|seconds| format!("{} s", number(seconds))),
                (header.duplicates == Duplicates::Measure).then(|| "duplicates measured".to_owned()),
            ];
            let limits: Vec<String> = limits.into_iter().flatten().collect();
            let row = vec![
                problem.clone(),
                with(&header.space, &header.task.settings.0),
                with(&header.evaluator, &[]),
                searched(header),
                limits.join(", "),
                self.seeds(problem),
                header.workers.to_string(),
            ];
            if !problems.contains(&row) {
                problems.push(row);
            }
        }
        self.table(4, cells(["strategy", "plugin", "settings", "pruner"]), strategies);
        let header = cells(["problem", "space", "evaluator", "searched by", "budget", "seeds", "workers"]);
        self.table(6, header, problems);
    }

    /// Returns the seeds of all finished studies on a problem as ranges.
    fn seeds(&self, problem: &str) -> String {
        let problems = self.report.problems.iter().filter(|report| report.name == problem);
        let endings = problems.flat_map(|problem| &problem.endings);
        ranges(&endings.flat_map(|ending| ending.row.all_seeds()).collect())
    }
}

/// Returns the objectives and constraints of a study.
fn searched(header: &Header) -> String {
    let objectives = header.objectives.iter().map(|objective| objective.metric.clone());
    let limit = |constraint: &Constraint| {
        let sign = if constraint.goal == Goal::Minimize { "≤" } else { "≥" };
        format!("{} {sign} {}", constraint.metric, number(constraint.limit))
    };
    objectives.chain(header.constraints.iter().map(limit)).collect::<Vec<_>>().join(", ")
}

/// Formats numbers, with consecutive ones as a range.
fn ranges(numbers: &BTreeSet<u32>) -> String {
    let mut found: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match found.last_mut() {
            Some((_, end)) if *end + 1 == number => *end = number,
            _ => found.push((number, number)),
        }
    }
    let text = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}–{last}") };
    found.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn consecutive_seeds_are_a_range() {
        let shown = |seeds: &[u32]| super::ranges(&seeds.iter().copied().collect());
        assert_eq!(shown(&[0, 1, 2, 5, 7, 8]), "0–2, 5, 7–8");
        assert_eq!((shown(&[]), shown(&[u32::MAX])), (String::new(), u32::MAX.to_string()));
    }
}
