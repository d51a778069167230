//! What builder methods take: windows, convolutions, heads, single attributes.

use crate::graph::{Attribute, Symbol};

/// How a convolution or pooling window moves. Square windows, equal padding on all sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Side length.
    pub kernel: i64,
    /// Step.
    pub stride: i64,
    /// Rows and columns added on each side.
    pub padding: i64,
}

impl Window {
    /// A window that keeps height and width at stride 1 (odd kernels).
    pub fn same(kernel: i64, stride: i64) -> Self {
        Self { kernel, stride, padding: kernel / 2 }
    }

    /// What differs from ONNX's defaults.
    pub(super) fn attributes(self, sides: usize) -> Vec<(Symbol, Attribute)> {
        let mut attributes = Vec::with_capacity(6);
        attributes.push(("kernel_shape".into(), Attribute::Ints(vec![self.kernel; sides])));
        if self.stride != 1 {
            attributes.push(("strides".into(), Attribute::Ints(vec![self.stride; sides])));
        }
        if self.padding != 0 {
            attributes.push(("pads".into(), Attribute::Ints(vec![self.padding; 2 * sides])));
        }
        attributes
    }
}

/// A convolution: of images, without bias, neither grouped nor dilated, unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Channels of the result.
    pub out_channels: i64,
    /// How it moves.
    pub window: Window,
    /// Groups of channels that do not see each other; as many as channels: depthwise.
    pub groups: i64,
    /// Distance between the positions that the window reads.
    pub dilation: i64,
    /// A number added to every channel.
    pub bias: bool,
    /// 2 for images, 1 for signals [channels, length].
    pub sides: usize,
}

impl Convolution {
    /// A convolution of images without bias.
    pub fn new(out_channels: i64, window: Window) -> Self {
        Self { out_channels, window, groups: 1, dilation: 1, bias: false, sides: 2 }
    }

    /// The same on signals [channels, length].
    #[must_use]
    pub fn signal(self) -> Self {
        Self { sides: 1, ..self }
    }

    /// With so many groups.
    #[must_use]
    pub fn groups(self, groups: i64) -> Self {
        Self { groups, ..self }
    }

    /// With this distance between the positions that the window reads.
    #[must_use]
    pub fn dilation(self, dilation: i64) -> Self {
        Self { dilation, ..self }
    }

    /// With a bias.
    #[must_use]
    pub fn bias(self) -> Self {
        Self { bias: true, ..self }
    }

    pub(super) fn attributes(self) -> Vec<(Symbol, Attribute)> {
        let mut attributes = self.window.attributes(self.sides);
        attributes.push(int("out_channels", self.out_channels));
        if self.dilation != 1 {
            attributes.push(("dilations".into(), Attribute::Ints(vec![self.dilation; self.sides])));
        }
        if self.groups != 1 {
            attributes.push(int("group", self.groups));
        }
        if !self.bias {
            attributes.push(int("bias", 0));
        }
        attributes
    }
}

/// The heads of an attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Of the queries.
    pub query: i64,
    /// Of keys and values, each of which serves `query / key_value` heads of the queries.
    pub key_value: i64,
    /// A position sees itself and those before it alone.
    pub causal: bool,
    /// How many of those (itself counted); 0: all.
    pub window: i64,
}

impl Heads {
    /// Every head has its keys and values, and sees all positions.
    pub fn new(heads: i64) -> Self {
        Self { query: heads, key_value: heads, causal: false, window: 0 }
    }

    pub(super) fn attributes(self) -> Vec<(Symbol, Attribute)> {
        let mut attributes = Vec::with_capacity(4);
        attributes.push(int("q_num_heads", self.query));
        attributes.push(int("kv_num_heads", self.key_value));
        if self.causal {
            attributes.push(int("is_causal", 1));
        }
        if self.window != 0 {
            attributes.push(int("window", self.window));
        }
        attributes
    }
}

/// An attribute that is a whole number.
pub fn int(name: impl Into<Symbol>, value: i64) -> (Symbol, Attribute) {
    (name.into(), Attribute::Int(value))
}

/// An attribute that is a list of whole numbers.
pub fn ints(name: impl Into<Symbol>, values: &[i64]) -> (Symbol, Attribute) {
    (name.into(), Attribute::Ints(values.to_vec()))
}

/// An attribute that is a number.
pub fn float(name: impl Into<Symbol>, value: f64) -> (Symbol, Attribute) {
    (name.into(), Attribute::Float(value))
}

/// An attribute that is a text.
pub fn text(name: impl Into<Symbol>, value: &str) -> (Symbol, Attribute) {
    (name.into(), Attribute::Text(value.to_owned()))
}
