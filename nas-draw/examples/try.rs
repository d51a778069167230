//! scratch
#![allow(missing_docs, clippy::unwrap_used)]
use nas_api::{Settings, Task};
use nas_spaces::*;
fn go(name: &str, space: &dyn Fn() -> Box<dyn nas_api::OpenSpace>, text: Option<&str>, input: &[i64], out: &str) {
    let mut s = space();
    let g = match text { Some(t) => s.parse(t).unwrap().unwrap(), None => s.sample(3).unwrap() };
    let task = Task { input_shape: input.to_vec(), outputs: 10, kind: "classification".into(), settings: Settings::defaults(&s.task_parameters().unwrap()) };
    let graph = s.build(&g, &task).unwrap().unwrap();
    let mut choices = vec![];
    for i in 0..g.len() { let d = s.next(&g[..i]).unwrap().unwrap(); choices.push((d.name.clone(), d.choices[g[i] as usize].clone())); }
    let subject = nas_draw::Subject { graph: &graph, input_shape: input, title: name.into(), text: s.format(&g).unwrap(), choices };
    let t = std::time::Instant::now();
    let svg = nas_draw::draw(&subject).unwrap();
    eprintln!("{name} {} nodes {:?} {} bytes", graph.nodes.len(), t.elapsed(), svg.len());
    std::fs::write(format!("{out}/{name}.svg"), &svg).unwrap();
    std::fs::write(format!("{out}/{name}.png"), nas_draw::png(&svg, 1.0).unwrap()).unwrap();
}
fn main() {
    let out = std::env::args().nth(1).unwrap();
    go("mlp", &|| Box::new(Mlp::new()), None, &[1, 28, 28], &out);
    go("nas-bench-201", &|| Box::new(NasBench201::new()), Some("|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"), &[3, 32, 32], &out);
    go("nas-bench-101", &|| Box::new(NasBench101::new()), None, &[3, 32, 32], &out);
    go("tiny-cnn", &|| Box::new(TableSpace::from_toml(include_str!("../../docs/examples/tiny-cnn.toml")).unwrap()), None, &[3, 32, 32], &out);
}
