//! Resizes images.

use crate::examples::Examples;

/// Resizes all images to `size` by `size`, by bilinear interpolation between pixel centres; borders are repeated.
pub fn resize(examples: &Examples, size: usize) -> Examples {
    let (channels, height, width) = (examples.shape[0], examples.shape[1], examples.shape[2]);
    let (rows, columns) = (taps(height, size), taps(width, size));
    let mut inputs = Vec::with_capacity(examples.len() * channels * size * size);
    for plane in examples.inputs.chunks_exact(height * width) {
        for row in &rows {
            let [upper, lower] = [row.from, row.to].map(|at| &plane[at * width..(at + 1) * width]);
            for column in &columns {
                let mix = |line: &[f32]| line[column.from] + (line[column.to] - line[column.from]) * column.part;
                inputs.push(mix(upper) + (mix(lower) - mix(upper)) * row.part);
            }
        }
    }
    Examples { shape: vec![channels, size, size], inputs: inputs.into(), targets: examples.targets.clone() }
}

/// The two old pixels that a new one lies between, and how far (`part`, from 0 to 1) it is from the first.
struct Tap {
    from: usize,
    to: usize,
    part: f32,
}

fn taps(old: usize, new: usize) -> Vec<Tap> {
    let last = old - 1;
    let tap = |at: usize| {
        let place = ((at as f32 + 0.5) * old as f32 / new as f32 - 0.5).clamp(0.0, last as f32);
        let from = (place as usize).min(last);
        Tap { from, to: (from + 1).min(last), part: place - from as f32 }
    };
    (0..new).map(tap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::Targets;

    fn image(side: usize, inputs: &[f32]) -> Examples {
        Examples { shape: vec![1, side, side], inputs: inputs.to_vec().into(), targets: Targets::Values(vec![0.0]) }
    }

    #[test]
    fn doubling_the_size_gives_values_computed_by_hand() {
        // New centres lie at -0.25, 0.25, 0.75 and 1.25 of the old pixels.
        let large = resize(&image(2, &[0.0, 4.0, 8.0, 12.0]), 4);
        assert_eq!(large.shape, [1, 4, 4]);
        assert_eq!(large.inputs[..8], [0.0, 1.0, 3.0, 4.0, 2.0, 3.0, 5.0, 6.0]);
        assert_eq!(large.inputs[12..], [8.0, 9.0, 11.0, 12.0]);
    }

    #[test]
    fn halving_the_size_averages_four_pixels() {
        let small = resize(&image(2, &[0.0, 4.0, 8.0, 12.0]), 1);
        assert_eq!(*small.inputs, [6.0]);
    }

    #[test]
    fn the_same_size_changes_nothing() {
        let same = image(3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        assert_eq!(resize(&same, 3), same);
    }
}
