//! Changes to one image, channel by channel.

/// The sizes of one image.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl Shape {
    /// The count of numbers in one image.
    pub fn numbers(self) -> usize {
        self.channels * self.height * self.width
    }

    fn plane(self) -> usize {
        self.height * self.width
    }
}

/// A part of a padded image, with the original size.
#[derive(Clone, Copy, Debug)]
pub struct Crop {
    /// Pixels of padding on every side.
    pub padding: usize,
    /// The first row of the part, from 0 to twice the padding.
    pub top: usize,
    pub left: usize,
}

impl Crop {
    /// Crops one image into another; `fill` is the value of the padding in each channel.
    pub fn apply(self, from: &[f32], to: &mut [f32], shape: Shape, fill: &[f32]) {
        let planes = from.chunks_exact(shape.plane()).zip(to.chunks_exact_mut(shape.plane()));
        let columns = kept(self.left, self.padding, shape.width);
        for ((from, to), &fill) in planes.zip(fill) {
            to.fill(fill);
            for row in kept(self.top, self.padding, shape.height) {
                let line = (row + self.top - self.padding) * shape.width;
                let source = line + columns.start + self.left - self.padding;
                let target = row * shape.width + columns.start;
                to[target..target + columns.len()].copy_from_slice(&from[source..source + columns.len()]);
            }
        }
    }
}

/// The range in which the part has pixels of the image, along one side of the length `side`.
fn kept(start: usize, padding: usize, side: usize) -> std::ops::Range<usize> {
    let first = padding.saturating_sub(start);
    let last = (side + padding - start).min(side);
    first..last
}

/// Mirrors an image left to right.
pub fn flip(image: &mut [f32], shape: Shape) {
    image.chunks_exact_mut(shape.width).for_each(<[f32]>::reverse);
}

/// Sets a square of this side around a pixel to 0 in every channel. What lies beyond the border is cut off (DeVries and
/// Taylor 2017, section 3.2).
pub fn cut_out(image: &mut [f32], shape: Shape, side: usize, center: [usize; 2]) {
    let hole = |center: usize, size: usize| {
        let start = center.saturating_sub(side / 2);
        start..(center + side - side / 2).min(size)
    };
    let (rows, columns) = (hole(center[0], shape.height), hole(center[1], shape.width));
    for plane in image.chunks_exact_mut(shape.plane()) {
        for row in rows.clone() {
            plane[row * shape.width..][columns.clone()].fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { channels: 2, height: 2, width: 3 };
    const IMAGE: [f32; 12] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0];

    #[test]
    fn crops_match_examples_by_hand() {
        let cropped = |top, left| {
            let mut to = [0.0; 12];
            Crop { padding: 1, top, left }.apply(&IMAGE, &mut to, SHAPE, &[-1.0, -2.0]);
            to
        };
        assert_eq!(cropped(1, 1), IMAGE, "the middle is the image");
        let upper_left = [-1.0, -1.0, -1.0, -1.0, 1.0, 2.0, -2.0, -2.0, -2.0, -2.0, 11.0, 12.0];
        assert_eq!(cropped(0, 0), upper_left);
        let lower_right = [5.0, 6.0, -1.0, -1.0, -1.0, -1.0, 15.0, 16.0, -2.0, -2.0, -2.0, -2.0];
        assert_eq!(cropped(2, 2), lower_right);
    }

    #[test]
    fn mirroring_twice_restores_the_image() {
        let mut image = IMAGE;
        flip(&mut image, SHAPE);
        assert_eq!(image, [3.0, 2.0, 1.0, 6.0, 5.0, 4.0, 13.0, 12.0, 11.0, 16.0, 15.0, 14.0]);
        flip(&mut image, SHAPE);
        assert_eq!(image, IMAGE);
    }

    #[test]
    fn holes_end_at_the_border() {
        let shape = Shape { channels: 1, height: 4, width: 4 };
        let holes = |side, center| {
            let mut image = [1.0; 16];
            cut_out(&mut image, shape, side, center);
            let places: Vec<usize> = (0..16).filter(|&at| image[at] == 0.0).collect();
            places
        };
        assert_eq!(holes(2, [2, 2]), [5, 6, 9, 10]);
        assert_eq!(holes(2, [0, 0]), [0]);
        assert_eq!(holes(3, [3, 3]), [10, 11, 14, 15]);
        assert_eq!(holes(1, [1, 3]), [7]);
    }
}
