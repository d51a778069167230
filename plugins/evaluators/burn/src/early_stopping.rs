//! Early stopping: training ends when validation has not improved for some epochs.

use nas_api::Metric;
use nas_data::Kind;

use crate::metrics::Scores;

/// The validation results so far (Prechelt 1998, "Early Stopping - but when?", the third criterion with strips of one
/// epoch).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patience {
    best: Option<Best>,
    /// The number of epochs since the best one.
    stale: u32,
}

/// The best epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// The epoch, counted from 1.
    pub epoch: u32,
    /// The score; higher is better.
    score: f64,
    /// The validation metrics after this epoch.
    pub metrics: Vec<Metric>,
}

impl Patience {
    /// Records the validation of an epoch. Classification is scored by accuracy, detection by mean average precision,
    /// everything else by the loss. The first of equal epochs is the best.
    pub fn see(&mut self, epoch: u32, scores: &Scores, kind: Kind) {
        let named = |name: &str| scores.values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let score = match kind {
            Kind::Classification => named("accuracy"),
            Kind::Detection => named("map"),
            Kind::Regression | Kind::Language => named("loss").map(|loss| -loss),
        };
        let score = score.unwrap_or(f64::NEG_INFINITY);
        if self.best.as_ref().is_none_or(|best| score > best.score) {
            self.best = Some(Best { epoch, score, metrics: scores.metrics("val") });
            self.stale = 0;
        } else {
            self.stale += 1;
        }
    }

    /// Whether the last `patience` epochs brought no improvement; always false for 0.
    pub fn is_exhausted(&self, patience: u32) -> bool {
        patience > 0 && self.stale >= patience
    }

    /// The best epoch so far.
    pub fn best(&self) -> Option<&Best> {
        self.best.as_ref()
    }

    /// The state as text, which [`Patience::from_text`] reads back exactly.
    pub fn to_text(&self) -> String {
        let mut lines = format!("stale {}\n", self.stale);
        if let Some(Best { epoch, score, metrics }) = &self.best {
            lines += &format!("epoch {epoch}\nscore {score}\n");
            metrics.iter().for_each(|metric| lines += &format!("{} {}\n", metric.name, metric.value));
        }
        lines
    }

    /// Reads the text of [`Patience::to_text`]; `None` for any other text.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(|line| line.split_once(' '));
        let mut next =
            |name: &str| lines.next()?.filter(|(found, _)| *found == name).map(|(_, value)| value.to_owned());
        let stale = next("stale")?.parse().ok()?;
        let Some(epoch) = next("epoch") else { return Some(Self { best: None, stale }) };
        let (epoch, score) = (epoch.parse().ok()?, next("score")?.parse().ok()?);
        let metric = |line: Option<(&str, &str)>| {
            let (name, value) = line?;
            Some(Metric::new(name, value.parse().ok()?))
        };
        let metrics = lines.map(metric).collect::<Option<Vec<_>>>()?;
        Some(Self { best: Some(Best { epoch, score, metrics }), stale })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn seen(accuracies: &[f64]) -> Patience {
        let mut patience = Patience::default();
        for (epoch, &accuracy) in (1..).zip(accuracies) {
            let values = vec![("loss", 1.0 / f64::from(epoch)), ("accuracy", accuracy)];
            patience.see(epoch, &Scores { values, found: Vec::new() }, Kind::Classification);
        }
        patience
    }

    #[test]
    fn patience_counts_epochs_without_improvement() {
        let patience = seen(&[0.3, 0.5, 0.4, 0.5]);
        assert_eq!(patience.best().unwrap().epoch, 2);
        assert_eq!(Metric::find(&patience.best().unwrap().metrics, "val_loss"), Some(0.5));
        assert!(patience.is_exhausted(2) && !patience.is_exhausted(3) && !patience.is_exhausted(0));
        assert!(!seen(&[0.3, 0.2, 0.4]).is_exhausted(1));
    }

    #[test]
    fn patience_is_read_back_as_written() {
        for patience in [Patience::default(), seen(&[0.1 + 0.2, 1.0 / 3.0, 0.2])] {
            assert_eq!(Patience::from_text(&patience.to_text()), Some(patience));
        }
        assert_eq!(Patience::from_text("stale no"), None);
        assert_eq!(Patience::from_text("stale 1\nepoch 2\nscore 0.5\nval_loss x"), None);
    }
}
