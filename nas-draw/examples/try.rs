//! scratch
#![allow(missing_docs, clippy::unwrap_used)]
#[path = "../tests/common/mod.rs"]
mod common;
use common::*;
use nas_spaces::*;
fn save(name: &str, svg: &str, out: &str) {
    std::fs::write(format!("{out}/{name}.svg"), svg).unwrap();
    std::fs::write(format!("{out}/{name}.png"), nas_draw::png(svg, 1.0).unwrap()).unwrap();
}
fn go(name: &str, n: Network, out: &str) {
    let t = std::time::Instant::now();
    match nas_draw::draw(&n.subject()) {
        Ok(svg) => { eprintln!("{name} {} nodes {:?} {} bytes", n.graph.nodes.len(), t.elapsed(), svg.len()); save(name, &svg, out); }
        Err(e) => eprintln!("{name} {} nodes {:?}: {e}", n.graph.nodes.len(), t.elapsed()),
    }
}
const V2: &str = "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])";
fn main() {
    let out = &std::env::args().nth(1).unwrap();
    go("mlp", of(Mlp::new(), None, &[1, 28, 28]), out);
    let a = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|";
    let b = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|skip_connect~2|";
    go("nas-bench-201", of(NasBench201::new(), Some(a), &[3, 32, 32]), out);
    go("nas-bench-101", of(NasBench101::new(), None, &[3, 32, 32]), out);
    go("tiny-cnn", of(TableSpace::from_toml(include_str!("../../docs/examples/tiny-cnn.toml")).unwrap(), Some("blocks=3,width1=16,kernel1=3,width2=32,kernel2=3,width3=32,kernel3=5,activation=Gelu,pool=MaxPool,pool_kernel=2,dropout=0.2"), &[3, 32, 32]), out);
    go("darts", of(Darts::new(), Some(V2), &[3, 32, 32]), out);
    go("mobile", of(Mobile::per_stage(), None, &[3, 224, 224]), out);
    go("resnet", of(ResNet::new(), None, &[3, 224, 224]), out);
    go("macro", of(NasBenchMacro::new(), None, &[3, 32, 32]), out);
    go("vit", vit(12), out);
    go("decoder", decoder(12, 1), out);
    go("moe", decoder(6, 8), out);
    let (one, other) = (of(NasBench201::new(), Some(a), &[3, 32, 32]), of(NasBench201::new(), Some(b), &[3, 32, 32]));
    save("compare", &nas_draw::compare(&one.subject(), &other.subject()).unwrap(), out);
}
