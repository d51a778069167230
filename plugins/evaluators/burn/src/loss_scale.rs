//! Dynamic loss scaling: small gradients of a training in half precision do not become 0 on their way.

use nas_network::Precision;
use nas_network::weights_file::{Archive, StoreError};

/// What the loss is multiplied by before gradients are computed, and they are divided by afterwards: dynamic loss scaling, with
/// the numbers of PyTorch's `GradScaler`. Always a power of two, so that it rounds nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossScale {
    factor: f32,
    /// Steps since it was changed.
    steps: u32,
}

/// Names of its numbers in the state of a training.
const FACTOR: &str = "loss_scale";
const STEPS: &str = "loss_scale_steps";

impl LossScale {
    /// Where a scaled training starts.
    const START: Self = Self { factor: 65_536.0, steps: 0 };
    /// Steps without an overflow after which it is doubled.
    const PATIENCE: u32 = 2_000;
    /// It is never above: in a network without products nothing would overflow until the loss did.
    const MOST: f32 = 16_777_216.0;

    /// How the loss is scaled at the start of a training: where the type has fewer exponents than the weights'.
    pub fn of(precision: Precision) -> Option<Self> {
        (precision == Precision::F16).then_some(Self::START)
    }

    /// What the loss is multiplied by.
    pub fn factor(self) -> f32 {
        self.factor
    }

    /// After a step that was taken.
    pub fn held(&mut self) {
        self.steps += 1;
        if self.steps == Self::PATIENCE {
            *self = Self { factor: (self.factor * 2.0).min(Self::MOST), steps: 0 };
        }
    }

    /// After a step that was left out, as something overflowed; false where the loss is not scaled up any more, so that it is not
    /// the scale that makes it overflow.
    #[must_use]
    pub fn overflowed(&mut self) -> bool {
        let scaled = self.factor > 1.0;
        *self = Self { factor: (self.factor / 2.0).max(1.0), steps: 0 };
        scaled
    }

    /// Keeps it with the state of a training.
    pub fn keep(self, archive: &mut Archive) {
        archive.texts.insert(FACTOR.into(), self.factor.to_string());
        archive.texts.insert(STEPS.into(), self.steps.to_string());
    }

    /// What [`LossScale::keep`] kept; `origin` is for messages.
    pub fn kept(archive: &Archive, origin: &str) -> Result<Self, StoreError> {
        Ok(Self { factor: archive.number(FACTOR, origin)?, steps: archive.number(STEPS, origin)? })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn half_precision_alone_is_scaled() {
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
        // An overflow begins the count anew.
        (1..LossScale::PATIENCE).for_each(|_| scale.held());
        assert!(scale.overflowed());
        scale.held();
        assert_eq!(scale, LossScale { factor: 32_768.0, steps: 1 });
    }

    #[test]
    fn the_scale_says_when_it_is_not_what_overflows() {
        let mut scale = LossScale::START;
        assert_eq!((0..100).take_while(|_| scale.overflowed()).count(), 16);
        assert_eq!(scale.factor(), 1.0);
        let mut scale = LossScale { factor: LossScale::MOST, steps: LossScale::PATIENCE - 1 };
        scale.held();
        assert_eq!(scale.factor(), LossScale::MOST);
    }

    #[test]
    fn the_scale_is_read_back() {
        let (scale, mut archive) = (LossScale { factor: 0.5, steps: 7 }, Archive::default());
        assert!(LossScale::kept(&archive, "here").unwrap_err().to_string().contains("'loss_scale'"));
        scale.keep(&mut archive);
        assert_eq!(LossScale::kept(&archive, "here").unwrap(), scale);
    }
}
