//! Dynamic loss scaling, which keeps small gradients of a training in half precision from becoming 0.

use nas_network::Precision;
use nas_network::weights_file::{Archive, StoreError};

/// The factor by which the loss is multiplied before gradients are computed, and by which they are divided afterwards:
/// dynamic loss scaling with the numbers of PyTorch's `GradScaler`. It is always a power of two, so that it causes no
/// rounding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossScale {
    factor: f32,
    /// The number of steps since the factor changed.
    steps: u32,
}

/// The names of its numbers in the saved state of a training.
const FACTOR: &str = "loss_scale";
const STEPS: &str = "loss_scale_steps";

impl LossScale {
    /// The scale at the start of a training.
    const START: Self = Self { factor: 65_536.0, steps: 0 };
    /// The number of steps without an overflow after which the factor is doubled.
    const PATIENCE: u32 = 2_000;
    /// The largest factor. In a network without products, only the loss itself would overflow.
    const MOST: f32 = 16_777_216.0;

    /// The scale at the start of a training; `None` unless the type of products has a smaller exponent range than the
    /// weights.
    pub fn of(precision: Precision) -> Option<Self> {
        (precision == Precision::F16).then_some(Self::START)
    }

    /// The factor of the loss.
    pub fn factor(self) -> f32 {
        self.factor
    }

    /// Called after a step that was taken.
    pub fn held(&mut self) {
        self.steps += 1;
        if self.steps == Self::PATIENCE {
            *self = Self { factor: (self.factor * 2.0).min(Self::MOST), steps: 0 };
        }
    }

    /// Called after a step that was skipped because something overflowed. Returns false if the loss was not scaled up,
    /// so that a smaller scale would not help.
    #[must_use]
    pub fn overflowed(&mut self) -> bool {
        let scaled = self.factor > 1.0;
        *self = Self { factor: (self.factor / 2.0).max(1.0), steps: 0 };
        scaled
    }

    /// Adds it to the saved state of a training.
    pub fn keep(self, archive: &mut Archive) {
        archive.texts.insert(FACTOR.into(), self.factor.to_string());
        archive.texts.insert(STEPS.into(), self.steps.to_string());
    }

    /// Reads what [`LossScale::keep`] saved; `origin` names the state in messages.
    ///
    /// # Errors
    ///
    /// Fails if the archive has no such numbers.
    pub fn kept(archive: &Archive, origin: &str) -> Result<Self, StoreError> {
        Ok(Self { factor: archive.number(FACTOR, origin)?, steps: archive.number(STEPS, origin)? })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_half_precision_is_scaled() {
        assert!(LossScale::of(Precision::Bf16).is_none() && LossScale::of(Precision::F16).is_some());
    }

    #[test]
    fn the_scale_falls_at_once_and_rises_after_many_good_steps() {
        let mut scale = LossScale::START;
        assert!(scale.overflowed());
        assert_eq!(scale.factor(), 32_768.0);
        (1..LossScale::PATIENCE).for_each(|_| scale.held());
        assert_eq!(scale.factor(), 32_768.0);
        scale.held();
        assert_eq!(scale, LossScale::START);
        // An overflow restarts the count.
        (1..LossScale::PATIENCE).for_each(|_| scale.held());
        assert!(scale.overflowed());
        scale.held();
        assert_eq!(scale, LossScale { factor: 32_768.0, steps: 1 });
    }

    #[test]
    fn overflows_without_scaling_are_reported() {
        let mut scale = LossScale::START;
        assert_eq!((0..100).take_while(|_| scale.overflowed()).count(), 16);
        assert_eq!(scale.factor(), 1.0);
        let mut scale = LossScale { factor: LossScale::MOST, steps: LossScale::PATIENCE - 1 };
        scale.held();
        assert_eq!(scale.factor(), LossScale::MOST);
    }

    #[test]
    fn the_scale_is_read_back_as_saved() {
        let (scale, mut archive) = (LossScale { factor: 0.5, steps: 7 }, Archive::default());
        assert!(LossScale::kept(&archive, "here").unwrap_err().to_string().contains("'loss_scale'"));
        scale.keep(&mut archive);
        assert_eq!(LossScale::kept(&archive, "here").unwrap(), scale);
    }
}
