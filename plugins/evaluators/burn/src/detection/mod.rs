//! Object detection as in Z. Tian, C. Shen, H. Chen and T. He, "FCOS: Fully Convolutional One-Stage Object Detection",
//! ICCV 2019. Sections that the comments mention are those of this paper, unless another is named.
//!
//! A network returns a row for every place of every level of its [`Pyramid`]: a number for each class and one for the
//! centreness, both before the sigmoid, and the distances to the four sides of a box, in strides of the level.

mod assign;
mod decode_boxes;
mod init;
mod loss;
mod pyramid;
#[cfg(test)]
mod tests;

pub use assign::assign;
pub use decode_boxes::{Detection, found};
pub use init::start;
pub use loss::{batch, example};
pub use pyramid::Pyramid;

/// The width of each output: classes, boxes, centreness.
pub fn widths(classes: usize) -> [usize; 3] {
    [classes, 4, 1]
}

/// The area of a box (left, top, right, bottom), as intersection over union counts it.
pub fn area([left, top, right, bottom]: [f32; 4]) -> f64 {
    f64::from(right - left).max(0.0) * f64::from(bottom - top).max(0.0)
}

/// The area of the intersection of two boxes (left, top, right, bottom).
pub fn common([left, top, right, bottom]: [f32; 4], other: [f32; 4]) -> f64 {
    area([left.max(other[0]), top.max(other[1]), right.min(other[2]), bottom.min(other[3])])
}
