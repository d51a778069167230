//! Where the pixels of images lie once they are laid out flat for a convolution.
//!
//! The padded rows of some images of one channel follow each other in one line, so that a window moves over all of them by
//! adding a fixed offset for each of its taps: a convolution becomes a sum of shifted lines, whatever the width of the image.
//! A padding column ends one row and begins the next, and a padding row likewise. Strided windows see one line for each
//! remainder of the coordinates by the stride (a phase), in which they move by single steps.

/// Lines start this far from what may be read past their end: the widest vectors, times the most that are read at once.
pub const SLACK: usize = 16 * 8;
/// Numbers in the lines of all channels, which should stay in the cache.
const NUMBERS: usize = 1 << 14;
/// Positions in one line at least: enough to fill vectors.
const POSITIONS: usize = 96;

/// How a window moves over images of `channels` channels, and what comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Of the input, and of the output.
    pub channels: [usize; 2],
    /// Height and width of the input.
    pub size: [usize; 2],
    /// Of the window.
    pub kernel: [usize; 2],
    /// Of the window.
    pub strides: [usize; 2],
    /// Of the window.
    pub dilations: [usize; 2],
    /// Before and after the rows, and the columns.
    pub pads: [[usize; 2]; 2],
    /// Channels of one group see those of the same group alone.
    pub groups: usize,
}

impl Window {
    /// Height and width of the output.
    pub fn out(&self) -> [usize; 2] {
        [0, 1].map(|side| {
            let reach = (self.kernel[side] - 1) * self.dilations[side] + 1;
            let padded = self.size[side] + self.pads[side][0] + self.pads[side][1];
            (padded - reach) / self.strides[side] + 1
        })
    }
}

/// One tap of a window: what it adds to a position of the output within the line of its phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tap {
    /// Its number in the window, row by row.
    pub number: usize,
    pub phase: usize,
    pub shift: usize,
}

/// The taps along one side of a window that see a pixel anywhere, and the padding that they need: over images smaller than
/// the window some see nothing but padding.
#[derive(Clone, Copy)]
struct Side {
    first: usize,
    count: usize,
    pads: [usize; 2],
}

impl Side {
    fn new(window: &Window, side: usize) -> Self {
        let [before, after] = window.pads[side];
        let (by, count, last) = (window.dilations[side], window.kernel[side], window.out()[side] - 1);
        // The last position of the first taps lies before the image, the first position of the last ones behind it.
        let blind_first = |tap: usize| last * window.strides[side] + tap * by < before;
        let blind_last = |tap: usize| tap * by >= before + window.size[side];
        let first = (0..count).take_while(|&tap| blind_first(tap) && (tap + 1) * by <= before).count();
        let end = (first..count).rev().take_while(|&tap| blind_last(tap) && (count - tap) * by <= after).count();
        if first + end >= count {
            return Self { first: 0, count, pads: [before, after] };
        }
        Self { first, count: count - first - end, pads: [before - first * by, after - end * by] }
    }
}

/// The layout of one window.
#[derive(Clone, Debug)]
pub struct Flat {
    /// Height and width of the input, and of the output.
    size: [usize; 2],
    out: [usize; 2],
    strides: [usize; 2],
    /// Before the rows and the columns.
    before: [usize; 2],
    /// From row to row of a line.
    pitch: usize,
    /// From image to image of a line.
    plane: usize,
    /// Those that see a pixel anywhere, row by row.
    pub taps: Vec<Tap>,
    /// Images in one line.
    pub images: usize,
}

impl Flat {
    /// For a batch of so many images.
    pub fn new(window: &Window, batch: usize) -> Self {
        let (size, out, strides) = (window.size, window.out(), window.strides);
        let sides = [0, 1].map(|side| Side::new(window, side));
        let span = |side: usize| {
            let [before, after] = sides[side].pads;
            if strides == [1, 1] {
                // The padding after one row is that before the next.
                (size[side] + before.max(after)).max(out[side])
            } else {
                (size[side] + before + after).div_ceil(strides[side])
            }
        };
        let (rows, pitch) = (span(0), span(1));
        let tap = |row: usize, column: usize| {
            let [y, x] = [row * window.dilations[0], column * window.dilations[1]];
            let phase = (y % strides[0]) * strides[1] + x % strides[1];
            let number = (sides[0].first + row) * window.kernel[1] + sides[1].first + column;
            Tap { number, phase, shift: (y / strides[0]) * pitch + x / strides[1] }
        };
        let taps = (0..sides[0].count).flat_map(|row| (0..sides[1].count).map(move |column| (row, column)));
        let positions = (NUMBERS / window.channels[0].max(window.channels[1])).max(POSITIONS);
        Self {
            size,
            out,
            strides,
            before: sides.map(|side| side.pads[0]),
            pitch,
            plane: rows * pitch,
            taps: taps.map(|(row, column)| tap(row, column)).collect(),
            images: (positions / (rows * pitch)).clamp(1, batch.max(1)),
        }
    }

    /// Lines of one channel of the input.
    pub fn phases(&self) -> usize {
        self.strides[0] * self.strides[1]
    }

    /// How far the taps reach.
    pub fn reach(&self) -> usize {
        self.taps.iter().map(|tap| tap.shift).max().unwrap_or(0)
    }

    /// From line to line of one channel of the input.
    pub fn line(&self) -> usize {
        self.images * self.plane
    }

    /// From channel to channel of the input.
    pub fn input_stride(&self) -> usize {
        self.phases() * self.line() + self.reach() + SLACK
    }

    /// From channel to channel of the output, or of its gradient, which begins [`Flat::reach`] later.
    pub fn output_stride(&self) -> usize {
        self.reach() + self.line() + SLACK
    }

    /// What each tap adds to a position of the output, in the lines of one channel of the input.
    pub fn offsets(&self) -> Vec<usize> {
        self.taps.iter().map(|tap| tap.phase * self.line() + tap.shift).collect()
    }

    /// Positions of the output of so many images, those between rows included.
    pub fn length(&self, images: usize) -> usize {
        (images - 1) * self.plane + (self.out[0] - 1) * self.pitch + self.out[1]
    }

    /// Positions of a phase of the input of so many images.
    pub fn phase_length(&self, images: usize) -> usize {
        images * self.plane
    }

    /// Where the rows of an image of the output begin.
    pub fn output_rows(&self, image: usize) -> impl Iterator<Item = usize> + use<> {
        let (plane, pitch) = (self.plane, self.pitch);
        (0..self.out[0]).map(move |row| image * plane + row * pitch)
    }

    /// Width of the output.
    pub fn output_width(&self) -> usize {
        self.out[1]
    }

    /// Lays one channel of an image of the input out.
    #[inline(always)]
    pub fn spread(&self, image: usize, pixels: &[f32], lines: &mut [f32], function: impl Fn(f32) -> f32) {
        let [height, width] = self.size;
        if self.strides == [1, 1] {
            for (row, pixels) in (0..height).zip(pixels.chunks_exact(width)) {
                let to = self.place(image, row);
                for (to, &from) in lines[to..to + width].iter_mut().zip(pixels) {
                    *to = function(from);
                }
            }
            return;
        }
        for (row, pixels) in (0..height).zip(pixels.chunks_exact(width)) {
            for first in 0..self.strides[1].min(width) {
                let lines = &mut lines[self.strided_place(image, row, first)..];
                // The usual stride as a constant, for vectors.
                match self.strides[1] {
                    2 => copy(pixels[first..].iter().step_by(2), lines.iter_mut(), |from, to| *to = function(*from)),
                    by => copy(pixels[first..].iter().step_by(by), lines.iter_mut(), |from, to| *to = function(*from)),
                }
            }
        }
    }

    /// Reads one channel of an image of the input back.
    #[inline(always)]
    pub fn gather(&self, image: usize, lines: &[f32], pixels: &mut [f32], function: impl Fn(f32, &mut f32)) {
        let [height, width] = self.size;
        if self.strides == [1, 1] {
            for (row, pixels) in (0..height).zip(pixels.chunks_exact_mut(width)) {
                let from = self.place(image, row);
                for (to, &from) in pixels.iter_mut().zip(&lines[from..from + width]) {
                    function(from, to);
                }
            }
            return;
        }
        for (row, pixels) in (0..height).zip(pixels.chunks_exact_mut(width)) {
            for first in 0..self.strides[1].min(width) {
                let lines = &lines[self.strided_place(image, row, first)..];
                match self.strides[1] {
                    2 => copy(lines.iter(), pixels[first..].iter_mut().step_by(2), |from, to| function(*from, to)),
                    by => copy(lines.iter(), pixels[first..].iter_mut().step_by(by), |from, to| function(*from, to)),
                }
            }
        }
    }

    /// Where a row begins, with a stride of 1.
    fn place(&self, image: usize, row: usize) -> usize {
        image * self.plane + (row + self.before[0]) * self.pitch + self.before[1]
    }

    /// Where a pixel lies; those of the same row that a stride leads to lie behind it, one after the other.
    #[inline(always)]
    fn strided_place(&self, image: usize, row: usize, column: usize) -> usize {
        let [y, x] = [row + self.before[0], column + self.before[1]];
        let phase = (y % self.strides[0]) * self.strides[1] + x % self.strides[1];
        phase * self.line() + image * self.plane + (y / self.strides[0]) * self.pitch + x / self.strides[1]
    }
}

/// One after the other, as far as both reach.
#[inline(always)]
fn copy<A, B>(from: impl Iterator<Item = A>, to: impl Iterator<Item = B>, function: impl Fn(A, B)) {
    for (from, to) in from.zip(to) {
        function(from, to);
    }
}
