//! Checks for strategies that choose the fidelity of a trial, and a comparison at equal total fidelity.

use std::collections::BTreeSet;

use nas_api::{Error, Failure, Observation, Result, SearchSpace, Strategy, rng};

use super::checks::{Check, TRIALS, ensure, parallel};
use super::drive::{Asked, Schedule, Step, drive_at};
use super::{Additive, FIDELITIES, Measured, Subject, observation};

/// Additional checks for strategies that use fidelities, by name; see also [`CHECKS`](super::CHECKS). Every check also
/// verifies that a strategy proposes only offered fidelities and continues only trials that can be continued.
pub const FIDELITY_CHECKS: &[(&str, Check)] = &[
    ("the least and the greatest fidelity are both used", both_ends),
    ("any list of fidelities is used or refused", any_offer),
    ("misleading low fidelities are tolerated", misleading),
    ("external results at any fidelity are accepted", warm_at_any_fidelity),
];

/// Lists of fidelities with other ratios, gaps and lengths than [`FIDELITIES`]. The first one has rungs for any
/// sensible settings and must not be refused.
const OFFERS: [&[f64]; 6] = [
    &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0],
    &[1.0, 100.0],
    &[0.01, 0.03, 0.25, 0.5, 1.0],
    &[1.0, 2.0],
    &[1.0, 1.000_001],
    &[5e-324, 1.0, 1e300],
];

/// Runs a search to its last trial and returns the fidelities of its proposals.
fn run(
    subject: &Subject,
    search: &mut dyn Strategy,
    space: &mut Additive,
    offered: &[f64],
    schedule: &Schedule,
    measure: &dyn Fn(&Asked<'_>) -> Measured,
) -> Result<Vec<f64>> {
    let steps = drive_at(search, space, offered, schedule, TRIALS, measure)?;
    let spent: Vec<f64> = spent(&steps, offered).map(|(_, fidelity)| fidelity).collect();
    let name = &subject.info.name;
    ensure(
        spent.len() == TRIALS as usize || search.finished(),
        format!("{name} stopped after {} of {TRIALS} trials without having finished", spent.len()),
    )?;
    Ok(spent)
}

/// Every proposal with its fidelity.
fn spent<'s>(steps: &'s [Step], offered: &'s [f64]) -> impl Iterator<Item = (&'s nas_api::Proposal, f64)> {
    let proposals = steps.iter().flat_map(|step| match step {
        Step::Ask { proposals, .. } => proposals.as_slice(),
        Step::Tell(_) => &[],
    });
    let top = offered.last().copied().unwrap_or(1.0);
    proposals.map(move |proposal| (proposal, proposal.fidelity.unwrap_or(top)))
}

fn both_ends(subject: &Subject, space: &mut Additive) -> Result<()> {
    let landscape = space.clone();
    for schedule in [Schedule::serial(), parallel(4)] {
        let mut search = subject.search(1, space)?;
        let measure = |asked: &Asked<'_>| landscape.measure(asked.genotype);
        let spent = run(subject, search.as_mut(), space, &FIDELITIES, &schedule, &measure)?;
        for end in [FIDELITIES[0], FIDELITIES[FIDELITIES.len() - 1]] {
            ensure(spent.contains(&end), format!("none of {TRIALS} trials spends {end}"))?;
        }
    }
    Ok(())
}

fn any_offer(subject: &Subject, space: &mut Additive) -> Result<()> {
    let landscape = space.clone();
    for (position, offered) in OFFERS.iter().enumerate() {
        for schedule in [Schedule::serial(), parallel(7)] {
            let mut study = subject.study(1)?;
            study.fidelities = offered.to_vec();
            let mut search = match (subject.open)(&study, space) {
                Ok(search) => search,
                Err(refusal) if position == 0 => return Err(Error::new(format!("{offered:?} is refused: {refusal}"))),
                Err(_) => continue,
            };
            let measure = |asked: &Asked<'_>| landscape.measure(asked.genotype);
            run(subject, search.as_mut(), space, offered, &schedule, &measure)
                .map_err(|error| Error::new(format!("with the fidelities {offered:?}: {error}")))?;
        }
    }
    Ok(())
}

fn misleading(subject: &Subject, space: &mut Additive) -> Result<()> {
    let landscape = space.clone();
    let [least, .., top] = FIDELITIES;
    let upside_down = |asked: &Asked<'_>| -> Measured {
        let value = landscape.value(asked.genotype);
        Ok(if asked.fidelity == Some(top) { value } else { -value })
    };
    let only_low = |asked: &Asked<'_>| -> Measured {
        let failed = asked.fidelity > Some(least);
        if failed { Err(Failure::new("a failure made for this check")) } else { landscape.measure(asked.genotype) }
    };
    let not_low = |asked: &Asked<'_>| -> Measured {
        if asked.fidelity == Some(least) { Ok(f64::NAN) } else { landscape.measure(asked.genotype) }
    };
    let ways: [&dyn Fn(&Asked<'_>) -> Measured; 3] = [&upside_down, &only_low, &not_low];
    for schedule in [Schedule::serial(), parallel(6)] {
        for measure in ways {
            let mut search = subject.search(2, space)?;
            run(subject, search.as_mut(), space, &FIDELITIES, &schedule, measure)?;
        }
    }
    Ok(())
}

fn warm_at_any_fidelity(subject: &Subject, space: &mut Additive) -> Result<()> {
    let landscape = space.clone();
    let fidelities = FIDELITIES.map(Some).into_iter().chain([None, Some(2.5), Some(f64::NAN), Some(1e9)]);
    let known: Vec<Observation> = (0..60)
        .zip(fidelities.cycle())
        .map(|(index, fidelity)| {
            let genotype = SearchSpace::sample(&landscape, rng::derive(6, "warm", index));
            let outcome = match index % 5 {
                0 => Err(Failure::new("a failure made for this check")),
                1 => Ok(f64::NAN),
                _ => landscape.measure(&genotype),
            };
            Observation { fidelity, ..observation(None, genotype, outcome) }
        })
        .collect();
    for schedule in [Schedule::serial(), parallel(4)] {
        let mut search = subject.search(1, space)?;
        search.tell(&known, space)?;
        search.tell(&known[20..40], space)?;
        let measure = |asked: &Asked<'_>| landscape.measure(asked.genotype);
        run(subject, search.as_mut(), space, &FIDELITIES, &schedule, &measure)?;
        search.tell(&known, space)?;
    }
    Ok(())
}

/// The best value among the trials at the greatest fidelity, run one at a time until the total fidelity `spend` is
/// spent; −∞ if no trial reached that fidelity. Lower fidelities give noisy and biased estimates
/// ([`Additive::estimate`]). As in a study, a trial that continues another one spends the difference, and a repeated
/// one nothing. A strategy without fidelities spends the greatest one on each trial.
///
/// # Errors
/// Fails as [`Subject::search`] and [`drive_at`] do.
pub fn at_equal_spend(subject: &Subject, seed: u32, spend: f64, space: &mut Additive) -> Result<f64> {
    let mut search = subject.search(seed, space)?;
    let landscape = space.clone();
    let top = FIDELITIES[FIDELITIES.len() - 1];
    let measure =
        |asked: &Asked<'_>| -> Measured { Ok(landscape.estimate(asked.genotype, asked.fidelity.unwrap_or(top) / top)) };
    // Only repeated trials spend less than the least fidelity.
    let trials = (2.0 * spend / FIDELITIES[0]) as u32;
    let offered = super::fidelities(&subject.info);
    let steps = drive_at(search.as_mut(), space, offered, &Schedule::serial(), trials, &measure)?;
    let (mut left, mut best, mut paid) = (spend, f64::NEG_INFINITY, Vec::new());
    let mut known = BTreeSet::new();
    for (proposal, fidelity) in spent(&steps, &FIDELITIES) {
        let Some(genotype) = proposal.candidate.genotype() else { continue };
        let before = proposal.resume.and_then(|resume| paid.get(resume as usize).copied());
        paid.push(fidelity);
        if known.insert((genotype, fidelity.to_bits(), proposal.resume)) {
            left -= fidelity - before.unwrap_or(0.0);
        }
        if left < 0.0 {
            break;
        }
        if fidelity == top {
            best = best.max(landscape.value(genotype));
        }
    }
    Ok(best)
}
