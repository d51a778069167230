//! The layout of image tiles before and after their transformation.

use std::ops::Range;

use pulp::Simd;

use super::PRODUCTS;
use crate::correlate::Lines;
use crate::padded_layout::Window;

/// Roughly the number of vectors of transformed tiles that are processed at once; they should stay in the cache.
const VECTORS: usize = 1 << 13;

/// The layout of images side by side in lanes: one vector per pixel, channel by channel.
pub struct TileGrid {
    /// The indices of the input's pixels, within a border of zeros.
    pub inside: Vec<usize>,
    /// The indices of the output's pixels, whose rows and columns are rounded up to whole tiles.
    pub outside: Vec<usize>,
    /// The distance from row to row of the input, and of the output.
    pub pitches: [usize; 2],
    /// The distance from channel to channel of the input, and of the output.
    pub sizes: [usize; 2],
    /// The number of rows and of columns of tiles.
    tiles: [usize; 2],
    /// The number of tiles that are processed at once.
    pub together: usize,
}

impl TileGrid {
    pub fn new(window: &Window) -> Self {
        let out = window.out();
        let tiles = out.map(|side| side.div_ceil(2));
        let pitches = [2 * tiles[1] + 2, 2 * tiles[1]];
        let places = |[height, width]: [usize; 2], pitch: usize, [above, left]: [usize; 2]| {
            let row = |row| (0..width).map(move |column| (row + above) * pitch + column + left);
            (0..height).flat_map(row).collect()
        };
        let most = VECTORS / (PRODUCTS * window.channels[0].max(window.channels[1]));
        Self {
            inside: places(window.size, pitches[0], window.pads.map(|pads| pads[0])),
            outside: places(out, pitches[1], [0, 0]),
            pitches,
            sizes: [(2 * tiles[0] + 2) * pitches[0], 2 * tiles[0] * pitches[1]],
            tiles,
            // A multiple of the vectors that `slide` takes at once.
            together: (most / 3 * 3).clamp(3, (tiles[0] * tiles[1]).max(3)),
        }
    }

    /// The tiles, in ranges of at most `together`.
    pub fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (whole, together) = (self.tiles[0] * self.tiles[1], self.together);
        (0..whole).step_by(together).map(move |first| first..(first + together).min(whole))
    }

    /// The index at which a tile begins in the input, and in the output.
    #[inline(always)]
    pub fn corners(&self, tile: usize) -> [usize; 2] {
        let [row, column] = [tile / self.tiles[1], tile % self.tiles[1]];
        self.pitches.map(|pitch| 2 * row * pitch + 2 * column)
    }
}

/// Transformed tiles: `[product, channel, tile]`, one vector each.
pub struct Transformed<V> {
    pub vectors: Vec<V>,
    pub channels: usize,
    pub together: usize,
}

impl<V: Copy> Transformed<V> {
    pub fn new(channels: usize, field: &TileGrid, zero: V) -> Self {
        let together = field.together;
        // The extra vector keeps the products of a tile from sharing the same few cache lines.
        Self { vectors: vec![zero; PRODUCTS * (channels * together + 1)], channels, together }
    }

    /// The distance from product to product.
    pub fn stride(&self) -> usize {
        self.channels * self.together + 1
    }

    #[inline(always)]
    pub fn put(&mut self, channel: usize, tile: usize, products: &[[V; 4]; 4]) {
        let stride = self.stride();
        let vectors = &mut self.vectors[channel * self.together + tile..];
        for row in 0..4 {
            for column in 0..4 {
                vectors[(4 * row + column) * stride] = products[row][column];
            }
        }
    }

    #[inline(always)]
    pub fn get(&self, channel: usize, tile: usize) -> [[V; 4]; 4] {
        let stride = self.stride();
        let vectors = &self.vectors[channel * self.together + tile..];
        let mut products = [[vectors[0]; 4]; 4];
        for row in 0..4 {
            for column in 0..4 {
                products[row][column] = vectors[(4 * row + column) * stride];
            }
        }
        products
    }

    /// One product for all channels and tiles.
    #[inline(always)]
    pub fn lines<S: Simd<f32s = V>>(&self, _simd: S, product: usize) -> Lines<'_>
    where
        V: bytemuck::Pod,
    {
        let vectors = &self.vectors[product * self.stride()..][..self.stride()];
        Lines { numbers: bytemuck::cast_slice(vectors), stride: self.together * S::F32_LANES, count: self.channels }
    }
}
