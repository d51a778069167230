//! Several objectives: what each strategy's front covers as a study goes on.

use std::collections::BTreeMap;

use nas_api::Objective;

use super::paths::places;
use super::volume::{front, hypervolume, igd_plus, insert};
use super::{Bands, Line, Point};
use crate::benchmark::{KeptStudy, Store};
use crate::study::StudyError;

/// A front is measured at so many places of a study.
const PLACES: usize = 40;

/// The fronts on one problem with several objectives. Objectives are scaled to 0 (the best value in any study) and 1 (the
/// worst), all to be minimised; the hypervolume's reference point is 1 in each.
#[derive(Clone, Debug, PartialEq)]
pub struct Fronts {
    /// What is searched for.
    pub objectives: Vec<Objective>,
    /// Best and worst value of each objective over all studies.
    pub bounds: Vec<(f64, f64)>,
    /// Hypervolume after so many trials; 1 would cover everything.
    pub volume: Vec<Line>,
    /// IGD+ after so many trials, against the front of all studies together; 0 reaches it.
    pub distance: Vec<Line>,
    /// The front of all studies together, in the objectives' units.
    pub reference: Vec<Point>,
    /// What each strategy attained: the front of all its seeds together, in the objectives' units.
    pub attained: Vec<(String, Vec<Point>)>,
    /// The hypervolume that each study ended with: (strategy, by seed).
    pub finals: Vec<(String, BTreeMap<u32, f64>)>,
}

/// The trials that count: measured at the highest fidelity, every objective a number, turned so that less is better.
fn points(study: &KeptStudy) -> Vec<Option<Point>> {
    let highest = study.trials.iter().filter_map(|trial| trial.fidelity).fold(f64::NEG_INFINITY, f64::max);
    let place = |objective: &Objective| study.metrics.iter().position(|metric| metric.name == objective.metric);
    let columns: Option<Vec<usize>> = study.objectives.iter().map(place).collect();
    let Some(columns) = columns else { return vec![None; study.trials.len()] };
    let point = |trial: &crate::benchmark::KeptTrial| {
        let counts = trial.measured && trial.fidelity.is_none_or(|fidelity| fidelity == highest);
        let value = |(column, objective): (&usize, &Objective)| -objective.goal.score(trial.values[*column]);
        let point: Point = columns.iter().zip(&study.objectives).map(value).collect();
        (counts && point.iter().all(|value| value.is_finite())).then_some(point)
    };
    study.trials.iter().map(point).collect()
}

#[derive(Default)]
struct Seen {
    objectives: Vec<Objective>,
    low: Vec<f64>,
    high: Vec<f64>,
    trials: usize,
    union: Vec<Point>,
    attained: BTreeMap<String, Vec<Point>>,
    /// By strategy and seed: volume and distance at each place.
    curves: BTreeMap<String, BTreeMap<u32, Vec<(f64, f64)>>>,
}

/// The fronts of every problem with more than one objective.
pub(super) fn read(store: &Store, bands: &mut Bands) -> Result<BTreeMap<String, Fronts>, StudyError> {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    store.each(|problem, strategy, _, study| {
        if study.objectives.len() < 2 {
            return Ok(());
        }
        let seen = seen.entry(problem.to_owned()).or_default();
        seen.objectives.clone_from(&study.objectives);
        seen.low.resize(study.objectives.len(), f64::INFINITY);
        seen.high.resize(study.objectives.len(), f64::NEG_INFINITY);
        seen.trials = seen.trials.max(study.trials.len());
        let attained = seen.attained.entry(strategy.to_owned()).or_default();
        for point in points(&study).into_iter().flatten() {
            for ((low, high), value) in seen.low.iter_mut().zip(&mut seen.high).zip(&point) {
                (*low, *high) = (low.min(*value), high.max(*value));
            }
            insert(attained, point);
        }
        Ok(())
    })?;
    for seen in seen.values_mut() {
        seen.union = front(seen.attained.values().flatten().cloned());
    }
    store.each(|problem, strategy, seed, study| {
        if let Some(seen) = seen.get_mut(problem) {
            let curve = measured(&study, seen);
            seen.curves.entry(strategy.to_owned()).or_default().insert(seed, curve);
        }
        Ok(())
    })?;
    Ok(seen.into_iter().map(|(problem, seen)| (problem, summed(seen, bands))).collect())
}

fn at(seen: &Seen) -> Vec<f64> {
    let all = places(std::iter::once(seen.trials as f64));
    let step = all.len().div_ceil(PLACES).max(1);
    // From the end, so that the last place is one of them.
    let mut chosen: Vec<f64> = all.iter().rev().step_by(step).copied().collect();
    chosen.reverse();
    chosen
}

fn scaled(point: &Point, seen: &Seen) -> Point {
    let scale =
        |((value, low), high): ((&f64, &f64), &f64)| if high > low { (value - low) / (high - low) } else { 0.0 };
    point.iter().zip(&seen.low).zip(&seen.high).map(scale).collect()
}

/// Hypervolume and IGD+ of one study at each place.
fn measured(study: &KeptStudy, seen: &Seen) -> Vec<(f64, f64)> {
    let reference = vec![1.0; seen.objectives.len()];
    let goal: Vec<Point> = seen.union.iter().map(|point| scaled(point, seen)).collect();
    let (mut front, mut curve, mut last) = (Vec::new(), Vec::new(), (0.0, f64::NAN));
    let mut points = points(study).into_iter();
    let mut taken = 0;
    for place in at(seen) {
        let mut changed = false;
        while (taken as f64) < place {
            taken += 1;
            if let Some(Some(point)) = points.next() {
                changed |= insert(&mut front, scaled(&point, seen));
            }
        }
        if changed {
            last = (hypervolume(&front, &reference), igd_plus(&front, &goal));
        }
        curve.push(last);
    }
    curve
}

fn summed(seen: Seen, bands: &mut Bands) -> Fronts {
    let places = at(&seen);
    let mut line = |strategy: &String, curves: &BTreeMap<u32, Vec<(f64, f64)>>, pick: fn(&(f64, f64)) -> f64| {
        let band = |(at, place): (usize, &f64)| {
            let values: Vec<f64> = curves.values().map(|curve| pick(&curve[at])).collect();
            let known = values.iter().all(|value| value.is_finite());
            Some((*place, bands.of(&values).filter(|_| known)?))
        };
        Line { strategy: strategy.clone(), points: places.iter().enumerate().filter_map(band).collect() }
    };
    let volume = seen.curves.iter().map(|(strategy, curves)| line(strategy, curves, |found| found.0)).collect();
    let distance = seen.curves.iter().map(|(strategy, curves)| line(strategy, curves, |found| found.1)).collect();
    let last = |curves: &BTreeMap<u32, Vec<(f64, f64)>>| {
        curves.iter().filter_map(|(seed, curve)| Some((*seed, curve.last()?.0))).collect()
    };
    let finals = seen.curves.iter().map(|(strategy, curves)| (strategy.clone(), last(curves))).collect();
    let unit = |point: &Point| -> Point {
        point.iter().zip(&seen.objectives).map(|(value, objective)| objective.goal.score(-value)).collect()
    };
    let sorted = |points: &[Point]| front(points.iter().cloned()).iter().map(&unit).collect::<Vec<Point>>();
    let bound = |(objective, (low, high)): (&Objective, (&f64, &f64))| {
        (objective.goal.score(-low), objective.goal.score(-high))
    };
    Fronts {
        bounds: seen.objectives.iter().zip(seen.low.iter().zip(&seen.high)).map(bound).collect(),
        reference: sorted(&seen.union),
        attained: seen.attained.iter().map(|(strategy, points)| (strategy.clone(), sorted(points))).collect(),
        volume,
        distance,
        finals,
        objectives: seen.objectives,
    }
}
