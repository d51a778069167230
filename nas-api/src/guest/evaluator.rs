//! The export of evaluators as components.

use std::marker::PhantomData;

use super::convert::with_message;
use super::{Slot, log};
use crate::{Evaluator, EvaluatorPlugin, Setting, Settings};

#[allow(missing_docs, clippy::all, unused_qualifications)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit/0.1",
        world: "candidate-evaluator",
        pub_export_macro: true,
        export_macro_name: "export_evaluator_component",
        default_bindings_module: "nas_api::guest::evaluator::bindings",
        with: {
            "nas:plugin/types@0.1.0": crate::guest::shared::types,
            "nas:plugin/architecture@0.1.0": crate::guest::shared::architecture,
        },
    });
}
pub use bindings::export_evaluator_component as export_component;

use bindings::exports::nas::plugin::evaluator::{EvaluatorInfo, Guest, InstanceInfo, Measurement, MetricInfo, Request};

static EVALUATOR: Slot<dyn Evaluator> = Slot::empty();

fn declared(metrics: Vec<crate::MetricInfo>) -> Vec<MetricInfo> {
    let declared = |metric| {
        let crate::MetricInfo { name, unit, better, hidden, description } = metric;
        MetricInfo { name, unit, better, hidden, description }
    };
    metrics.into_iter().map(declared).collect()
}

/// The component that exports one evaluator.
pub struct Component<E>(PhantomData<E>);

impl<E: EvaluatorPlugin> Guest for Component<E> {
    fn describe() -> EvaluatorInfo {
        log::report_panics();
        let crate::EvaluatorInfo {
            name,
            version,
            description,
            metrics,
            fidelity_unit,
            accepts_relaxed,
            resumes,
            graphs,
            parameters,
            // The contract has no final training.
            trains: _,
        } = E::info();
        let metrics = declared(metrics);
        EvaluatorInfo {
            name,
            version,
            description,
            metrics,
            fidelity_unit,
            accepts_relaxed,
            resumes,
            graphs,
            parameters,
        }
    }

    fn open(settings: Vec<Setting>) -> Result<InstanceInfo, String> {
        log::report_panics();
        let evaluator = with_message(E::open(&Settings(settings), None))?;
        // Components neither report learning curves nor read data, so the contract has no fields for these.
        let crate::InstanceInfo {
            fidelities,
            task,
            metrics,
            space,
            space_settings,
            objectives,
            simulated,
            best,
            intermediate_metrics: _,
            data: _,
        } = evaluator.instance_info();
        EVALUATOR.fill(Box::new(evaluator));
        let (task, metrics) = (task.map(Into::into), declared(metrics));
        Ok(InstanceInfo { fidelities, task, metrics, space, space_settings, objectives, simulated, best })
    }

    fn evaluate(requests: Vec<Request>) -> Result<Vec<Measurement>, String> {
        let measure = |request: Request| {
            let Request { trial, candidate, key, text, graph, fidelity, resume, keep_checkpoint, seed } = request;
            let graph = graph.into();
            let prunable = false;
            let request = crate::Request {
                trial,
                candidate,
                key,
                text,
                graph,
                fidelity,
                resume,
                keep_checkpoint,
                seed,
                prunable,
            };
            let measured = EVALUATOR.with(|evaluator| evaluator.evaluate(&request, &|| false));
            let crate::Measurement { metrics, failure, gradient, cost } =
                with_message(measured)?.ok_or("it stopped early although it was not told to")?;
            Ok(Measurement { metrics, failure, gradient, cost })
        };
        requests.into_iter().map(measure).collect()
    }
}
