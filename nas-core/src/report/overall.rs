//! The comparison over all problems: ranks, wins and the performance profile.

use super::ProblemReport;
use crate::benchmark::{Comparison, Row};

/// The number of problems on which a strategy wins and loses against another one, by the paired test and its direction
/// (p < 0.05 after Holm's correction over the pairs of a problem).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wins {
    /// Problems on which it is significantly better.
    pub won: u32,
    /// Problems on which it is significantly worse.
    pub lost: u32,
    /// Problems on which the two were compared.
    pub of: u32,
}

/// The scores of one problem for the ranking over problems: the negated mean ranks of the strategies over its seeds.
pub(super) fn block(problem: &ProblemReport, ranked: &[String]) -> Option<Vec<f64>> {
    let ranks = problem.ranks.as_ref()?;
    let place = |strategy: &String| problem.ranked.iter().position(|name| name == strategy);
    ranked.iter().map(|strategy| Some(-ranks.mean[place(strategy)?])).collect()
}

/// The problems that are ranked over. A problem that only a few strategies can serve would exclude all others.
pub(super) fn covered(problems: &[ProblemReport]) -> Vec<&ProblemReport> {
    let most = problems.iter().map(|problem| problem.ranked.len()).max().unwrap_or(0);
    problems.iter().filter(|problem| 2 * problem.ranked.len() >= most).collect()
}

/// Counts the significant wins of every strategy against every other one.
pub(super) fn wins(strategies: &[String], comparisons: &[Comparison]) -> Vec<Vec<Wins>> {
    let mut wins = vec![vec![Wins::default(); strategies.len()]; strategies.len()];
    let place = |name: &str| strategies.iter().position(|strategy| strategy == name);
    for comparison in comparisons {
        let (Some(a), Some(b)) = (place(&comparison.a), place(&comparison.b)) else { continue };
        let winner = comparison.winner().map(|(winner, _)| winner);
        for (row, column, own, other) in [(a, b, &comparison.a, &comparison.b), (b, a, &comparison.b, &comparison.a)] {
            let cell = &mut wins[row][column];
            cell.won += u32::from(winner == Some(own));
            cell.lost += u32::from(winner == Some(other));
            cell.of += 1;
        }
    }
    wins
}

/// The performance profile of a strategy, see [`Report::profile`](super::Report::profile). It is empty for a strategy
/// without studies.
pub(super) fn profile(strategy: &str, problems: &[&ProblemReport]) -> Vec<(f64, f64)> {
    let rows = |problem: &&ProblemReport| problem.endings.iter().map(|ending| ending.row.clone()).collect();
    profile_of(strategy, &problems.iter().map(rows).collect::<Vec<Vec<Row>>>())
}

fn profile_of(strategy: &str, problems: &[Vec<Row>]) -> Vec<(f64, f64)> {
    // The normalized regrets of the strategy's studies on each problem.
    let mut all: Vec<Vec<f64>> = Vec::new();
    for rows in problems {
        let finals = rows.iter().flat_map(|row| row.finals.values().map(|value| row.regret(*value)));
        let worst = finals.filter(|regret| regret.is_finite()).fold(0.0, f64::max);
        let Some(own) = rows.iter().find(|row| row.strategy == strategy && row.studies() > 0) else { continue };
        let normalized = |regret: f64| if worst > 0.0 { regret / worst } else { 0.0 };
        let solved = own.finals.values().map(|value| normalized(own.regret(*value)));
        all.push(solved.chain(own.without_value.iter().map(|_| f64::INFINITY)).collect());
    }
    if all.is_empty() {
        return Vec::new();
    }
    let within = |regrets: &Vec<f64>, limit: f64| {
        regrets.iter().filter(|regret| **regret <= limit + 1e-12).count() as f64 / regrets.len() as f64
    };
    let share = |limit: f64| all.iter().map(|regrets| within(regrets, limit)).sum::<f64>() / all.len() as f64;
    (0..=100).map(|step| f64::from(step) / 100.0).map(|limit| (limit, share(limit))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::rows::{complete, row};
    use crate::benchmark::{Results, compare};

    fn names() -> [String; 2] {
        ["a".to_owned(), "b".to_owned()]
    }

    #[test]
    fn a_win_has_the_direction_of_the_paired_test() {
        let b: Vec<f64> = (0..30).map(f64::from).collect();
        let a: Vec<f64> = b.iter().map(|value| if *value < 29.0 { value + 0.001 } else { -1.0 }).collect();
        let results = Results { rows: vec![complete("p", "a", &a), complete("p", "b", &b)] };
        let wins = wins(&names(), &compare(&results));
        assert_eq!(wins[0][1], Wins { won: 1, lost: 0, of: 1 });
        assert_eq!(wins[1][0], Wins { won: 0, lost: 1, of: 1 });
        assert_eq!(wins[0][0], Wins::default());
    }

    #[test]
    fn only_significant_wins_count() {
        let one = |problem: &str, ours: f64| [complete(problem, "a", &[ours; 10]), complete(problem, "b", &[1.0; 10])];
        let few = [complete("r", "a", &[2.0; 3]), complete("r", "b", &[1.0; 3])];
        let rows = [one("p", 2.0), one("q", 0.5), few].concat();
        let wins = wins(&names(), &compare(&Results { rows }));
        assert_eq!(wins[0][1], Wins { won: 1, lost: 1, of: 3 });
        assert_eq!(wins[1][0], Wins { won: 1, lost: 1, of: 3 });
    }

    #[test]
    fn a_study_without_a_value_is_never_solved() {
        let a: Vec<Option<f64>> = (0..30).map(|seed| Some(f64::from(seed) / 10.0)).collect();
        let b: Vec<Option<f64>> = a.iter().enumerate().map(|(seed, value)| value.filter(|_| seed % 2 == 0)).collect();
        let problem = vec![row("p", "a", &a), row("p", "b", &b)];
        let last = |strategy: &str| profile_of(strategy, std::slice::from_ref(&problem)).last().copied();
        assert_eq!((last("a"), last("b")), (Some((1.0, 1.0)), Some((1.0, 0.5))));
    }

    #[test]
    fn problems_weigh_alike_and_none_is_divided_by_nothing() {
        let many = vec![complete("p", "a", &[10.0; 30]), complete("p", "b", &[0.0; 30])];
        let few = vec![complete("q", "a", &[0.0; 3]), complete("q", "b", &[10.0; 3])];
        let shares = profile_of("a", &[many, few, vec![row("r", "b", &[])]]);
        assert_eq!((shares[0], shares[100]), ((0.0, 0.5), (1.0, 1.0)));
        assert_eq!(profile_of("c", &[vec![complete("p", "a", &[1.0])]]), Vec::new());
        let solved = profile_of("a", &[vec![complete("p", "a", &[10.0; 3])]]);
        assert_eq!(solved[0], (0.0, 1.0), "without any regret, everything is solved");
    }
}
