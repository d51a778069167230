//! In how many bits a network's products are computed: mixed precision (P. Micikevicius et al., "Mixed Precision Training", ICLR
//! 2018, https://arxiv.org/abs/1710.03740).
//!
//! [`Network`](crate::model::Network) keeps its weights in 32 bits and computes products in the narrow type;
//! [`LossScale`] keeps small gradients from becoming 0 on their way.

use std::fmt;

use burn::tensor::{Device, FloatDType};
use nas_api::{Error, Result};

use crate::device::{Devices, Place};
use crate::store::{Archive, StoreError};

/// The type in which matrix products and convolutions are computed, forward and backward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits everywhere.
    #[default]
    F32,
    /// "Brain floating point": the range of 32 bits, with 8 significant bits.
    Bf16,
    /// IEEE half precision: 11 significant bits, nothing above 65,504.
    F16,
}

impl Precision {
    /// As users name them.
    pub const NAMES: [&str; 3] = ["f32", "bf16", "f16"];

    /// Reads a name that is one of [`Precision::NAMES`].
    pub fn named(name: &str) -> Self {
        match name {
            "bf16" => Self::Bf16,
            "f16" => Self::F16,
            _ => Self::F32,
        }
    }

    /// burn's type of the products.
    pub fn float(self) -> FloatDType {
        match self {
            Self::F32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
            Self::F16 => FloatDType::F16,
        }
    }

    /// The same where it is narrower than that of the weights.
    pub fn narrow(self) -> Option<FloatDType> {
        (self != Self::F32).then(|| self.float())
    }

    /// Refuses a device that does not compute so.
    pub fn check<D: Devices>(self, place: Place, device: &Device) -> Result<()> {
        if D::has(place, device, self) {
            return Ok(());
        }
        Err(Error::new(format!(
            "'precision' is {self}, in which {place} does not compute: set it to another of {}",
            Self::NAMES.join(", ")
        )))
    }

    /// How the loss is scaled at the start of a training: where the type has fewer exponents than the weights'.
    pub fn loss_scale(self) -> Option<LossScale> {
        (self == Self::F16).then_some(LossScale::START)
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES[*self as usize])
    }
}

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
    /// Where a training starts.
    const START: Self = Self { factor: 65_536.0, steps: 0 };
    /// Steps without an overflow after which it is doubled.
    const PATIENCE: u32 = 2_000;
    /// It is never above: in a network without products nothing would overflow until the loss did.
    const MOST: f32 = 16_777_216.0;

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
    pub fn kept(archive: &Archive, origin: &str) -> std::result::Result<Self, StoreError> {
        Ok(Self { factor: archive.number(FACTOR, origin)?, steps: archive.number(STEPS, origin)? })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn precisions_are_named_as_they_are_shown() {
        for name in Precision::NAMES {
            assert_eq!(Precision::named(name).to_string(), name);
        }
        assert_eq!(Precision::F32.narrow(), None);
        assert!(Precision::Bf16.loss_scale().is_none() && Precision::F16.loss_scale().is_some());
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
