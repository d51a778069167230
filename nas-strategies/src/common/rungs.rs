//! The rungs of successive halving: which of the offered fidelities are used, and how many architectures each gets.

use nas_api::{Error, Parameter, Result, Study};

/// Relative rounding error that a quotient of fidelities may have.
const TOLERANCE: f64 = 1e-9;

/// No search would ever climb a ladder with more steps than this.
const MAX_STEPS: usize = 64;

/// A fidelity, and how many architectures are measured at it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rung {
    /// The number of architectures, at most.
    pub size: u32,
    /// One of the fidelities that the study offers.
    pub fidelity: f64,
}

/// The fidelities in use, from the least to the greatest, in steps of a factor η.
#[derive(Clone, Debug, PartialEq)]
pub struct Ladder {
    /// η: each step multiplies the fidelity by η and divides the number of architectures by η.
    pub eta: f64,
    /// For each step from 0 to `top`, the offered fidelity nearest, by ratio, to R η^(step − top). Neighbours may be
    /// equal.
    fidelities: Vec<f64>,
}

/// The parameters that [`Ladder::open`] reads, and `carry_on`, with this default of η.
pub fn parameters(eta: f64) -> Vec<Parameter> {
    vec![
        Parameter::number(
            "eta",
            eta,
            1.1,
            1000.0,
            "η: each rung multiplies the fidelity by η and divides the number of architectures by η.",
        ),
        Parameter::number(
            "min_fidelity",
            0.0,
            0.0,
            f64::MAX,
            "r: least fidelity to use, in the evaluator's unit; 0 uses the least that is offered.",
        ),
        Parameter::number(
            "max_fidelity",
            0.0,
            0.0,
            f64::MAX,
            "R: greatest fidelity to use, in the evaluator's unit; 0 uses the greatest that is offered.",
        ),
        Parameter::truth(
            "carry_on",
            false,
            "Continue promoted trials from their checkpoints, which the evaluator must support.",
        ),
    ]
}

impl Ladder {
    /// The ladder that a study's settings describe.
    ///
    /// # Errors
    /// Returns an error if a setting is out of range, if the fidelities leave fewer than two rungs, or if they would
    /// need more than 64 steps.
    pub fn open(study: &Study) -> Result<Self> {
        let settings = &study.settings;
        let (eta, min, max) =
            (settings.number("eta")?, settings.number("min_fidelity")?, settings.number("max_fidelity")?);
        if !eta.is_finite() || eta < 1.1 {
            return Err(Error::new(format!("'eta' must be at least 1.1, but is {eta}")));
        }
        let within = |fidelity: &&f64| **fidelity >= min && (max == 0.0 || **fidelity <= max);
        let offered: Vec<f64> = study.fidelities.iter().filter(within).copied().collect();
        let (Some(&least), Some(&greatest)) = (offered.first(), offered.last()) else {
            let all = &study.fidelities;
            let problem = format!("no fidelity lies between 'min_fidelity' ({min}) and 'max_fidelity' ({max})");
            return Err(Error::new(format!("{problem}; the evaluator offers {all:?}")));
        };
        let mut targets = vec![greatest];
        let mut next = greatest / eta;
        while targets.len() <= MAX_STEPS && next >= least * (1.0 - TOLERANCE) {
            targets.push(next);
            next /= eta;
        }
        if targets.len() < 2 {
            return Err(Error::new(format!(
                "there is only one rung: the greatest fidelity in use ({greatest}) must be at least 'eta' ({eta}) \
                 times the least ({least})"
            )));
        }
        if targets.len() > MAX_STEPS {
            let problem = format!("there are more than {MAX_STEPS} steps of 'eta' ({eta}) from {least} to {greatest}");
            return Err(Error::new(format!("{problem}: raise 'eta' or 'min_fidelity'")));
        }
        let distance = |a: f64, b: f64| if a > b { a / b } else { b / a };
        let nearest = |target: f64| {
            let by_distance = |a: &f64, b: &f64| distance(*a, target).total_cmp(&distance(*b, target));
            offered.iter().copied().min_by(by_distance).unwrap_or(greatest)
        };
        Ok(Self { eta, fidelities: targets.into_iter().rev().map(nearest).collect() })
    }

    /// The number of the last step: the paper's s_max.
    pub fn top(&self) -> u32 {
        u32::try_from(self.fidelities.len() - 1).unwrap_or(u32::MAX)
    }

    /// η to the power of a number of steps.
    pub fn power(&self, steps: u32) -> f64 {
        (0..steps).fold(1.0, |power, _| power * self.eta)
    }

    /// The fidelities from step `start` on, ascending, each with the number of steps to it. Steps with equal fidelities
    /// are merged: the lowest level is at 0 steps, any other at the last of its merged steps.
    pub fn levels(&self, start: u32) -> Vec<(u32, f64)> {
        let mut levels: Vec<(u32, f64)> = Vec::new();
        for (steps, &fidelity) in (0..).zip(self.fidelities.iter().skip(start as usize)) {
            match levels.last_mut() {
                Some((0, last)) if *last == fidelity => {}
                Some((last_steps, last)) if *last == fidelity => *last_steps = steps,
                _ => levels.push((steps, fidelity)),
            }
        }
        levels
    }

    /// ⌊`count` η^−`steps`⌋.
    pub fn share(&self, count: u32, steps: u32) -> u32 {
        (f64::from(count) / self.power(steps) * (1.0 + TOLERANCE)).floor() as u32
    }

    /// The rungs of a bracket that begins with `n` architectures at step `start`: ⌊n η^−i⌋ after i steps, down to 1.
    pub fn bracket(&self, start: u32, n: u32) -> Vec<Rung> {
        let rung = |(steps, fidelity)| Rung { size: self.share(n, steps), fidelity };
        self.levels(start).into_iter().map(rung).take_while(|rung| rung.size > 0).collect()
    }

    /// Hyperband's brackets (Algorithm 1 of the paper), from s_max, which starts most architectures at the least
    /// fidelity, to 0, which measures all at the greatest. Bracket s starts with ⌈(s_max + 1) η^s / (s + 1)⌉. Where few
    /// fidelities are offered, several brackets would have the greatest one as their only rung, and most of a round
    /// would be spent there; only the last of them is kept.
    pub fn hyperband(&self) -> Vec<Vec<Rung>> {
        let top = self.top();
        let bracket = |s: u32| {
            let n = f64::from(top + 1) * self.power(s) / f64::from(s + 1);
            self.bracket(top - s, (n * (1.0 - TOLERANCE)).ceil() as u32)
        };
        let mut round: Vec<Vec<Rung>> = (0..=top).rev().map(bracket).collect();
        let last = round.len().saturating_sub(1);
        let mut position = 0;
        round.retain(|rungs| {
            position += 1;
            rungs.len() > 1 || position > last
        });
        round
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::{Setting, Settings, Value};

    use super::*;
    use crate::RandomSearch;
    use crate::conformance::study_of;

    fn ladder(offered: &[f64], eta: f64, min: f64, max: f64) -> Result<Ladder> {
        let set = [("eta", eta), ("min_fidelity", min), ("max_fidelity", max)];
        let given = set.map(|(name, value)| Setting { name: name.into(), value: Value::Number(value) });
        let mut study = study_of::<RandomSearch>(1, &[]).unwrap();
        study.fidelities = offered.to_vec();
        study.settings = Settings::checked(&parameters(3.0), &given)?;
        Ladder::open(&study)
    }

    fn pairs(rungs: &[Rung]) -> Vec<(u32, f64)> {
        rungs.iter().map(|rung| (rung.size, rung.fidelity)).collect()
    }

    #[test]
    fn hyperbands_brackets_follow_algorithm_1_for_81_epochs_in_thirds() {
        let epochs: Vec<f64> = (1..=81).map(f64::from).collect();
        let brackets = ladder(&epochs, 3.0, 0.0, 0.0).unwrap().hyperband();
        let expected: [&[(u32, f64)]; 5] = [
            &[(81, 1.0), (27, 3.0), (9, 9.0), (3, 27.0), (1, 81.0)],
            &[(34, 3.0), (11, 9.0), (3, 27.0), (1, 81.0)],
            &[(15, 9.0), (5, 27.0), (1, 81.0)],
            &[(8, 27.0), (2, 81.0)],
            &[(5, 81.0)],
        ];
        assert_eq!(brackets.iter().map(|bracket| pairs(bracket)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn rungs_are_the_nearest_offered_fidelities_and_the_last_is_the_greatest() {
        let epochs: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(ladder(&epochs, 3.0, 0.0, 0.0).unwrap().fidelities, [3.0, 7.0, 22.0, 67.0, 200.0]);
        assert_eq!(ladder(&epochs, 3.0, 5.0, 60.0).unwrap().fidelities, [7.0, 20.0, 60.0]);
        assert_eq!(ladder(&epochs[..10], 3.0, 0.0, 0.0).unwrap().fidelities, [1.0, 3.0, 10.0]);
        assert_eq!(ladder(&epochs[..10], 4.0, 0.0, 0.0).unwrap().fidelities, [3.0, 10.0]);
        assert_eq!(ladder(&[0.1, 0.2, 0.4, 0.8], 2.0, 0.0, 0.0).unwrap().fidelities, [0.1, 0.2, 0.4, 0.8]);
    }

    #[test]
    fn steps_without_an_offered_fidelity_are_skipped() {
        let ladder = ladder(&[1.0, 100.0], 3.0, 0.0, 0.0).unwrap();
        assert_eq!(ladder.fidelities, [1.0, 1.0, 100.0, 100.0, 100.0]);
        assert_eq!(pairs(&ladder.bracket(0, 81)), [(81, 1.0), (1, 100.0)]);
        assert_eq!(pairs(&ladder.bracket(3, 8)), [(8, 100.0)]);
    }

    #[test]
    fn at_most_one_bracket_of_a_round_has_a_single_rung() {
        for offered in [&[12.0, 200.0][..], &[1.0, 100.0], &[1.0, 12.0, 36.0, 90.0, 200.0], &[1.0, 3.0, 9.0, 27.0]] {
            let round = ladder(offered, 3.0, 0.0, 0.0).unwrap().hyperband();
            assert_eq!(round.iter().filter(|rungs| rungs.len() == 1).count(), 1, "{round:?}");
        }
        let round = ladder(&[12.0, 200.0], 3.0, 0.0, 0.0).unwrap().hyperband();
        let expected: [&[(u32, f64)]; 2] = [&[(9, 12.0), (1, 200.0)], &[(3, 200.0)]];
        assert_eq!(round.iter().map(|rungs| pairs(rungs)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_ladder_with_a_single_rung_is_refused_with_the_reason() {
        let refusal = |offered: &[f64], min, max| ladder(offered, 3.0, min, max).unwrap_err().to_string();
        assert!(refusal(&[1.0, 2.0], 0.0, 0.0).contains("'eta' (3)"));
        assert!(refusal(&[1.0, 3.0, 9.0], 4.0, 0.0).contains("in use (9)"));
        assert!(refusal(&[1.0, 3.0, 9.0], 10.0, 0.0).contains("'min_fidelity' (10)"));
        assert!(refusal(&[1e-100, 1e100], 0.0, 0.0).contains("more than 64 steps"));
        assert!(refusal(&[], 0.0, 0.0).contains("offers []"));
    }
}
