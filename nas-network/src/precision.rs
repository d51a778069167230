//! The precision of a network's products: mixed precision (P. Micikevicius et al., "Mixed Precision Training", ICLR
//! 2018, <https://arxiv.org/abs/1710.03740>).
//!
//! [`Network`](crate::Network) keeps its weights in 32 bits and computes products in the narrow type. Training in half
//! precision has to scale the loss, so that small gradients do not become 0 on the way.

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
    /// The names that users write.
    pub const NAMES: [&str; 3] = ["f32", "bf16", "f16"];

    /// The precision with a name of [`Precision::NAMES`]; any other name gives [`Precision::F32`].
    pub fn named(name: &str) -> Self {
        match name {
            "bf16" => Self::Bf16,
            "f16" => Self::F16,
            _ => Self::F32,
        }
    }

    /// burn's type for the products.
    pub fn float(self) -> FloatDType {
        match self {
            Self::F32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
            Self::F16 => FloatDType::F16,
        }
    }

    /// burn's type for the products if it is narrower than that of the weights.
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
    fn precisions_are_parsed_from_the_names_that_they_display() {
        for name in Precision::NAMES {
            assert_eq!(Precision::named(name).to_string(), name);
        }
        assert_eq!(Precision::F32.narrow(), None);
    }
}
