//! Which examples were taken for which class.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How many examples of each class were taken for which class. As large as there are such pairs among the examples, however
/// many classes there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Counts", into = "Counts")]
pub struct Confusion {
    /// By the true class, then the class that was found; no zeros.
    pairs: BTreeMap<(usize, usize), u64>,
    /// Examples of each class, those that were taken for no class included.
    examples: Vec<u64>,
    /// Examples that were taken for each class.
    taken: Vec<u64>,
}

/// As it is sent: what everything else follows from.
#[derive(Serialize, Deserialize)]
struct Counts {
    /// Of each class.
    examples: Vec<u64>,
    /// True class, class that was found, how many examples.
    pairs: Vec<(u32, u32, u64)>,
}

impl Confusion {
    /// Of examples of these classes, which are fewer than `classes`, and what was found for each; `None`: its outputs were no
    /// numbers. `None` where a class is not one of them.
    pub fn of(labels: &[u32], found: &[Option<u32>], classes: usize) -> Option<Self> {
        let mut confusion = Self { pairs: BTreeMap::new(), examples: vec![0; classes], taken: vec![0; classes] };
        for (&truth, &found) in labels.iter().zip(found) {
            *confusion.examples.get_mut(truth as usize)? += 1;
            if let Some(found) = found {
                *confusion.taken.get_mut(found as usize)? += 1;
                *confusion.pairs.entry((truth as usize, found as usize)).or_default() += 1;
            }
        }
        Some(confusion)
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.examples.len()
    }

    /// Examples of each true class, by the class that was found.
    pub fn rows(&self) -> impl Iterator<Item = Vec<u64>> {
        (0..self.classes()).map(|truth| {
            let mut row = vec![0; self.classes()];
            self.row(truth).for_each(|(found, count)| row[found] = count);
            row
        })
    }

    /// What examples of this class were taken for, and how many of them.
    fn row(&self, truth: usize) -> impl Iterator<Item = (usize, u64)> {
        self.pairs.range((truth, 0)..=(truth, usize::MAX)).map(|(&(_, found), &count)| (found, count))
    }

    /// How many examples are of this class.
    pub fn examples(&self, class: usize) -> u64 {
        self.examples[class]
    }

    /// Examples of this class that were found.
    fn right(&self, class: usize) -> u64 {
        self.pairs.get(&(class, class)).copied().unwrap_or(0)
    }

    /// The part of a class's examples that was found, also called its accuracy; `None` where it has none.
    pub fn recall(&self, class: usize) -> Option<f64> {
        let examples = self.examples[class];
        (examples > 0).then(|| self.right(class) as f64 / examples as f64)
    }

    /// The part of what was taken for a class that is of it; `None` where nothing was.
    pub fn precision(&self, class: usize) -> Option<f64> {
        let taken = self.taken[class];
        (taken > 0).then(|| self.right(class) as f64 / taken as f64)
    }

    /// The class that most examples of this one were taken for wrongly, the first of equals; `None` where none was.
    pub fn taken_for(&self, class: usize) -> Option<usize> {
        let wrong = self.row(class).filter(|&(found, _)| found != class);
        wrong.max_by_key(|&(found, count)| (count, std::cmp::Reverse(found))).map(|(found, _)| found)
    }
}

impl From<Confusion> for Counts {
    fn from(confusion: Confusion) -> Self {
        // Classes are counted in 32 bits where they come from.
        let pairs = confusion.pairs.into_iter().map(|((truth, found), count)| (truth as u32, found as u32, count));
        Self { pairs: pairs.collect(), examples: confusion.examples }
    }
}

impl TryFrom<Counts> for Confusion {
    type Error = String;

    /// What a library sends need not fit together.
    fn try_from(counts: Counts) -> Result<Self, String> {
        let Counts { examples, pairs: sent } = counts;
        let (mut pairs, mut taken, mut left) = (BTreeMap::new(), vec![0_u64; examples.len()], examples.clone());
        for (truth, found, count) in sent {
            let pair = (truth as usize, found as usize);
            let classes = left.get_mut(pair.0).zip(taken.get_mut(pair.1));
            let (left, taken) = classes.ok_or_else(|| format!("no class {}", truth.max(found)))?;
            *left =
                left.checked_sub(count).ok_or_else(|| format!("class {truth} has fewer examples than were found"))?;
            *taken = taken.checked_add(count).ok_or("more examples than can be counted")?;
            if count > 0 && pairs.insert(pair, count).is_some() {
                return Err(format!("the classes {truth} and {found} are there twice"));
            }
        }
        Ok(Self { pairs, examples, taken })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn by_hand() -> Confusion {
        let (mut labels, mut found) = (Vec::new(), Vec::new());
        for (truth, class, times) in [(0, Some(0), 6), (0, Some(1), 2), (1, Some(1), 1), (1, None, 1)] {
            labels.extend(vec![truth; times]);
            found.extend(vec![class; times]);
        }
        Confusion::of(&labels, &found, 3).unwrap()
    }

    #[test]
    fn a_confusion_by_hand() {
        let confusion = by_hand();
        assert_eq!(confusion.rows().collect::<Vec<_>>(), [[6, 2, 0], [0, 1, 0], [0, 0, 0]]);
        assert_eq!([0, 1, 2].map(|class| confusion.examples(class)), [8, 2, 0]);
        assert_eq!([0, 1, 2].map(|class| confusion.recall(class)), [Some(0.75), Some(0.5), None]);
        assert_eq!([0, 1, 2].map(|class| confusion.precision(class)), [Some(1.0), Some(1.0 / 3.0), None]);
        assert_eq!([0, 1, 2].map(|class| confusion.taken_for(class)), [Some(1), None, None]);
        assert_eq!(Confusion::of(&[3], &[None], 3), None);
    }

    #[test]
    fn many_classes_take_no_square_of_memory() {
        let labels: Vec<u32> = (0..200_000).collect();
        let found: Vec<Option<u32>> = labels.iter().map(|&label| Some(label / 2)).collect();
        // A matrix of all pairs would be of 320 GB.
        let confusion = Confusion::of(&labels, &found, 200_000).unwrap();
        assert_eq!(
            (confusion.recall(0), confusion.precision(0), confusion.taken_for(7)),
            (Some(1.0), Some(0.5), Some(3))
        );
    }

    #[test]
    fn it_is_sent_as_it_is_and_what_does_not_fit_together_is_refused() {
        let counts = Counts::from(by_hand());
        assert_eq!(counts.pairs, [(0, 0, 6), (0, 1, 2), (1, 1, 1)]);
        assert_eq!(Confusion::try_from(counts), Ok(by_hand()));
        for (pairs, words) in [
            (vec![(0, 3, 1)], "no class 3"),
            (vec![(3, 0, 1)], "no class 3"),
            (vec![(0, 0, 8), (0, 1, 1)], "class 0 has fewer"),
            (vec![(0, 0, 1), (0, 0, 1)], "twice"),
        ] {
            let error = Confusion::try_from(Counts { examples: vec![8, 2, 0], pairs }).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
