//! Final training: one architecture is trained from scratch on training and validation data, and tested on test data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Confusion, Graph, Metric};

/// The name of the weights file if its format is safetensors, by which the host finds it.
pub const WEIGHTS_FILE: &str = "weights.safetensors";

/// The names of the files that the host writes into the same folder; an evaluator must not use them.
pub const HOST_FILES: [&str; 2] = ["network.json", "metrics.json"];

/// The parameters of an evaluator that may differ from the study's in final training, by name.
///
/// All other parameters keep the study's values, because they determine which data is used for training and testing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalTraining {
    /// Parameters that say how networks are trained. Another recipe replaces all of them.
    pub recipe: Vec<String>,
    /// Further parameters that cannot leak test examples into training, such as the device or the number of examples.
    pub safe: Vec<String>,
    /// Parameters without effect on final training, each with the reason. A recipe may set them; a user may not.
    pub without_effect: Vec<(String, String)>,
}

impl FinalTraining {
    /// Returns the reason why this parameter has no effect on final training, or `None` if it has one.
    pub fn no_effect(&self, parameter: &str) -> Option<&str> {
        self.without_effect.iter().find(|(name, _)| name == parameter).map(|(_, reason)| reason.as_str())
    }

    /// Returns whether this parameter may differ from the study's.
    pub fn allows(&self, parameter: &str) -> bool {
        self.recipe.iter().chain(&self.safe).any(|name| name == parameter)
    }
}

/// The request for one final training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainRequest {
    /// The architecture. The host has checked it: shape inference succeeds on it.
    pub graph: Graph,
    /// The length of the training, in the evaluator's unit of fidelity; also the horizon of learning rate schedules.
    pub epochs: u32,
    /// The only source of randomness.
    pub seed: u32,
    /// The absolute path of an existing folder. The files of the training are in it when the call returns.
    pub folder: PathBuf,
}

/// The result of a final training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// Metrics on the test examples, named `test_…`, and metrics of the training itself.
    pub metrics: Vec<Metric>,
    /// The confusion matrix of the test examples; `None` if the task has no classes.
    pub confusion: Option<Confusion>,
    /// The names of the files that the training wrote into the folder: [`WEIGHTS_FILE`], and what is needed to use the
    /// weights. Each file is complete, and none has a name of [`HOST_FILES`].
    pub files: Vec<String>,
}

impl Trained {
    /// Describes the first file name that leads out of the folder or belongs to the host; `None` if all names are
    /// valid.
    pub fn invalid_file_name(&self) -> Option<String> {
        let plain = |name: &str| !name.is_empty() && !name.contains(['/', '\\']) && name != "." && name != "..";
        let wrong = self.files.iter().find(|name| !plain(name) || HOST_FILES.contains(&name.as_str()))?;
        Some(format!("it reports the file '{wrong}', which is not a name that an evaluator may use"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_folder_or_belong_to_the_host_are_refused() {
        let named = |name: &str| Trained { files: vec![name.into()], ..Trained::default() }.invalid_file_name();
        for name in ["", "..", "../a", "/a", "a\\b", "metrics.json", "network.json"] {
            assert!(named(name).is_some_and(|words| words.contains(name)), "{name}");
        }
        assert_eq!(named(WEIGHTS_FILE), None);
        assert_eq!(Trained::default().invalid_file_name(), None);
    }

    #[test]
    fn only_listed_parameters_may_differ_from_the_study() {
        let training =
            FinalTraining { recipe: vec!["momentum".into()], safe: vec!["device".into()], ..FinalTraining::default() };
        assert!(training.allows("momentum") && training.allows("device") && !training.allows("data"));
    }
}
