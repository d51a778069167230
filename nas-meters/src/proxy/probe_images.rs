//! Random images that resemble photographs in the two ways that matter most to networks: near pixels are correlated,
//! and so are the channels.
//!
//! The amplitudes of photographs fall as 1/f (D. J. Field, "Relations between the statistics of natural images and the
//! response properties of cortical cells", JOSA A, 1987), so that every octave of frequencies has the same variance. An
//! image is therefore a sum of noise on grids whose spacing doubles, interpolated between the points of each grid.

use super::probe::stream;

/// The fraction of a pixel's variance that all of its channels share.
const SHARED: f32 = 0.9;

/// Random images `[batch, channels, height, width]`. The variance of a pixel is about 1.
pub fn images(batch: usize, [channels, height, width]: [usize; 3]) -> Vec<f32> {
    let fields = batch * (channels + 1);
    let octaves: Vec<Octave> = Octave::all(height, width).collect();
    let mut noise = stream("inputs", fields * octaves.iter().map(Octave::points).sum::<usize>());
    let mut field = || {
        let mut pixels = vec![0.0; height * width];
        for octave in &octaves {
            let points: Vec<f32> = noise.by_ref().take(octave.points()).collect();
            octave.add(&points, &mut pixels);
        }
        let scale = (octaves.len() as f32).sqrt().recip();
        pixels.iter_mut().for_each(|pixel| *pixel *= scale);
        pixels
    };
    let mut all = Vec::with_capacity(batch * channels * height * width);
    for _ in 0..batch {
        let shared = field();
        for _ in 0..channels {
            let own = field();
            let pixels = shared.iter().zip(own);
            all.extend(pixels.map(|(shared, own)| SHARED.sqrt() * shared + (1.0 - SHARED).sqrt() * own));
        }
    }
    all
}

/// Noise on a grid of points that are `distance` pixels apart.
struct Octave {
    distance: usize,
    rows: usize,
    columns: usize,
    width: usize,
}

impl Octave {
    /// The grids, from a spacing of one pixel to half of the image's longer side.
    fn all(height: usize, width: usize) -> impl Iterator<Item = Self> {
        let distances = std::iter::successors(Some(1), |distance| Some(distance * 2));
        let distances = distances.take_while(move |&distance| distance == 1 || distance <= height.max(width) / 2);
        distances.map(move |distance| Self {
            distance,
            rows: height.div_ceil(distance) + 1,
            columns: width.div_ceil(distance) + 1,
            width,
        })
    }

    fn points(&self) -> usize {
        self.rows * self.columns
    }

    /// Adds the noise, interpolated between the four nearest points and scaled to a variance of 1 everywhere.
    fn add(&self, points: &[f32], pixels: &mut [f32]) {
        let between = |at: usize| (at / self.distance, (at % self.distance) as f32 / self.distance as f32);
        for (at, pixel) in pixels.iter_mut().enumerate() {
            let ((row, down), (column, right)) = (between(at / self.width), between(at % self.width));
            let corner = row * self.columns + column;
            let corners = [corner, corner + 1, corner + self.columns, corner + self.columns + 1].map(|at| points[at]);
            let [up, left] = [1.0 - down, 1.0 - right];
            let weights = [up * left, up * right, down * left, down * right];
            let value: f32 = corners.iter().zip(weights).map(|(point, weight)| point * weight).sum();
            *pixel += value / weights.iter().map(|weight| weight * weight).sum::<f32>().sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn correlation(pairs: impl Iterator<Item = (f32, f32)>) -> f64 {
        let pairs: Vec<(f64, f64)> = pairs.map(|(a, b)| (f64::from(a), f64::from(b))).collect();
        let count = pairs.len() as f64;
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count;
        let (a, b) = (mean(&|pair| pair.0), mean(&|pair| pair.1));
        let covariance = mean(&|pair| (pair.0 - a) * (pair.1 - b));
        covariance / (mean(&|pair| (pair.0 - a).powi(2)) * mean(&|pair| (pair.1 - b).powi(2))).sqrt()
    }

    #[test]
    fn near_pixels_and_channels_are_correlated() {
        let (batch, shape) = (64, [3, 16, 20]);
        let all = images(batch, shape);
        let plane = shape[1] * shape[2];
        assert_eq!(all.len(), batch * 3 * plane);
        let variance = all.iter().map(|x| f64::from(x * x)).sum::<f64>() / all.len() as f64;
        assert!((0.7..1.4).contains(&variance), "{variance}");
        let apart = |by: usize| {
            let rows = all.chunks(shape[2]);
            correlation(
                rows.flat_map(move |row| row[by..].iter().copied().zip(row.iter().copied()).collect::<Vec<_>>()),
            )
        };
        let [one, four, ten] = [1, 4, 10].map(apart);
        assert!(one > 0.6 && one > four + 0.1 && four > ten + 0.1, "{one}, {four}, {ten}");
        let channels =
            correlation(all.chunks(3 * plane).flat_map(|image| (0..plane).map(|at| (image[at], image[at + plane]))));
        assert!((0.85..0.95).contains(&channels), "{channels}");
    }

    #[test]
    fn images_of_one_pixel_or_row_have_the_right_size() {
        assert_eq!(images(2, [1, 1, 1]).len(), 2);
        assert_eq!(images(1, [2, 1, 3]).len(), 6);
    }
}
