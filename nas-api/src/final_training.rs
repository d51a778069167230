//! Final training: one network, trained from scratch on all examples but those for testing, and tested.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Confusion, Graph, Metric};

/// What weights are called that are safetensors, so that they are found.
pub const WEIGHTS_FILE: &str = "weights.safetensors";

/// What the host itself writes beside the files of an evaluator, which must be called otherwise.
pub const HOST_FILES: [&str; 2] = ["network.json", "metrics.json"];

/// What an evaluator that trains in full lets be set for it, by the names of its parameters. All others are those of the
/// study: they say what is trained on and tested with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalTraining {
    /// How networks are trained. Another recipe takes the place of all of them.
    pub recipe: Vec<String>,
    /// Others that let no test example into training: on which device, on how many examples.
    pub others: Vec<String>,
    /// Parameters that mean nothing there, each with the reason: a recipe may set them, a user may not.
    pub without_effect: Vec<(String, String)>,
}

impl FinalTraining {
    /// Why this parameter means nothing in the final training; `None` where it does.
    pub fn no_effect(&self, parameter: &str) -> Option<&str> {
        self.without_effect.iter().find(|(name, _)| name == parameter).map(|(_, reason)| reason.as_str())
    }

    /// Whether this parameter may be another one than the study's.
    pub fn allows(&self, parameter: &str) -> bool {
        self.recipe.iter().chain(&self.others).any(|name| name == parameter)
    }
}

/// One network to train in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainRequest {
    /// Checked by the host: shapes are known.
    pub graph: Graph,
    /// How long, in the unit of fidelities; also the horizon of a schedule.
    pub epochs: u32,
    /// All that is random follows from it.
    pub seed: u32,
    /// A folder that is there, as an absolute path. What the training leaves lies in it when the call returns.
    pub folder: PathBuf,
}

/// What a final training has come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// On the test examples, named `test_…`, and of the training itself.
    pub metrics: Vec<Metric>,
    /// Which test examples were taken for which class, where there are classes.
    pub confusion: Option<Confusion>,
    /// The files that it has left in the folder, by their names alone: [`WEIGHTS_FILE`], and whatever is needed to use them. Each is
    /// whole; none is [of the host](HOST_FILES).
    pub files: Vec<String>,
}

impl Trained {
    /// Why the files cannot be what they should; `None`: their names are in order.
    pub fn misnamed(&self) -> Option<String> {
        let plain = |name: &str| !name.is_empty() && !name.contains(['/', '\\']) && name != "." && name != "..";
        let wrong = self.files.iter().find(|name| !plain(name) || HOST_FILES.contains(&name.as_str()))?;
        Some(format!("it says that it has left the file '{wrong}', which is no name that it may give"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_of_the_folder_or_are_the_hosts_are_refused() {
        let named = |name: &str| Trained { files: vec![name.into()], ..Trained::default() }.misnamed();
        for name in ["", "..", "../a", "/a", "a\\b", "metrics.json", "network.json"] {
            assert!(named(name).is_some_and(|words| words.contains(name)), "{name}");
        }
        assert_eq!(named(WEIGHTS_FILE), None);
        assert_eq!(Trained::default().misnamed(), None);
    }

    #[test]
    fn what_is_named_may_be_set() {
        let full = FinalTraining {
            recipe: vec!["momentum".into()],
            others: vec!["device".into()],
            ..FinalTraining::default()
        };
        assert!(full.allows("momentum") && full.allows("device") && !full.allows("data"));
    }
}
