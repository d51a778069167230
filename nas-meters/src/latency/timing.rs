//! Times the runs of a network.

use std::time::{Duration, Instant};

use crate::{LatencyError, Loaded};

/// Smallest number of runs and smallest time before timing starts, so that memory, caches and kernels are ready.
const WARM_UP: (u32, Duration) = (5, Duration::from_millis(20));
/// The runs of one sample together take at least about this time, so that the clock's resolution does not matter.
const SAMPLE: Duration = Duration::from_micros(200);
/// Smallest and largest number of samples.
const SAMPLES: (usize, usize) = (21, 201);

/// The distribution of the time of one run, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// The median of the samples.
    pub median: f64,
    /// Their 10th percentile.
    pub low: f64,
    /// Their 90th percentile.
    pub high: f64,
    /// Number of runs that were timed.
    pub runs: usize,
}

/// Warms up, then times runs for about as long as `about`, but within the limits of [`SAMPLES`].
///
/// # Errors
///
/// Fails if the runtime does not run the network.
pub fn time(network: &mut dyn Loaded, about: Duration) -> Result<Latency, LatencyError> {
    let begin = Instant::now();
    let mut warm = 0;
    while warm < WARM_UP.0 || begin.elapsed() < WARM_UP.1 {
        network.run()?;
        warm += 1;
    }
    let once = begin.elapsed() / warm;
    let runs = (SAMPLE.as_nanos() / once.as_nanos().max(1)).clamp(1, 100_000) as u32;
    let mut samples = Vec::new();
    let begin = Instant::now();
    while samples.len() < SAMPLES.0 || (samples.len() < SAMPLES.1 && begin.elapsed() < about) {
        let start = Instant::now();
        for _ in 0..runs {
            network.run()?;
        }
        samples.push(start.elapsed().as_secs_f64() * 1e3 / f64::from(runs));
    }
    samples.sort_by(f64::total_cmp);
    let at = |share: f64| samples[(share * (samples.len() - 1) as f64).round() as usize];
    Ok(Latency { median: at(0.5), low: at(0.1), high: at(0.9), runs: samples.len() * runs as usize })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    struct Sleeps(Duration);

    impl Loaded for Sleeps {
        fn run(&mut self) -> Result<(), LatencyError> {
            std::thread::sleep(self.0);
            Ok(())
        }
    }

    #[test]
    fn a_run_takes_at_least_as_long_as_it_sleeps() {
        let latency = time(&mut Sleeps(Duration::from_millis(1)), Duration::from_millis(1)).unwrap();
        assert!(latency.low >= 1.0 && latency.low <= latency.median && latency.median <= latency.high, "{latency:?}");
        assert_eq!(latency.runs, SAMPLES.0);
    }
}
