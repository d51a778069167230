#![allow(clippy::unwrap_used)]

use nas_api::graph::{Counts, count, memory, shape};
use nas_api::{Setting, Value};

use super::*;

fn space(set: &[(&str, Value)]) -> DecoderLm {
    let set: Vec<Setting> =
        set.iter().map(|(name, value)| Setting { name: (*name).into(), value: value.clone() }).collect();
    DecoderLm::open(&Settings::checked(&DecoderLm::parameters(), &set).unwrap()).unwrap()
}

fn task(space: &DecoderLm, positions: i64, vocabulary: u32) -> Task {
    let settings = Settings::defaults(&space.task_parameters());
    Task { input_shape: vec![positions], outputs: vocabulary, kind: "language".into(), settings }
}

/// The counts, and the bytes of the key/value cache for one token at two bytes per number.
fn measured(space: &DecoderLm, text: &str, positions: i64, vocabulary: u32) -> (Counts, u64) {
    let graph = space.build(&space.parse(text).unwrap(), &task(space, positions, vocabulary)).unwrap();
    let shapes = shape::infer(&graph, &[positions]).unwrap();
    assert_eq!(shapes[graph.outputs[0] as usize], [positions, i64::from(vocabulary)]);
    let memory = memory::memory(&graph, &shapes, 1, 2).unwrap();
    (count::count(&graph, &shapes).unwrap(), memory.cache_per_token)
}

const GPT: &str = "gated=no,activation=gelu,norm=layer,norm_place=pre,positions=learned,tied=yes,bias=yes";
const LLAMA: &str = "gated=yes,activation=silu,norm=rms,norm_place=pre,positions=rotary,tied=no,bias=no";

/// The parameters are those that Hugging Face's transformers counts.
#[test]
fn published_networks_have_their_parameters() {
    let space = space(&[]);
    let gpt2 = |layers, width, heads| {
        let whole = format!("layers={layers},width={width},head_size=64,{GPT}");
        format!("{whole},heads={heads},queries_per_key=1,ratio=4,window=all,experts=1")
    };
    let llama = |layer: &str| format!("layers=32,width=4096,head_size=128,{LLAMA},heads=32,{layer}");
    for (name, text, positions, vocabulary, params) in [
        ("GPT-1", gpt2(12, 768, 12).replace("=pre", "=post"), 512, 40_478, 116_534_784),
        ("GPT-2 small", gpt2(12, 768, 12), 1024, 50_257, 124_439_808),
        ("GPT-2 medium", gpt2(24, 1024, 16), 1024, 50_257, 354_823_168),
        ("GPT-2 XL", gpt2(48, 1600, 25), 1024, 50_257, 1_557_611_200),
        ("Llama 7B", llama("queries_per_key=1,ratio=2.6875,window=all,experts=1"), 2048, 32_000, 6_738_415_616),
        ("Mistral 7B", llama("queries_per_key=4,ratio=3.5,window=4096,experts=1"), 8192, 32_000, 7_241_732_096),
        ("Mixtral 8x7B", llama("queries_per_key=4,ratio=3.5,window=all,experts=8-top2"), 4096, 32_000, 46_702_792_704),
    ] {
        assert_eq!(measured(&space, &text, positions, vocabulary).0.params, params, "{name}");
    }
}

#[test]
fn multiply_accumulates_and_cache_follow_from_the_sizes() {
    let space = space(&[]);
    let gpt2 =
        format!("layers=12,width=768,head_size=64,{GPT},heads=12,queries_per_key=1,ratio=4,window=all,experts=1");
    let (counts, cache) = measured(&space, &gpt2, 1024, 50_257);
    let layer = 1024 * 12 * 768 * 768 + 2 * 1024 * 1024 * 768;
    assert_eq!(counts.macs, 12 * layer + 1024 * 768 * 50_257);
    // This is half the count of PyTorch's flop counter for GPT2LMHeadModel of transformers.
    assert_eq!(counts.macs, 145_824_153_600);
    let biases = 1024 * (3 * 768 + 768 + 4 * 768 + 768);
    assert_eq!(counts.flops - counts.macs, 12 * biases);
    // The cache has keys and values of 12 layers at two bytes per number.
    assert_eq!(cache, 12 * 2 * 768 * 2);
    // A token of Llama 7B takes half a mebibyte. Mistral has a quarter of its key and value heads.
    let whole = format!("layers=32,width=4096,head_size=128,{LLAMA},heads=32");
    let llama = format!("{whole},queries_per_key=1,ratio=2.6875,window=all,experts=1");
    assert_eq!(measured(&space, &llama, 2048, 32_000).1, 512 << 10);
    let mistral = format!("{whole},queries_per_key=4,ratio=3.5,window=4096,experts=1");
    assert_eq!(measured(&space, &mistral, 2048, 32_000).1, 128 << 10);
    // A window saves nothing before it is full, and limits the cost of every later position to its length.
    let windowed = gpt2.replace("window=all", "window=128");
    assert_eq!(measured(&space, &windowed, 128, 50_257).0.macs, measured(&space, &gpt2, 128, 50_257).0.macs);
    let saved = 12 * 2 * 1024 * (1024 - 128) * 768;
    assert_eq!(measured(&space, &windowed, 1024, 50_257).0.macs, counts.macs - saved);
}

/// With two of eight experts, a position uses two of them and the router.
#[test]
fn experts_count_for_their_share_of_the_positions() {
    let space = space(&[]);
    let with = |experts: &str| {
        let whole = format!("layers=1,width=64,head_size=32,{LLAMA}");
        let text = format!("{whole},heads=2,queries_per_key=1,ratio=2,window=all,experts={experts}");
        measured(&space, &text, 16, 100).0
    };
    let (dense, mixed) = (with("1"), with("8-top2"));
    let feed = 3 * 64 * 128;
    assert_eq!(mixed.params - dense.params, 7 * feed + 64 * 8);
    assert_eq!(mixed.macs - dense.macs, 16 * (feed + 64 * 8));
    assert_eq!(with("4-top1").macs - dense.macs, 16 * 64 * 4);
}

#[test]
fn every_layer_can_have_its_own_sizes() {
    let per_layer = space(&[
        ("per_layer", Value::Truth(true)),
        ("layers", Value::Numbers(vec![1.0, 2.0])),
        ("widths", Value::Numbers(vec![64.0])),
        ("heads", Value::Numbers(vec![2.0, 4.0])),
    ]);
    let text = format!(
        "layers=2,width=64,head_size=32,{LLAMA},heads1=2,queries_per_key1=all,ratio1=1,window1=all,experts1=1,\
         heads2=4,queries_per_key2=2,ratio2=4,window2=128,experts2=1"
    );
    let (counts, cache) = measured(&per_layer, &text, 10, 50);
    let first = 64 * 64 + 2 * 64 * 32 + 64 * 64 + 3 * 64 * 64;
    let second = 64 * 128 + 2 * 64 * 64 + 128 * 64 + 3 * 64 * 256;
    assert_eq!(counts.params, 2 * 50 * 64 + first + second + 5 * 64);
    assert_eq!(cache, 2 * (2 * 32 + 2 * 64));
    assert!(per_layer.info().conditional);
    // There are 1 width, 3 head sizes and 2 · 4 · 2 · 2 · 2 · 2 · 2 others, and 2 · 4 · 5 · 5 · 5 choices for a layer.
    let (whole, layer) = (3.0 * 256.0, 1000.0);
    assert!((per_layer.info().log10_size.unwrap() - f64::log10(whole * (layer + layer * layer))).abs() < 1e-9);
}

#[test]
fn equal_networks_have_equal_keys() {
    let space = space(&[]);
    let key = |heads: &str, sharing: &str| {
        let whole = format!("layers=2,width=64,head_size=32,{LLAMA}");
        let text = format!("{whole},heads={heads},queries_per_key={sharing},ratio=1,window=all,experts=1");
        let genotype = space.parse(&text).unwrap();
        (space.key(&genotype), space.build(&genotype, &task(&space, 8, 20)).unwrap())
    };
    assert_eq!(key("4", "4"), key("4", "all"));
    assert_eq!(key("2", "2"), key("2", "4"));
    // Four does not divide six heads, so that three of them share a key.
    assert_ne!(key("6", "2").0, key("6", "4").0);
    assert_ne!(key("8", "4").0, key("8", "all").0);
}

#[test]
fn other_inputs_and_odd_heads_are_refused() {
    let odd = space(&[("head_sizes", Value::Numbers(vec![5.0]))]);
    let whole = format!("layers=2,width=64,head_size=5,{LLAMA}");
    let genotype = odd.parse(&format!("{whole},heads=2,queries_per_key=1,ratio=1,window=all,experts=1")).unwrap();
    let error = odd.build(&genotype, &task(&odd, 8, 20)).unwrap_err().to_string();
    assert!(error.contains("rotary positions rotate pairs of features, but a head has 5"), "{error}");
    let images = Task { input_shape: vec![3, 8, 8], ..task(&odd, 8, 20) };
    assert!(odd.build(&genotype, &images).unwrap_err().to_string().contains("indices of tokens"));
}
