//! Several objectives as one value: the hypervolume of what a study has found, and IGD+ beside it.

use nas_api::Objective;

use super::incumbent::{Columns, Reached, incumbents};
use super::store::{KeptStudy, KeptTrial};
use crate::statistics::{Point, added_volume, front, hypervolume, igd_plus, insert};

/// The name of the value that is compared where there are several objectives.
pub const HYPERVOLUME: &str = "hypervolume";

/// The reference point in every scaled objective. It lies behind the worst value of the goal, 1, so that the ends of a
/// front count.
pub const REFERENCE: f64 = 1.1;

/// Values are rounded to this, because one front has one volume, in whatever order its points were found.
const RESOLUTION: f64 = 1e-12;

/// The objectives of one problem, scaled by its *goal*, the front that studies are measured against: 0 is the best and
/// 1 the worst value of an objective on the goal. The goal is the true front where it is known, and otherwise the front
/// of all studies together. So points that something else dominates change nothing, however bad they are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ObjectiveSpace {
    pub(crate) objectives: Vec<Objective>,
    /// The goal, in minimized objectives, ordered by the first one.
    pub(crate) goal: Vec<Point>,
    /// Whether the goal is a property of the problem rather than a result of the studies.
    pub(crate) known: bool,
    /// The highest fidelity that is offered; only its results count.
    pub(crate) highest: Option<f64>,
    best: Point,
    range: Point,
    scaled_goal: Vec<Point>,
}

/// What a study has reached after each trial, and at some numbers of trials its IGD+.
pub(crate) struct FrontPath {
    pub(crate) reached: Vec<Reached>,
    pub(crate) igd_plus: Vec<Option<f64>>,
}

/// The trial's point in minimized objectives. `None` for a trial that was not measured at the highest fidelity, or that
/// has an objective which is not finite.
pub(crate) fn point(study: &KeptStudy, trial: &KeptTrial, highest: Option<f64>) -> Option<Point> {
    let counts = trial.measured && trial.fidelity.is_none_or(|fidelity| highest.is_none_or(|high| fidelity >= high));
    let value = |objective: &Objective| {
        let column = study.metrics.iter().position(|metric| metric.name == objective.metric)?;
        Some(-objective.goal.score(trial.values[column])).filter(|value| value.is_finite())
    };
    if counts { study.objectives.iter().map(value).collect() } else { None }
}

impl ObjectiveSpace {
    /// `goal` holds points in minimized objectives, of which those that none dominates count.
    pub(crate) fn new(objectives: Vec<Objective>, goal: Vec<Point>, known: bool, highest: Option<f64>) -> Self {
        let goal = front(goal);
        let end = |at: usize, pick: fn(f64, f64) -> f64| goal.iter().map(|point| point[at]).reduce(pick);
        let best: Point = (0..objectives.len()).map(|at| end(at, f64::min).unwrap_or(0.0)).collect();
        let range = |(at, best): (usize, &f64)| {
            let range = end(at, f64::max).unwrap_or(0.0) - best;
            // A goal of one point has no range; then its values are the units.
            if range > 0.0 { range } else { Some(best.abs()).filter(|size| *size > 0.0).unwrap_or(1.0) }
        };
        let range: Point = best.iter().enumerate().map(range).collect();
        let mut space = Self { objectives, goal, known, highest, best, range, scaled_goal: Vec::new() };
        space.scaled_goal = space.goal.iter().map(|point| space.scaled(point)).collect();
        space
    }

    fn scaled(&self, point: &Point) -> Point {
        point.iter().zip(&self.best).zip(&self.range).map(|((value, best), range)| (value - best) / range).collect()
    }

    fn reference(&self) -> Point {
        vec![REFERENCE; self.objectives.len()]
    }

    /// The hypervolume of the goal.
    pub(crate) fn goal_volume(&self) -> f64 {
        rounded(hypervolume(&self.scaled_goal, &self.reference()))
    }

    /// The best and the worst value of each objective on the goal, in its own unit.
    pub(crate) fn bounds(&self) -> Vec<(f64, f64)> {
        let bound = |(objective, (best, range)): (&Objective, (&f64, &f64))| {
            (objective.goal.score(-best), objective.goal.score(-(best + range)))
        };
        self.objectives.iter().zip(self.best.iter().zip(&self.range)).map(bound).collect()
    }

    /// A point in the objectives' own units.
    pub(crate) fn in_units(&self, point: &Point) -> Point {
        point.iter().zip(&self.objectives).map(|(value, objective)| objective.goal.score(-value)).collect()
    }

    /// The hypervolume after each of these trials, and IGD+ after these numbers of trials, ascending. Both are unknown
    /// before the first point.
    pub(crate) fn path<'t>(
        &self,
        study: &KeptStudy,
        trials: impl IntoIterator<Item = &'t KeptTrial>,
        igd_plus_at: &[usize],
    ) -> FrontPath {
        let trials: Vec<&KeptTrial> = trials.into_iter().collect();
        let main = Columns::of(study, "").map(|columns| incumbents(trials.iter().copied(), &columns));
        let reference = self.reference();
        let (mut front, mut volume): (Vec<Point>, f64) = (Vec::new(), 0.0);
        let mut path = FrontPath { reached: Vec::with_capacity(trials.len()), igd_plus: Vec::new() };
        let measured = |front: &Vec<Point>| {
            (!front.is_empty()).then(|| rounded(igd_plus(front, &self.scaled_goal))).filter(|value| value.is_finite())
        };
        let mut wanted = igd_plus_at.iter().peekable();
        for (at, trial) in trials.iter().enumerate() {
            if let Some(point) = point(study, trial, self.highest).map(|point| self.scaled(&point)) {
                let added = added_volume(&point, &front, &reference);
                if insert(&mut front, point) {
                    volume += added;
                }
            }
            let value = (!front.is_empty()).then(|| rounded(volume));
            let objective = main.as_ref().and_then(|main| main[at].objective);
            path.reached.push(Reached { objective, value });
            while wanted.next_if(|position| **position <= at + 1).is_some() {
                path.igd_plus.push(measured(&front));
            }
        }
        // A study that ended early keeps its front.
        path.igd_plus.extend(wanted.map(|_| measured(&front)));
        path
    }
}

fn rounded(value: f64) -> f64 {
    (value / RESOLUTION).round() * RESOLUTION
}

#[cfg(test)]
mod tests {
    use super::super::incumbent::tests::study;
    use super::*;

    const METRICS: [(&str, bool); 2] = [("cost", false), ("size", false)];

    fn space(goal: &[[f64; 2]]) -> ObjectiveSpace {
        let objectives = study(&["cost", "size"], &METRICS, &[]).objectives;
        ObjectiveSpace::new(objectives, goal.iter().map(|point| point.to_vec()).collect(), true, None)
    }

    #[test]
    fn objectives_are_scaled_by_the_goal_and_its_ends_count() {
        let space = space(&[[10.0, 2.0], [20.0, 1.0], [30.0, 9.0]]);
        assert_eq!(space.bounds(), [(10.0, 20.0), (1.0, 2.0)]);
        // Two corners of the unit square: 0.1 · 1.1 twice, of which 0.1 · 0.1 is shared.
        assert!((space.goal_volume() - 0.21).abs() < 1e-12);
        let trials: [(&[f64], bool); 4] =
            [(&[0.0, 0.0], false), (&[15.0, 1.5], true), (&[10.0, 2.0], true), (&[99.0, 99.0], true)];
        let study = study(&["cost", "size"], &METRICS, &trials);
        let path = space.path(&study, &study.trials, &[1, 2, 9]);
        let volumes: Vec<Option<f64>> = path.reached.iter().map(|reached| reached.value).collect();
        assert_eq!(volumes[0], None, "the first trial failed");
        assert!((volumes[1].unwrap_or(0.0) - 0.36).abs() < 1e-12, "{volumes:?}");
        assert!((volumes[2].unwrap_or(0.0) - 0.41).abs() < 1e-12, "{volumes:?}");
        assert_eq!(volumes[2], volumes[3]);
        assert_eq!((path.igd_plus[0], path.igd_plus[2]), (None, Some(0.25)));
        assert_eq!(path.igd_plus[1], Some(0.5));
    }

    #[test]
    fn a_goal_of_one_point_has_a_scale() {
        let space = space(&[[4.0, 0.0]]);
        assert_eq!(space.bounds(), [(4.0, 8.0), (0.0, 1.0)]);
        assert!((space.goal_volume() - 1.21).abs() < 1e-12);
    }

    #[test]
    fn only_the_highest_fidelity_counts() {
        let mut kept = study(&["cost", "size"], &METRICS, &[(&[1.0, 1.0], true)]);
        kept.trials[0].fidelity = Some(3.0);
        assert_eq!(point(&kept, &kept.trials[0], Some(9.0)), None);
        assert!(point(&kept, &kept.trials[0], Some(3.0)).is_some());
    }
}
