//! Sums and moments of the numbers of one channel of one image, added in an order that vector instructions can follow.

/// Partial sums that are kept side by side.
const LANES: usize = 16;

/// Appends f(x) for each number. It is a plain loop, because the functions behind `extend` would not be compiled for
/// the caller's vector instructions.
#[inline(always)]
pub fn append(all: &mut Vec<f32>, numbers: &[f32], function: impl Fn(f32) -> f32) {
    append_pairs(all, numbers, numbers, |x, _| function(x));
}

/// Appends f(x, y) for each pair.
#[inline(always)]
pub fn append_pairs(all: &mut Vec<f32>, first: &[f32], second: &[f32], function: impl Fn(f32, f32) -> f32) {
    let count = first.len().min(second.len());
    all.reserve(count);
    let (first, second) = (&first[..count], &second[..count]);
    let places = &mut all.spare_capacity_mut()[..count];
    for ((place, &x), &y) in places.iter_mut().zip(first).zip(second) {
        place.write(function(x, y));
    }
    let length = all.len() + count;
    // SAFETY: the `count` places after the last number are within the capacity and have just been written.
    unsafe { all.set_len(length) };
}

/// The count of some numbers, their mean, and the sum of their squared deviations from it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    pub count: f64,
    pub mean: f64,
    pub squares: f64,
}

impl Moments {
    /// Merges the moments of other numbers into these (Chan, Golub, LeVeque 1983, "Algorithms for computing the sample
    /// variance", equation 2.1).
    pub fn add(&mut self, other: Self) {
        let count = self.count + other.count;
        let between = other.mean - self.mean;
        self.squares += other.squares + between * between * self.count * other.count / count;
        self.mean += between * other.count / count;
        self.count = count;
    }

    /// Moments from the mean and from the sum of squared deviations from the mean as rounded to single precision; the
    /// rounding is corrected for.
    pub fn around(count: f64, mean: f64, squares: f64) -> Self {
        let off = mean - f64::from(mean as f32);
        Self { count, mean, squares: (squares - count * off * off).max(0.0) }
    }

    /// The population variance.
    pub fn variance(&self) -> f64 {
        self.squares / self.count
    }
}

/// The moments of some numbers.
#[inline(always)]
pub fn moments(numbers: &[f32]) -> Moments {
    let count = numbers.len() as f64;
    let mean = sum(numbers, |x| x) / count;
    let near = mean as f32;
    let squares = sum(numbers, |x| (x - near) * (x - near));
    Moments::around(count, mean, squares)
}

/// Σ f(x), in double precision after partial sums in single precision.
#[inline(always)]
pub fn sum(numbers: &[f32], function: impl Fn(f32) -> f32) -> f64 {
    let (chunks, rest) = numbers.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for chunk in chunks {
        for (sum, &number) in sums.iter_mut().zip(chunk) {
            *sum += function(number);
        }
    }
    let rest: f32 = rest.iter().map(|&number| function(number)).sum();
    sums.iter().copied().map(f64::from).sum::<f64>() + f64::from(rest)
}

/// Σ f(x, y), computed as [`sum`] does.
#[inline(always)]
pub fn sum_of_pairs(first: &[f32], second: &[f32], function: impl Fn(f32, f32) -> f32) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (first.as_chunks::<LANES>(), second.as_chunks::<LANES>());
    let mut sums = [0.0_f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += function(a, b);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(&a, &b)| function(a, b)).sum();
    sums.iter().copied().map(f64::from).sum::<f64>() + f64::from(rest)
}
