//! In how many bits a network's products are computed: mixed precision (P. Micikevicius et al., "Mixed Precision Training", ICLR
//! 2018, https://arxiv.org/abs/1710.03740).
//!
//! [`Network`](crate::Network) keeps its weights in 32 bits and computes products in the narrow type. Who trains it in half
//! precision scales the loss, so that small gradients do not become 0 on their way.

use std::fmt;

use burn::tensor::FloatDType;

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
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES[*self as usize])
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
    }
}
