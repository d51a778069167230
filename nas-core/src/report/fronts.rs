//! The Pareto fronts of problems with several objectives, and how they grow over a study.

use std::collections::BTreeMap;

use nas_api::Objective;

use super::Line;
use super::paths::sample_positions;
use crate::benchmark::{KeptStudy, KeptTrial, Store};
use crate::statistics::{Bootstrap, Point, front, hypervolume, igd_plus, insert};
use crate::study::StudyError;

/// The maximum number of positions at which fronts are measured over a study.
const POSITIONS: usize = 40;

/// The fronts on one problem with several objectives. For hypervolume and IGD+, each objective is scaled so that 0 is
/// the best value in any study and 1 the worst; the reference point of the hypervolume is 1 in every objective.
#[derive(Clone, Debug, PartialEq)]
pub struct Fronts {
    /// The objectives of the problem.
    pub objectives: Vec<Objective>,
    /// The best and the worst value of each objective over all studies.
    pub bounds: Vec<(f64, f64)>,
    /// The hypervolume over trials; the largest possible value is 1.
    pub volume: Vec<Line>,
    /// IGD+ over trials, measured against the front of all studies together; 0 means that the front is reached.
    pub distance: Vec<Line>,
    /// The front of all studies together, in the objectives' units.
    pub reference: Vec<Point>,
    /// For each strategy, the front of all its seeds together, in the objectives' units.
    pub attained: Vec<(String, Vec<Point>)>,
    /// For each strategy, the final hypervolume of its study for each seed.
    pub finals: Vec<(String, BTreeMap<u32, f64>)>,
}

/// For each trial the point that counts, with every objective negated where it is maximized. `None` for a trial that
/// was not measured at the highest fidelity, or that has an objective which is not finite.
fn points(study: &KeptStudy) -> Vec<Option<Point>> {
    let highest = study.trials.iter().filter_map(|trial| trial.fidelity).fold(f64::NEG_INFINITY, f64::max);
    let place = |objective: &Objective| study.metrics.iter().position(|metric| metric.name == objective.metric);
    let columns: Option<Vec<usize>> = study.objectives.iter().map(place).collect();
    let Some(columns) = columns else { return vec![None; study.trials.len()] };
    let point = |trial: &KeptTrial| {
        let counts = trial.measured && trial.fidelity.is_none_or(|fidelity| fidelity == highest);
        let value = |(column, objective): (&usize, &Objective)| -objective.goal.score(trial.values[*column]);
        let point: Point = columns.iter().zip(&study.objectives).map(value).collect();
        (counts && point.iter().all(|value| value.is_finite())).then_some(point)
    };
    study.trials.iter().map(point).collect()
}

/// What the studies on one problem have attained.
#[derive(Default)]
struct Attained {
    objectives: Vec<Objective>,
    low: Vec<f64>,
    high: Vec<f64>,
    trials: usize,
    union: Vec<Point>,
    by_strategy: BTreeMap<String, Vec<Point>>,
    /// Hypervolume and IGD+ at each position, by strategy and seed.
    curves: BTreeMap<String, BTreeMap<u32, Vec<(f64, f64)>>>,
}

/// Reads the fronts of every problem with more than one objective.
///
/// # Errors
/// The benchmark's file cannot be read.
pub(super) fn read(store: &Store, bootstrap: &mut Bootstrap) -> Result<BTreeMap<String, Fronts>, StudyError> {
    let mut problems: BTreeMap<String, Attained> = BTreeMap::new();
    store.each(|problem, strategy, _, study| {
        if study.objectives.len() < 2 {
            return Ok(());
        }
        let seen = problems.entry(problem.to_owned()).or_default();
        seen.objectives.clone_from(&study.objectives);
        seen.low.resize(study.objectives.len(), f64::INFINITY);
        seen.high.resize(study.objectives.len(), f64::NEG_INFINITY);
        seen.trials = seen.trials.max(study.trials.len());
        let own = seen.by_strategy.entry(strategy.to_owned()).or_default();
        for point in points(&study).into_iter().flatten() {
            for ((low, high), value) in seen.low.iter_mut().zip(&mut seen.high).zip(&point) {
                (*low, *high) = (low.min(*value), high.max(*value));
            }
            insert(own, point);
        }
        Ok(())
    })?;
    for seen in problems.values_mut() {
        seen.union = front(seen.by_strategy.values().flatten().cloned());
    }
    store.each(|problem, strategy, seed, study| {
        if let Some(seen) = problems.get_mut(problem) {
            let curve = front_curve(&study, seen);
            seen.curves.entry(strategy.to_owned()).or_default().insert(seed, curve);
        }
        Ok(())
    })?;
    Ok(problems.into_iter().map(|(problem, attained)| (problem, summary(attained, bootstrap))).collect())
}

/// The numbers of trials after which fronts are measured.
fn positions(attained: &Attained) -> Vec<f64> {
    let all = sample_positions(std::iter::once(attained.trials as f64));
    let step = all.len().div_ceil(POSITIONS).max(1);
    // Counting from the end keeps the last position.
    let mut chosen: Vec<f64> = all.iter().rev().step_by(step).copied().collect();
    chosen.reverse();
    chosen
}

/// The point with every objective scaled to the range that was attained.
fn scaled(point: &Point, attained: &Attained) -> Point {
    let scale =
        |((value, low), high): ((&f64, &f64), &f64)| if high > low { (value - low) / (high - low) } else { 0.0 };
    point.iter().zip(&attained.low).zip(&attained.high).map(scale).collect()
}

/// Hypervolume and IGD+ of one study at each position.
fn front_curve(study: &KeptStudy, attained: &Attained) -> Vec<(f64, f64)> {
    let reference = vec![1.0; attained.objectives.len()];
    let goal: Vec<Point> = attained.union.iter().map(|point| scaled(point, attained)).collect();
    let (mut front, mut curve, mut last) = (Vec::new(), Vec::new(), (0.0, f64::NAN));
    let mut points = points(study).into_iter();
    let mut taken = 0;
    for position in positions(attained) {
        let mut changed = false;
        while (taken as f64) < position {
            taken += 1;
            if let Some(Some(point)) = points.next() {
                changed |= insert(&mut front, scaled(&point, attained));
            }
        }
        if changed {
            last = (hypervolume(&front, &reference), igd_plus(&front, &goal));
        }
        curve.push(last);
    }
    curve
}

/// The curves and fronts of one problem.
fn summary(attained: Attained, bootstrap: &mut Bootstrap) -> Fronts {
    let positions = positions(&attained);
    let mut line = |strategy: &String, curves: &BTreeMap<u32, Vec<(f64, f64)>>, pick: fn(&(f64, f64)) -> f64| {
        let band = |(at, position): (usize, &f64)| {
            let values: Vec<f64> = curves.values().map(|curve| pick(&curve[at])).collect();
            let known = values.iter().all(|value| value.is_finite());
            Some((*position, bootstrap.band(&values).filter(|_| known)?))
        };
        Line { strategy: strategy.clone(), points: positions.iter().enumerate().filter_map(band).collect() }
    };
    let volume = attained.curves.iter().map(|(strategy, curves)| line(strategy, curves, |found| found.0)).collect();
    let distance = attained.curves.iter().map(|(strategy, curves)| line(strategy, curves, |found| found.1)).collect();
    let last = |curves: &BTreeMap<u32, Vec<(f64, f64)>>| {
        curves.iter().filter_map(|(seed, curve)| Some((*seed, curve.last()?.0))).collect()
    };
    let finals = attained.curves.iter().map(|(strategy, curves)| (strategy.clone(), last(curves))).collect();
    let unit = |point: &Point| -> Point {
        point.iter().zip(&attained.objectives).map(|(value, objective)| objective.goal.score(-value)).collect()
    };
    let sorted = |points: &[Point]| front(points.iter().cloned()).iter().map(&unit).collect::<Vec<Point>>();
    let bound = |(objective, (low, high)): (&Objective, (&f64, &f64))| {
        (objective.goal.score(-low), objective.goal.score(-high))
    };
    Fronts {
        bounds: attained.objectives.iter().zip(attained.low.iter().zip(&attained.high)).map(bound).collect(),
        reference: sorted(&attained.union),
        attained: attained.by_strategy.iter().map(|(strategy, points)| (strategy.clone(), sorted(points))).collect(),
        volume,
        distance,
        finals,
        objectives: attained.objectives,
    }
}
