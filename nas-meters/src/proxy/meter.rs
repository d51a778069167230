//! Zero-cost proxies as meters.

use nas_api::{Goal, Graph, Meter, MeterInfo, Metric, MetricInfo, Task};

use super::Proxy;

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
    let version = format!("{}, definition {}", nas_network::VERSION, proxy.version());
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
            // The study's message already names the meter.
            let words = error.to_string();
            words.strip_prefix(self.proxy.name()).map(|rest| rest.trim_start().to_owned()).unwrap_or(words)
        })?;
        Ok(vec![Metric::new(self.about.name.clone(), value)])
    }
}
