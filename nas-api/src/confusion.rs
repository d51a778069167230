//! Confusion matrices.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A confusion matrix: how many examples of each true class were predicted as which class.
///
/// It is stored sparsely, so that its size depends on the pairs of classes that occur and not on the square of the
/// number of classes.
///
/// # Examples
///
/// ```
/// use nas_api::Confusion;
///
/// let confusion = Confusion::from_predictions(&[0, 0, 1], &[Some(0), Some(1), Some(1)], 2).unwrap();
/// assert_eq!(confusion.rows().collect::<Vec<_>>(), [[1, 1], [0, 1]]);
/// assert_eq!(confusion.recall(0), Some(0.5));
/// assert_eq!(confusion.precision(1), Some(0.5));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SerializedConfusion", into = "SerializedConfusion")]
pub struct Confusion {
    /// The number of examples by (true class, predicted class), without zeros.
    pairs: BTreeMap<(usize, usize), u64>,
    /// The number of examples of each true class, including those without a prediction.
    examples: Vec<u64>,
    /// The number of examples predicted as each class.
    predicted: Vec<u64>,
}

/// The serialized form, from which the rest follows.
#[derive(Serialize, Deserialize)]
struct SerializedConfusion {
    /// The number of examples of each true class.
    examples: Vec<u64>,
    /// True class, predicted class, number of examples.
    pairs: Vec<(u32, u32, u64)>,
}

impl Confusion {
    /// Counts the predictions of examples with these labels. A prediction is `None` if the outputs were not numbers.
    ///
    /// Returns `None` if a label or prediction is not below `classes`.
    pub fn from_predictions(labels: &[u32], predictions: &[Option<u32>], classes: usize) -> Option<Self> {
        let mut confusion = Self { pairs: BTreeMap::new(), examples: vec![0; classes], predicted: vec![0; classes] };
        for (&truth, &prediction) in labels.iter().zip(predictions) {
            *confusion.examples.get_mut(truth as usize)? += 1;
            if let Some(prediction) = prediction {
                *confusion.predicted.get_mut(prediction as usize)? += 1;
                *confusion.pairs.entry((truth as usize, prediction as usize)).or_default() += 1;
            }
        }
        Some(confusion)
    }

    /// Returns the number of classes.
    pub fn classes(&self) -> usize {
        self.examples.len()
    }

    /// Returns the rows of the dense matrix: `row[predicted]` is a number of examples, and there is one row per true
    /// class.
    pub fn rows(&self) -> impl Iterator<Item = Vec<u64>> {
        (0..self.classes()).map(|truth| {
            let mut row = vec![0; self.classes()];
            self.row(truth).for_each(|(predicted, count)| row[predicted] = count);
            row
        })
    }

    /// Returns the classes that examples of this class were predicted as, with the number of examples.
    fn row(&self, truth: usize) -> impl Iterator<Item = (usize, u64)> {
        self.pairs.range((truth, 0)..=(truth, usize::MAX)).map(|(&(_, predicted), &count)| (predicted, count))
    }

    /// Returns the number of examples of this true class.
    ///
    /// # Panics
    ///
    /// Panics if `class` is not below [`classes`](Self::classes).
    pub fn examples(&self, class: usize) -> u64 {
        self.examples[class]
    }

    /// Returns the number of examples of this class that were predicted correctly.
    fn correct(&self, class: usize) -> u64 {
        self.pairs.get(&(class, class)).copied().unwrap_or(0)
    }

    /// Returns the share of the class's examples that were predicted correctly, or `None` if it has no examples.
    ///
    /// # Panics
    ///
    /// Panics if `class` is not below [`classes`](Self::classes).
    pub fn recall(&self, class: usize) -> Option<f64> {
        let examples = self.examples[class];
        (examples > 0).then(|| self.correct(class) as f64 / examples as f64)
    }

    /// Returns the share of the predictions of this class that are correct, or `None` if there are none.
    ///
    /// # Panics
    ///
    /// Panics if `class` is not below [`classes`](Self::classes).
    pub fn precision(&self, class: usize) -> Option<f64> {
        let predicted = self.predicted[class];
        (predicted > 0).then(|| self.correct(class) as f64 / predicted as f64)
    }

    /// Returns the wrong class that was predicted most often for examples of this class, the first one if several are
    /// equally frequent, or `None` if no prediction was wrong.
    pub fn most_confused_with(&self, class: usize) -> Option<usize> {
        let wrong = self.row(class).filter(|&(predicted, _)| predicted != class);
        wrong.max_by_key(|&(predicted, count)| (count, std::cmp::Reverse(predicted))).map(|(predicted, _)| predicted)
    }
}

impl From<Confusion> for SerializedConfusion {
    fn from(confusion: Confusion) -> Self {
        // Labels and predictions are 32-bit numbers.
        let pairs =
            confusion.pairs.into_iter().map(|((truth, predicted), count)| (truth as u32, predicted as u32, count));
        Self { pairs: pairs.collect(), examples: confusion.examples }
    }
}

impl TryFrom<SerializedConfusion> for Confusion {
    type Error = String;

    /// Checks the counts, because a native library can send any.
    fn try_from(counts: SerializedConfusion) -> Result<Self, String> {
        let SerializedConfusion { examples, pairs: sent } = counts;
        let (mut pairs, mut predicted, mut left) = (BTreeMap::new(), vec![0_u64; examples.len()], examples.clone());
        for (truth, prediction, count) in sent {
            let pair = (truth as usize, prediction as usize);
            let classes = left.get_mut(pair.0).zip(predicted.get_mut(pair.1));
            let (left, predicted) = classes.ok_or_else(|| format!("there is no class {}", truth.max(prediction)))?;
            let fewer = || format!("class {truth} has fewer examples than predictions");
            *left = left.checked_sub(count).ok_or_else(fewer)?;
            *predicted = predicted.checked_add(count).ok_or("the number of examples exceeds 64 bits")?;
            if count > 0 && pairs.insert(pair, count).is_some() {
                return Err(format!("the classes {truth} and {prediction} are paired twice"));
            }
        }
        Ok(Self { pairs, examples, predicted })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn three_classes() -> Confusion {
        let (mut labels, mut predictions) = (Vec::new(), Vec::new());
        for (truth, prediction, times) in [(0, Some(0), 6), (0, Some(1), 2), (1, Some(1), 1), (1, None, 1)] {
            labels.extend(vec![truth; times]);
            predictions.extend(vec![prediction; times]);
        }
        Confusion::from_predictions(&labels, &predictions, 3).unwrap()
    }

    #[test]
    fn measures_agree_with_hand_calculation() {
        let confusion = three_classes();
        assert_eq!(confusion.rows().collect::<Vec<_>>(), [[6, 2, 0], [0, 1, 0], [0, 0, 0]]);
        assert_eq!([0, 1, 2].map(|class| confusion.examples(class)), [8, 2, 0]);
        assert_eq!([0, 1, 2].map(|class| confusion.recall(class)), [Some(0.75), Some(0.5), None]);
        assert_eq!([0, 1, 2].map(|class| confusion.precision(class)), [Some(1.0), Some(1.0 / 3.0), None]);
        assert_eq!([0, 1, 2].map(|class| confusion.most_confused_with(class)), [Some(1), None, None]);
        assert_eq!(Confusion::from_predictions(&[3], &[None], 3), None);
    }

    #[test]
    fn many_classes_need_no_dense_matrix() {
        let labels: Vec<u32> = (0..200_000).collect();
        let predictions: Vec<Option<u32>> = labels.iter().map(|&label| Some(label / 2)).collect();
        // The dense matrix would take 320 GB.
        let confusion = Confusion::from_predictions(&labels, &predictions, 200_000).unwrap();
        assert_eq!(
            (confusion.recall(0), confusion.precision(0), confusion.most_confused_with(7)),
            (Some(1.0), Some(0.5), Some(3))
        );
    }

    #[test]
    fn it_survives_serialization_and_inconsistent_counts_are_refused() {
        let counts = SerializedConfusion::from(three_classes());
        assert_eq!(counts.pairs, [(0, 0, 6), (0, 1, 2), (1, 1, 1)]);
        assert_eq!(Confusion::try_from(counts), Ok(three_classes()));
        for (pairs, words) in [
            (vec![(0, 3, 1)], "there is no class 3"),
            (vec![(3, 0, 1)], "there is no class 3"),
            (vec![(0, 0, 8), (0, 1, 1)], "class 0 has fewer examples"),
            (vec![(0, 0, 1), (0, 0, 1)], "twice"),
        ] {
            let error = Confusion::try_from(SerializedConfusion { examples: vec![8, 2, 0], pairs }).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
