//! The Pareto fronts of problems with several objectives, and how close studies come to them.

use std::collections::BTreeMap;

use nas_api::Objective;

use super::Line;
use super::paths::sample_positions;
use crate::benchmark::{Measure, ObjectiveSpace, Store, point};
use crate::statistics::{Bootstrap, Point, front, insert};
use crate::study::StudyError;

/// The maximum number of positions at which IGD+ is measured over a study.
const POSITIONS: usize = 40;

/// The fronts on one problem with several objectives.
#[derive(Clone, Debug, PartialEq)]
pub struct Fronts {
    /// The objectives of the problem.
    pub objectives: Vec<Objective>,
    /// The best and the worst value of each objective on `reference`, which are 0 and 1 when objectives are scaled.
    pub bounds: Vec<(f64, f64)>,
    /// IGD+ over trials, measured against `reference`; 0 means that the front is reached.
    pub distance: Vec<Line>,
    /// The front that studies are measured against, in the objectives' units.
    pub reference: Vec<Point>,
    /// Whether `reference` is the true front; otherwise it is the front of all studies together.
    pub known: bool,
    /// For each strategy, what it attains, in the objectives' units. With two objectives, these are the points that at
    /// least half of its studies reach or beat; with more, the front of all its studies together.
    pub attained: Vec<(String, Vec<Point>)>,
}

impl Fronts {
    /// For each strategy, what it attains in two of the objectives: the points that no other point beats in these two,
    /// ordered by the first.
    pub fn pairs(&self, first: usize, second: usize) -> Vec<(String, Vec<[f64; 2]>)> {
        let (x, y) = (self.objectives[first].goal, self.objectives[second].goal);
        let pair = |(strategy, points): &(String, Vec<Point>)| {
            let minimized = points.iter().map(|point| vec![-x.score(point[first]), -y.score(point[second])]);
            let in_units = |point: &Point| [x.score(-point[0]), y.score(-point[1])];
            (strategy.clone(), front(minimized).iter().map(in_units).collect())
        };
        self.attained.iter().map(pair).collect()
    }
}

/// The front of one study, in minimized objectives, and its IGD+ at each position.
type StudyFront = (Vec<Point>, Vec<Option<f64>>);

/// Reads the fronts of every problem with more than one objective.
///
/// # Errors
/// The benchmark's file cannot be read.
pub(super) fn read(
    store: &Store,
    measures: &BTreeMap<String, Measure>,
    bootstrap: &mut Bootstrap,
) -> Result<BTreeMap<String, Fronts>, StudyError> {
    let spaces: BTreeMap<&String, &ObjectiveSpace> =
        measures.iter().filter_map(|(problem, measure)| Some((problem, measure.space.as_ref()?))).collect();
    if spaces.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut longest: BTreeMap<String, usize> = BTreeMap::new();
    store.each_in_time(|problem, _, _, study| {
        let most = longest.entry(problem.to_owned()).or_default();
        *most = (*most).max(study.trials.len());
        Ok(())
    })?;
    let mut studies: BTreeMap<String, BTreeMap<String, Vec<StudyFront>>> = BTreeMap::new();
    store.each_in_time(|problem, strategy, _, study| {
        let Some(space) = spaces.get(&problem.to_owned()) else { return Ok(()) };
        let positions: Vec<usize> = positions(longest[problem]).iter().map(|position| *position as usize).collect();
        let mut own = Vec::new();
        for point in study.trials.iter().filter_map(|trial| point(&study, trial, space.highest)) {
            insert(&mut own, point);
        }
        // A broken study has no trials, so its IGD+ is unknown everywhere, which counts as worst.
        let distances = space.path(&study, &study.trials, &positions).igd_plus;
        let of = studies.entry(problem.to_owned()).or_default().entry(strategy.to_owned()).or_default();
        of.push((own, distances));
        Ok(())
    })?;
    let summarize = |(problem, by_strategy): (String, BTreeMap<String, Vec<StudyFront>>)| {
        let fronts = summary(spaces[&problem], &positions(longest[&problem]), &by_strategy, bootstrap);
        (problem, fronts)
    };
    Ok(studies.into_iter().map(summarize).collect())
}

/// The numbers of trials after which IGD+ is measured.
fn positions(trials: usize) -> Vec<f64> {
    let all = sample_positions(std::iter::once(trials as f64));
    let step = all.len().div_ceil(POSITIONS).max(1);
    // Counting from the end keeps the last position.
    let mut chosen: Vec<f64> = all.iter().rev().step_by(step).copied().collect();
    chosen.reverse();
    chosen
}

fn summary(
    space: &ObjectiveSpace,
    positions: &[f64],
    studies: &BTreeMap<String, Vec<StudyFront>>,
    bootstrap: &mut Bootstrap,
) -> Fronts {
    let mut line = |(strategy, studies): (&String, &Vec<StudyFront>)| {
        let band = |(at, position): (usize, &f64)| {
            let values: Vec<f64> = studies.iter().map(|(_, curve)| curve[at].unwrap_or(f64::INFINITY)).collect();
            Some((*position, bootstrap.band(&values)?))
        };
        Line { strategy: strategy.clone(), points: positions.iter().enumerate().filter_map(band).collect() }
    };
    let distance = studies.iter().map(&mut line).collect();
    let in_units = |points: &[Point]| points.iter().map(|point| space.in_units(point)).collect::<Vec<Point>>();
    let attained = studies.iter().map(|(strategy, studies)| {
        let fronts: Vec<&[Point]> = studies.iter().map(|(front, _)| &front[..]).collect();
        let attained = match space.objectives.len() {
            2 => median_attained(&fronts),
            _ => front(fronts.concat()),
        };
        (strategy.clone(), in_units(&attained))
    });
    Fronts {
        objectives: space.objectives.clone(),
        bounds: space.bounds(),
        reference: in_units(&space.goal),
        known: space.known,
        attained: attained.collect(),
        distance,
    }
}

/// The corners of the surface that at least half of these fronts attain (Fonseca & Fleming 1996). Pooling all fronts
/// instead would flatter the strategy with more studies.
fn median_attained(fronts: &[&[Point]]) -> Vec<Point> {
    let mut places: Vec<f64> = fronts.iter().flat_map(|front| front.iter().map(|point| point[0])).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let half = fronts.len().div_ceil(2);
    let (mut corners, mut last) = (Vec::new(), f64::INFINITY);
    for place in places {
        let reached = |front: &&[Point]| {
            front.iter().filter(|point| point[0] <= place).map(|point| point[1]).fold(f64::INFINITY, f64::min)
        };
        let mut values: Vec<f64> = fronts.iter().map(reached).collect();
        values.sort_by(f64::total_cmp);
        let median = values[half - 1];
        if median < last {
            corners.push(vec![place, median]);
            last = median;
        }
    }
    corners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_study_without_a_point_does_not_remove_the_line_of_its_strategy() {
        let objective = |name: &str| Objective { metric: name.to_owned(), goal: nas_api::Goal::Minimize };
        let goal = vec![vec![0.0, 1.0], vec![1.0, 0.0]];
        let space = ObjectiveSpace::new(vec![objective("cost"), objective("size")], goal, true, None);
        let mut studies: Vec<StudyFront> = vec![(vec![vec![0.5, 0.5]], vec![None, Some(0.5)]); 9];
        studies.push((Vec::new(), vec![None, None]));
        let studies = BTreeMap::from([("a".to_owned(), studies)]);
        let fronts = summary(&space, &[1.0, 2.0], &studies, &mut Bootstrap::default());
        assert_eq!(fronts.distance[0].points.len(), 1, "at first, no study has a point");
        assert_eq!((fronts.distance[0].points[0].0, fronts.distance[0].points[0].1.iqm), (2.0, 0.5));
        assert_eq!(fronts.attained[0].1, [[0.5, 0.5]]);
    }

    #[test]
    fn half_of_the_fronts_attain_the_median_surface() {
        let front = |points: &[[f64; 2]]| points.iter().map(|point| point.to_vec()).collect::<Vec<Point>>();
        let [a, b, c] = [front(&[[1.0, 3.0], [3.0, 1.0]]), front(&[[2.0, 2.0]]), front(&[[0.0, 0.0]])];
        // Of three fronts, two must attain a corner.
        assert_eq!(median_attained(&[&a, &b, &c]), front(&[[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]]));
        assert_eq!(median_attained(&[&a]), a);
        assert_eq!(median_attained(&[&a, &[]]), a, "one of two is half");
        assert_eq!(median_attained(&[&a, &[], &[]]), Vec::<Point>::new());
    }
}
