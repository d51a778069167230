//! Runs networks in burn, which also trains them, on one thread of the CPU.

use nas_export::Model;
use nas_network::Inference;

use super::runtime::example;
use crate::{LatencyError, Loaded, Runtime};

/// Runs networks in burn, on one thread of the CPU.
#[derive(Clone, Copy, Debug, Default)]
pub struct BurnRuntime;

impl Runtime for BurnRuntime {
    fn name(&self) -> &'static str {
        "burn"
    }

    fn version(&self) -> String {
        nas_network::VERSION.into()
    }

    fn load(&self, model: &Model) -> Result<Box<dyn Loaded>, LatencyError> {
        let shape: Vec<usize> = model.task.input_shape.iter().map(|&size| size as usize).collect();
        let outputs = model.graph.outputs.first().map_or(1, |&output| {
            let size: i64 = model.shapes[output as usize].iter().product();
            size as usize
        });
        let network = Inference::new(&model.graph, &shape, outputs).map_err(refused)?;
        Ok(Box::new(Network { network, example: example(model) }))
    }
}

fn refused(error: nas_api::Error) -> LatencyError {
    LatencyError::Refused { runtime: "burn".into(), problem: error.to_string() }
}

struct Network {
    network: Inference,
    example: Vec<f32>,
}

impl Loaded for Network {
    fn run(&mut self) -> Result<(), LatencyError> {
        let outputs = self.network.run(self.example.clone());
        outputs.map(|_| ()).map_err(refused)
    }
}
