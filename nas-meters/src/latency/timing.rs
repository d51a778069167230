//! How long one run takes.

use std::time::{Duration, Instant};

use crate::{LatencyError, Loaded};

/// Runs before anything counts: memory is touched, caches and kernels are ready.
const WARM_UP: (u32, Duration) = (5, Duration::from_millis(20));
/// A sample is as many runs as take this long together, so that the clock's resolution does not matter.
const SAMPLE: Duration = Duration::from_micros(200);
/// Samples at least and at most.
const SAMPLES: (usize, usize) = (21, 201);

/// How long one run takes, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// Half of the samples are faster.
    pub median: f64,
    /// A tenth of the samples is faster.
    pub low: f64,
    /// A tenth of the samples is slower.
    pub high: f64,
    /// How many runs were timed.
    pub runs: usize,
}

/// Warms up, then runs for about so long, and at least 21 samples.
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
    fn a_run_takes_no_less_than_it_sleeps() {
        let latency = time(&mut Sleeps(Duration::from_millis(1)), Duration::from_millis(1)).unwrap();
        assert!(latency.low >= 1.0 && latency.low <= latency.median && latency.median <= latency.high, "{latency:?}");
        assert_eq!(latency.runs, SAMPLES.0);
    }
}
