//! Times what is done with a network before training: building its graph, inferring its shapes, and counting its costs.
//!
//! `cargo bench -p nas-spaces --bench graph`

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use nas_api::graph::memory::memory;
use nas_api::graph::{count, shape};
use nas_api::{SearchSpace, Settings, Task};
use nas_spaces::{DecoderLm, NasBench201, VisionTransformer};

fn measure<S: SearchSpace>(c: &mut Criterion, name: &str, text: &str, input: &[i64], outputs: u32) {
    let space = S::open(&Settings::defaults(&S::parameters())).unwrap();
    let settings = Settings::defaults(&space.task_parameters());
    let task = Task { input_shape: input.to_vec(), outputs, kind: String::new(), settings };
    let genotype = space.parse(text).unwrap();
    let graph = space.build(&genotype, &task).unwrap();
    let shapes = shape::infer(&graph, input).unwrap();
    let mut group = c.benchmark_group(format!("{name} ({} nodes)", graph.nodes.len()));
    group.bench_function("build", |b| b.iter(|| space.build(black_box(&genotype), &task).unwrap()));
    group.bench_function("infer", |b| b.iter(|| shape::infer(black_box(&graph), input).unwrap()));
    group.bench_function("count", |b| b.iter(|| count::count(black_box(&graph), &shapes).unwrap()));
    group.bench_function("memory", |b| b.iter(|| memory(black_box(&graph), &shapes, 1, 2).unwrap()));
    group.bench_with_input(BenchmarkId::from_parameter("all"), &genotype, |b, genotype| {
        b.iter(|| {
            let graph = space.build(genotype, &task).unwrap();
            let shapes = shape::infer(&graph, input).unwrap();
            count::count(&graph, &shapes).unwrap()
        });
    });
}

fn graphs(c: &mut Criterion) {
    let cell = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|";
    measure::<NasBench201>(c, "cells", cell, &[3, 32, 32], 10);
    let vit = "layers=12,patch=16,width=768,pooling=class,heads=12,ratio=4";
    measure::<VisionTransformer>(c, "ViT-B/16", vit, &[3, 224, 224], 1000);
    let gpt = "layers=48,width=1600,head_size=64,gated=no,activation=gelu,norm=layer,norm_place=pre,positions=learned,\
               tied=yes,bias=yes,heads=25,queries_per_key=1,ratio=4,window=all,experts=1";
    measure::<DecoderLm>(c, "GPT-2 XL, 48 layers", gpt, &[1024], 50_257);
    let mixtral = "layers=32,width=4096,head_size=128,gated=yes,activation=silu,norm=rms,norm_place=pre,\
                   positions=rotary,tied=no,bias=no,heads=32,queries_per_key=4,ratio=3.5,window=all,experts=8-top2";
    measure::<DecoderLm>(c, "Mixtral 8x7B", mixtral, &[4096], 32_000);
}

criterion_group!(benches, graphs);
criterion_main!(benches);
