//! The places that the rows of a detector's outputs stand for.

use nas_network::Plan;

/// The most levels, P3 to P7.
const LEVELS: usize = 5;

/// The feature maps of a detector. Their places come row by row, the finest level first, and each level has twice the
/// stride of the one before.
#[derive(Clone, Debug, PartialEq)]
pub struct Pyramid {
    /// Height and width of an image, in pixels.
    image: [usize; 2],
    /// The distance between neighbouring places of the finest level, in pixels.
    stride: usize,
    levels: usize,
}

/// The place that one row of a detector's outputs stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The horizontal position, in pixels.
    pub x: f32,
    /// The vertical position, in pixels.
    pub y: f32,
    /// The stride of its level, in pixels.
    pub stride: f32,
}

impl Pyramid {
    /// The pyramid with this number of places over images of this height and width. A level has ⌈side / stride⌉ places
    /// along a side, and strides are powers of two. `None` if there is no such pyramid, or more than one, as for images
    /// of a place or two.
    pub fn of(places: usize, image: [usize; 2]) -> Option<Self> {
        let strides = (0..).map(|power| 1_usize << power).take_while(|&stride| stride < 4 * image[0].max(image[1]));
        let all = strides.flat_map(|stride| (1..=LEVELS).map(move |levels| Self { image, stride, levels }));
        let mut fitting = all.filter(|pyramid| pyramid.sizes().into_iter().sum::<usize>() == places);
        let found = fitting.next()?;
        fitting.next().is_none().then_some(found)
    }

    /// The pyramid of a detector's plan; `None` if the plan is not a detector's.
    pub fn of_plan(plan: &Plan) -> Option<Self> {
        let &[_, height, width] = &plan.input[..] else { return None };
        Self::of(plan.first().rows, [height, width])
    }

    /// The rows and columns of places of each level, with its stride.
    fn grids(&self) -> impl Iterator<Item = ([usize; 2], usize)> + '_ {
        (0..self.levels).map(|level| {
            let stride = self.stride << level;
            (self.image.map(|side| side.div_ceil(stride)), stride)
        })
    }

    /// The number of places of each level.
    pub fn sizes(&self) -> Vec<usize> {
        self.grids().map(|([rows, columns], _)| rows * columns).collect()
    }

    /// Height and width of an image, in pixels.
    pub fn image(&self) -> [usize; 2] {
        self.image
    }

    /// All places, in the order of the rows of outputs, at ⌊stride / 2⌋ + column · stride (section 3.1).
    pub fn places(&self) -> Vec<Place> {
        let at = |index: usize, stride: usize| (stride / 2 + index * stride) as f32;
        let grid = |([rows, columns], stride): ([usize; 2], usize)| {
            (0..rows * columns).map(move |place| Place {
                x: at(place % columns, stride),
                y: at(place / columns, stride),
                stride: stride as f32,
            })
        };
        self.grids().flat_map(grid).collect()
    }

    /// For each level, the range of the distance, in pixels, from a place to the farthest side of a box: 4 to 8
    /// strides, which are the 64 to 512 pixels of section 3.2 for P3 to P7. The finest level also takes smaller boxes,
    /// the coarsest larger ones.
    pub fn ranges(&self) -> Vec<[f32; 2]> {
        let range = |(level, (_, stride)): (usize, ([usize; 2], usize))| {
            let least = if level == 0 { 0.0 } else { 4.0 * stride as f32 };
            let most = if level + 1 == self.levels { f32::INFINITY } else { 8.0 * stride as f32 };
            [least, most]
        };
        self.grids().enumerate().map(range).collect()
    }
}
