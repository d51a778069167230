//! An ensemble of neural predictors: networks of one shape from different starts. Their mean is the prediction, and
//! their spread its uncertainty.

use nas_api::rng::Random;
use nas_api::{Error, Parameter, Result, Settings};

use crate::common::surrogate::at_least_one;
use crate::common::surrogate::network::{Example, Loss, Network, Training};

/// The predicted target of an architecture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prediction {
    pub(crate) mean: f64,
    /// The standard deviation between the members of the ensemble.
    pub(crate) deviation: f64,
}

/// The shape of the members.
pub(crate) struct Shape {
    layers: usize,
    width: usize,
}

impl Shape {
    /// The parameters that [`Self::read`] and [`training`] read, with these defaults.
    pub(crate) fn parameters(layers: u32, width: u32, epochs: u32, rate: f64, updates: u32) -> Vec<Parameter> {
        vec![
            Parameter::integer("layers", layers, 1, 100, "Hidden layers of a predictor."),
            Parameter::integer("width", width, 1, 1000, "Units of a hidden layer."),
            Parameter::integer("epochs", epochs, 1, 100_000, "Passes over all results in one training."),
            Parameter::integer("updates", updates, 1, 1_000_000, "Most steps of Adam in one training."),
            Parameter::number("learning_rate", rate, 0.0, 10.0, "Learning rate of Adam."),
        ]
    }

    pub(crate) fn read(settings: &Settings) -> Result<Self> {
        Ok(Self { layers: at_least_one(settings, "layers")?, width: at_least_one(settings, "width")? })
    }
}

/// Reads from the settings how the members are trained.
pub(crate) fn training(settings: &Settings, loss: Loss) -> Result<Training> {
    let rate = settings.number("learning_rate")?;
    if rate <= 0.0 {
        return Err(Error::new("'learning_rate' must be greater than 0, or the predictors would learn nothing"));
    }
    let (epochs, updates) = (at_least_one(settings, "epochs")?, at_least_one(settings, "updates")?);
    Ok(Training { loss, learning_rate: rate as f32, epochs, updates })
}

/// Trained predictors.
pub(crate) struct Ensemble {
    members: Vec<Network>,
}

impl Ensemble {
    /// Trains members that start from different weights and see the examples in different orders.
    pub(crate) fn train(
        count: usize,
        shape: &Shape,
        examples: &[Example<'_>],
        training: Training,
        rng: &mut Random,
    ) -> Self {
        let inputs = examples.first().map_or(0, |example| example.input.len());
        let member = |_| {
            let mut network = Network::new(inputs, shape.width, shape.layers, rng);
            network.train(examples, training, rng);
            network
        };
        Self { members: (0..count).map(member).collect() }
    }

    /// One prediction for each input. A prediction that is not finite counts as the worst possible.
    pub(crate) fn predict(&self, inputs: &[&[f32]]) -> Vec<Prediction> {
        let outputs: Vec<Vec<f32>> = self.members.iter().map(|member| member.predict(inputs)).collect();
        let count = outputs.len().max(1) as f64;
        let prediction = |index: usize| {
            let values = || outputs.iter().map(|output| f64::from(output[index]));
            let mean = values().sum::<f64>() / count;
            let variance = values().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
            if mean.is_finite() && variance.is_finite() {
                Prediction { mean, deviation: variance.sqrt() }
            } else {
                Prediction { mean: f64::MIN, deviation: 0.0 }
            }
        };
        (0..inputs.len()).map(prediction).collect()
    }
}

#[cfg(test)]
mod tests {
    use nas_api::rng::{RngExt, seeded};

    use super::*;

    #[test]
    fn members_agree_where_there_are_data_and_differ_elsewhere() {
        let mut rng = seeded(1);
        let data: Vec<[f32; 2]> = (0..64).map(|_| [rng.random(), rng.random()]).collect();
        let example = |x| -> Example<'_> {
            let [a, b]: &[f32; 2] = x;
            Example { input: x, target: a + b, weight: 1.0 }
        };
        let examples: Vec<Example<'_>> = data.iter().map(example).collect();
        let training = Training { loss: Loss::Squared, learning_rate: 0.01, epochs: 200, updates: 400 };
        let shape = Shape { layers: 2, width: 16 };
        let ensemble = Ensemble::train(5, &shape, &examples, training, &mut rng);
        let predictions = ensemble.predict(&[&[0.5, 0.5], &[-9.0, 9.0]]);
        assert!((predictions[0].mean - 1.0).abs() < 0.1, "{predictions:?}");
        assert!(predictions[0].deviation < 0.1 && predictions[1].deviation > 0.3, "{predictions:?}");
    }
}
