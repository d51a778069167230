//! Learning rate schedules.

/// The course of the learning rate after the warm-up.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// Half a cosine from the learning rate to `least`, step by step (Loshchilov & Hutter 2017, SGDR, equation 5, one
    /// cycle).
    Cosine {
        /// The learning rate at the end.
        least: f64,
    },
    /// Multiplies by `factor` at each milestone, a fraction of the whole training (He et al. 2016, section 4.2: a tenth
    /// at 1/2 and 3/4).
    Steps {
        /// The milestones, between 0 and 1.
        milestones: Vec<f64>,
        /// The factor at each milestone.
        factor: f64,
    },
    /// The learning rate stays the same.
    Constant,
}

/// The learning rate at every step.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The highest learning rate.
    pub rate: f64,
    /// The number of epochs in which it rises in equal steps (Goyal et al. 2017, section 2.2).
    pub warmup_epochs: f64,
    /// The course after the warm-up.
    pub course: Course,
}

impl Schedule {
    /// The learning rate of step `step`, counted from 0, in a training of `epochs` epochs with `steps` steps each.
    pub fn rate(&self, step: u64, steps: u64, epochs: u32) -> f64 {
        let warmup = (self.warmup_epochs * steps as f64).round() as u64;
        if step < warmup {
            return self.rate * (step + 1) as f64 / warmup as f64;
        }
        let all = (u64::from(epochs) * steps).max(1);
        match &self.course {
            Course::Constant => self.rate,
            Course::Cosine { least } => {
                let part = (step - warmup) as f64 / all.saturating_sub(warmup).max(1) as f64;
                least + (self.rate - least) * 0.5 * (1.0 + (std::f64::consts::PI * part).cos())
            }
            Course::Steps { milestones, factor } => {
                let part = step as f64 / all as f64;
                let passed = milestones.iter().filter(|&&milestone| part >= milestone).count();
                self.rate * factor.powi(passed as i32)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(warmup_epochs: f64, course: Course) -> Schedule {
        Schedule { rate: 0.2, warmup_epochs, course }
    }

    #[test]
    fn the_cosine_falls_from_the_rate_to_the_least() {
        let cosine = schedule(0.0, Course::Cosine { least: 0.0 });
        assert_eq!(cosine.rate(0, 10, 10), 0.2);
        assert!((cosine.rate(50, 10, 10) - 0.1).abs() < 1e-12);
        assert!((cosine.rate(25, 10, 10) - 0.1 * (1.0 + 0.5_f64.sqrt())).abs() < 1e-12);
        assert!(cosine.rate(99, 10, 10) < 1e-4);
        let least = schedule(0.0, Course::Cosine { least: 0.1 });
        assert_eq!(least.rate(0, 10, 10), 0.2);
        assert!((least.rate(50, 10, 10) - 0.15).abs() < 1e-12);
        assert!((least.rate(99, 10, 10) - 0.1).abs() < 1e-4);
        assert_eq!(schedule(0.0, Course::Constant).rate(99, 10, 10), 0.2);
    }

    #[test]
    fn the_warm_up_rises_in_equal_steps_and_the_cosine_follows() {
        let warmed = schedule(0.5, Course::Cosine { least: 0.0 });
        for step in 0..5 {
            assert!((warmed.rate(step, 10, 10) - 0.04 * (step + 1) as f64).abs() < 1e-12);
        }
        assert_eq!(warmed.rate(5, 10, 10), 0.2);
        // This is half of the 95 remaining steps.
        assert!((warmed.rate(52, 10, 10) - 0.1).abs() < 0.002);
        assert_eq!(schedule(0.01, Course::Constant).rate(0, 10, 10), 0.2, "a warm-up of less than a step is none");
    }

    #[test]
    fn milestones_are_fractions_of_the_training() {
        let steps = schedule(0.0, Course::Steps { milestones: vec![0.5, 0.75], factor: 0.1 });
        assert_eq!(steps.rate(49, 10, 10), 0.2);
        assert!((steps.rate(50, 10, 10) - 0.02).abs() < 1e-12);
        assert!((steps.rate(74, 10, 10) - 0.02).abs() < 1e-12);
        assert!((steps.rate(99, 10, 10) - 0.002).abs() < 1e-12);
    }
}
