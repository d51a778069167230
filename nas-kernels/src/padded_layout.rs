//! The layout of images in padded lines, as convolutions read them.
//!
//! The padded rows of some images of one channel follow each other in one line. A window then moves over all of them by
//! adding a fixed offset for each of its taps, and a convolution becomes a sum of shifted lines, whatever the width of
//! the image. The padding after one row is also the padding before the next, and padding rows are shared likewise. For
//! strided windows there is one line for each remainder of the coordinates modulo the stride (a phase), in which
//! windows move by single steps.

/// The distance that reads may run past the end of a line: the lanes of the widest vectors, times the most vectors that
/// are read at once.
pub const SLACK: usize = 16 * 8;
/// The numbers in the lines of all channels, which should stay in the cache.
const NUMBERS: usize = 1 << 14;
/// The fewest positions in one line, enough to fill vectors.
const POSITIONS: usize = 96;

/// How a convolution's window moves over images, and the sizes of its input and output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The channels of the input, and of the output.
    pub channels: [usize; 2],
    /// Height and width of the input.
    pub size: [usize; 2],
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// The distance between neighbouring positions of the window, vertically and horizontally.
    pub strides: [usize; 2],
    /// The distance between neighbouring taps of the window, vertically and horizontally.
    pub dilations: [usize; 2],
    /// The padding before and after the rows, and before and after the columns.
    pub pads: [[usize; 2]; 2],
    /// The number of groups; an output channel sees the input channels of its own group only.
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

/// One tap of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tap {
    /// Its index in the window, row by row.
    pub number: usize,
    /// The phase whose line it reads.
    pub phase: usize,
    /// What it adds to a position of the output within that line.
    pub shift: usize,
}

/// The taps along one side of a window that see a pixel at some position, and the padding that they need. In images
/// smaller than the window, some taps see nothing but padding.
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
        // The first taps stay before the image even at the last position, the last taps behind it even at the first.
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

/// The layout for one window and batch size.
#[derive(Clone, Debug)]
pub struct Flat {
    /// Height and width of the input.
    size: [usize; 2],
    /// Height and width of the output.
    out: [usize; 2],
    strides: [usize; 2],
    /// The padding before the rows and before the columns.
    before: [usize; 2],
    /// The distance from row to row in a line.
    pitch: usize,
    /// The distance from image to image in a line.
    plane: usize,
    /// The taps that see a pixel at some position, row by row.
    pub taps: Vec<Tap>,
    /// The number of images in one line.
    pub images: usize,
}

impl Flat {
    /// The layout for a batch of `batch` images.
    pub fn new(window: &Window, batch: usize) -> Self {
        let (size, out, strides) = (window.size, window.out(), window.strides);
        let sides = [0, 1].map(|side| Side::new(window, side));
        let span = |side: usize| {
            let [before, after] = sides[side].pads;
            if strides == [1, 1] {
                // The padding after one row is also the padding before the next.
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

    /// The number of lines for one channel of the input.
    pub fn phases(&self) -> usize {
        self.strides[0] * self.strides[1]
    }

    /// The largest shift of a tap.
    pub fn reach(&self) -> usize {
        self.taps.iter().map(|tap| tap.shift).max().unwrap_or(0)
    }

    /// The distance from line to line of one channel of the input.
    pub fn line(&self) -> usize {
        self.images * self.plane
    }

    /// The distance from channel to channel of the input.
    pub fn input_stride(&self) -> usize {
        self.phases() * self.line() + self.reach() + SLACK
    }

    /// The distance from channel to channel of the output, or of its gradient, which begins [`Flat::reach`] later.
    pub fn output_stride(&self) -> usize {
        self.reach() + self.line() + SLACK
    }

    /// What each tap adds to a position of the output to find its pixel in the lines of a channel of the input.
    pub fn offsets(&self) -> Vec<usize> {
        self.taps.iter().map(|tap| tap.phase * self.line() + tap.shift).collect()
    }

    /// The number of positions in the output of `images` images, including those between rows.
    pub fn length(&self, images: usize) -> usize {
        (images - 1) * self.plane + (self.out[0] - 1) * self.pitch + self.out[1]
    }

    /// The number of positions in one phase of the input of `images` images.
    pub fn phase_length(&self, images: usize) -> usize {
        images * self.plane
    }

    /// The indices at which the rows of an image of the output begin.
    pub fn output_rows(&self, image: usize) -> impl Iterator<Item = usize> + use<> {
        let (plane, pitch) = (self.plane, self.pitch);
        (0..self.out[0]).map(move |row| image * plane + row * pitch)
    }

    /// The width of the output.
    pub fn output_width(&self) -> usize {
        self.out[1]
    }

    /// Writes one channel of an image, mapped by `function`, to its place in `lines`.
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
                // The usual stride is a constant here, so that the loop can be vectorized.
                match self.strides[1] {
                    2 => copy(pixels[first..].iter().step_by(2), lines.iter_mut(), |from, to| *to = function(*from)),
                    by => copy(pixels[first..].iter().step_by(by), lines.iter_mut(), |from, to| *to = function(*from)),
                }
            }
        }
    }

    /// Reads one channel of an image of the input back; `function` combines each number in `lines` with the pixel.
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

    /// The index at which a row of the input begins, for stride 1.
    fn place(&self, image: usize, row: usize) -> usize {
        image * self.plane + (row + self.before[0]) * self.pitch + self.before[1]
    }

    /// The index of a pixel. The pixels that follow in its row at the distance of the stride lie right behind it.
    #[inline(always)]
    fn strided_place(&self, image: usize, row: usize, column: usize) -> usize {
        let [y, x] = [row + self.before[0], column + self.before[1]];
        let phase = (y % self.strides[0]) * self.strides[1] + x % self.strides[1];
        phase * self.line() + image * self.plane + (y / self.strides[0]) * self.pitch + x / self.strides[1]
    }
}

/// Calls `function` with corresponding items until one of the iterators ends.
#[inline(always)]
fn copy<A, B>(from: impl Iterator<Item = A>, to: impl Iterator<Item = B>, function: impl Fn(A, B)) {
    for (from, to) in from.zip(to) {
        function(from, to);
    }
}
