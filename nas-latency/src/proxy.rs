//! Zero-cost proxies as meters. They are no latency, but every built-in meter is made in this crate: it knows both the
//! studies' trait and the networks of burn, which the evaluator that has the proxies' definitions does not.

use nas_api::{Goal, Graph, Metric, MetricInfo, Task};
use nas_core::meter::{Meter, MeterInfo};
use nas_evaluator_burn::{BurnEvaluator, Proxy};

/// The meter of a proxy: one metric with its name.
pub fn proxy_meter(proxy: Proxy) -> Box<dyn Meter> {
    let name = proxy.name().to_owned();
    let metric = MetricInfo {
        name: name.clone(),
        unit: String::new(),
        better: Some(Goal::Maximize),
        hidden: false,
        description: proxy.description().into(),
    };
    let evaluator = <BurnEvaluator as nas_api::EvaluatorPlugin>::info().version;
    let version = format!("{evaluator}, definition {}", proxy.version());
    Box::new(OfProxy { about: MeterInfo { name, version, metrics: vec![metric], timed: false }, proxy })
}

struct OfProxy {
    about: MeterInfo,
    proxy: Proxy,
}

impl Meter for OfProxy {
    fn about(&self) -> &MeterInfo {
        &self.about
    }

    fn measure(&mut self, graph: &Graph, task: &Task) -> Result<Vec<Metric>, String> {
        let value = self.proxy.score(graph, task).map_err(|error| {
            // The study says which meter it was.
            let words = error.to_string();
            words.strip_prefix(self.proxy.name()).map(|rest| rest.trim_start().to_owned()).unwrap_or(words)
        })?;
        Ok(vec![Metric::new(self.about.name.clone(), value)])
    }
}
