//! Which built-in space to begin with for a task.

use nas_api::Task;

/// A space that fits a task, for users who name none.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitting {
    /// The name of the space.
    pub space: &'static str,
    /// Settings of the task with which the networks are small enough to begin with.
    pub task_settings: &'static [(&'static str, f64)],
    /// What it is about the task that the space fits: "the data are images of 24×24 pixels".
    pub reason: String,
}

/// The shortest side from which convolutions are worth their time.
const SMALL_IMAGE: i64 = 16;
/// The shortest side at which a network that halves its images five times still has some of them left.
const LARGE_IMAGE: i64 = 96;

/// Returns the space to begin with: one whose networks train in seconds on a CPU, or minutes for large images.
pub fn fitting(task: &Task) -> Option<Fitting> {
    let fit = |space, task_settings, reason: String| Some(Fitting { space, task_settings, reason });
    match (task.kind.as_str(), &task.input_shape[..]) {
        ("language", _) => fit("decoder-lm", &[], "the data are texts".into()),
        ("detection", _) => fit("detector", &[], "the task is to detect objects".into()),
        (_, [features]) => fit("mlp", &[], format!("the data are a table of {features} features")),
        (_, [channels, length]) => {
            fit("conv-1d", &[], format!("the data are signals of {channels} channels and {length} steps"))
        }
        (_, [_, height, width]) => {
            let reason = format!("the data are images of {height}×{width} pixels");
            match height.min(width) {
                ..SMALL_IMAGE => fit("mlp", &[], reason),
                SMALL_IMAGE..LARGE_IMAGE => fit("nas-bench-201", &[("channels", 8.0), ("cells", 1.0)], reason),
                _ => fit("mobile", &[], reason),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::convert::Infallible;

    use nas_api::{SearchSpace, Setting, Settings, Value};

    use super::*;
    use crate::Take;

    /// Builds a sample of the space with a name.
    struct Sampled<'a>(&'a Fitting, Task, u32);

    impl Take for Sampled<'_> {
        type Error = Infallible;

        fn take<S: SearchSpace>(&mut self, name: &'static str) -> Result<(), Infallible> {
            if name == self.0.space {
                let space = S::open(&Settings::defaults(&S::parameters())).unwrap();
                let given = self.0.task_settings.iter();
                let given: Vec<Setting> =
                    given.map(|(name, value)| Setting { name: (*name).into(), value: Value::Number(*value) }).collect();
                self.1.settings = Settings::checked(&S::task_parameters(&space), &given).unwrap();
                space.build(&space.sample(1), &self.1).unwrap();
                self.2 += 1;
            }
            Ok(())
        }

        fn take_with_files<S: SearchSpace>(&mut self, name: &'static str, _: &'static str) -> Result<(), Infallible> {
            self.take::<S>(name)
        }
    }

    #[test]
    fn the_space_builds_networks_for_the_task() {
        for (kind, shape, space) in [
            ("classification", vec![30], "mlp"),
            ("regression", vec![8], "mlp"),
            ("classification", vec![1, 8, 8], "mlp"),
            ("classification", vec![1, 28, 28], "nas-bench-201"),
            ("classification", vec![3, 128, 96], "mobile"),
            ("classification", vec![6, 128], "conv-1d"),
            ("language", vec![64], "decoder-lm"),
            ("detection", vec![3, 64, 64], "detector"),
        ] {
            let task = Task { input_shape: shape, outputs: 3, kind: kind.into(), settings: Settings::default() };
            let found = fitting(&task).unwrap();
            assert_eq!(found.space, space, "{task:?}");
            let mut sampled = Sampled(&found, task, 0);
            let Ok(()) = crate::all(&mut sampled);
            assert_eq!(sampled.2, 1, "{space} is a built-in space");
        }
        let task = Task { input_shape: vec![1; 4], outputs: 3, kind: String::new(), settings: Settings::default() };
        assert_eq!(fitting(&task), None);
    }
}
