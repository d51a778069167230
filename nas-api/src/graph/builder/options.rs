//! The options of builder methods: windows, convolutions, attention heads, single attributes.

use crate::graph::{Attribute, Symbol};

/// A square convolution or pooling window, with equal padding on all sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The side length.
    pub kernel: i64,
    /// The stride.
    pub stride: i64,
    /// The number of rows and columns that are added on each side.
    pub padding: i64,
}

impl Window {
    /// Returns a window that keeps height and width if the stride is 1 and the kernel is odd.
    pub fn same(kernel: i64, stride: i64) -> Self {
        Self { kernel, stride, padding: kernel / 2 }
    }

    /// Returns the attributes that differ from ONNX's defaults.
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

/// The options of a convolution.
///
/// # Examples
///
/// ```
/// use nas_api::{Convolution, Window};
///
/// // A depthwise 3×3 convolution of 32 channels.
/// let depthwise = Convolution::new(32, Window::same(3, 1)).groups(32);
/// assert!(!depthwise.bias);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// The number of output channels.
    pub out_channels: i64,
    /// The window.
    pub window: Window,
    /// The number of groups of channels that do not mix; a depthwise convolution has one per channel.
    pub groups: i64,
    /// The distance between the positions that the window reads.
    pub dilation: i64,
    /// Whether a learned number is added to every channel.
    pub bias: bool,
    /// The number of axes over which the window moves: 2 for images `[channels, height, width]`, 1 for signals
    /// `[channels, length]`.
    pub sides: usize,
}

impl Convolution {
    /// Returns a convolution of images without bias, groups and dilation.
    pub fn new(out_channels: i64, window: Window) -> Self {
        Self { out_channels, window, groups: 1, dilation: 1, bias: false, sides: 2 }
    }

    /// Returns this convolution for signals `[channels, length]`.
    #[must_use]
    pub fn signal(self) -> Self {
        Self { sides: 1, ..self }
    }

    /// Returns this convolution with this number of groups.
    #[must_use]
    pub fn groups(self, groups: i64) -> Self {
        Self { groups, ..self }
    }

    /// Returns this convolution with this dilation.
    #[must_use]
    pub fn dilation(self, dilation: i64) -> Self {
        Self { dilation, ..self }
    }

    /// Returns this convolution with a bias.
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

/// The options of an attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// The number of query heads.
    pub query: i64,
    /// The number of key and value heads, each of which serves `query / key_value` query heads.
    pub key_value: i64,
    /// Whether a position sees only itself and the positions before it.
    pub causal: bool,
    /// The number of positions that a position sees, itself included; 0 means all. It requires `causal`.
    pub window: i64,
}

impl Heads {
    /// Returns a multi-head attention whose positions see all positions.
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

/// Returns an attribute that is a whole number.
pub fn int(name: impl Into<Symbol>, value: i64) -> (Symbol, Attribute) {
    (name.into(), Attribute::Int(value))
}

/// Returns an attribute that is a list of whole numbers.
pub fn ints(name: impl Into<Symbol>, values: &[i64]) -> (Symbol, Attribute) {
    (name.into(), Attribute::Ints(values.to_vec()))
}

/// Returns an attribute that is a number.
pub fn float(name: impl Into<Symbol>, value: f64) -> (Symbol, Attribute) {
    (name.into(), Attribute::Float(value))
}

/// Returns an attribute that is a text.
pub fn text(name: impl Into<Symbol>, value: &str) -> (Symbol, Attribute) {
    (name.into(), Attribute::Text(value.to_owned()))
}
