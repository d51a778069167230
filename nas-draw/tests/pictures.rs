//! Pictures are well-formed, complete, without overlaps, and reproducible.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Network, architecture, decoder, vit};
use nas_api::graph::inference;
use nas_api::rng::{RngExt, seeded};
use nas_api::{Graph, Node};
use nas_draw::{DrawError, compare, draw, png, with_font};
use nas_spaces::{ChoiceSpace, Darts, Detector, Mlp, Mobile, NasBench101, NasBench201, NasBenchMacro, ResNet};
use roxmltree::{Document, Node as Element};

const TINY_CNN: &str = include_str!("../../docs/examples/tiny-cnn.toml");
const CELL: &str = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|";
const OTHER_CELL: &str =
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|skip_connect~2|";

fn networks() -> Vec<Network> {
    let image = [3, 32, 32];
    vec![
        architecture(Mlp::new(), None, &[1, 28, 28]),
        architecture(NasBench201::new(), Some(CELL), &image),
        architecture(NasBench201::new(), Some("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"), &image),
        architecture(NasBench101::new(), None, &image),
        architecture(ChoiceSpace::from_toml(TINY_CNN).unwrap(), None, &image),
        architecture(Darts::new(), None, &image),
        architecture(Mobile::per_stage(), None, &[3, 224, 224]),
        architecture(ResNet::new(), None, &[3, 224, 224]),
        architecture(NasBenchMacro::new(), None, &image),
        architecture(Detector::new(), Some("fcos_resnet50_fpn"), &[3, 256, 320]),
        vit(12),
        decoder(12, 1),
        decoder(6, 8),
    ]
}

fn has_class(element: Element<'_, '_>, class: &str) -> bool {
    element.attribute("class").is_some_and(|classes| classes.split(' ').any(|own| own == class))
}

fn all<'d>(document: &'d Document<'_>, class: &str) -> Vec<Element<'d, 'd>> {
    document.descendants().filter(|element| has_class(*element, class)).collect()
}

/// Returns how many nodes the boxes of the first drawing stand for together.
fn covered(document: &Document<'_>) -> usize {
    let whole = all(document, "drawing")[0];
    let boxes = whole.children().filter(|element| has_class(*element, "box"));
    boxes.map(|element| element.attribute("data-nodes").unwrap().parse::<usize>().unwrap()).sum()
}

fn texts<'d>(document: &'d Document<'_>) -> Vec<&'d str> {
    document.descendants().filter(|element| element.has_tag_name("text")).filter_map(|text| text.text()).collect()
}

/// Returns left, top, right and bottom of every box of a drawing.
fn faces(drawing: Element<'_, '_>) -> Vec<[f64; 4]> {
    let number = |face: Element<'_, '_>, name: &str| face.attribute(name).unwrap().parse::<f64>().unwrap();
    let face = |face: Element<'_, '_>| {
        let (x, y) = (number(face, "x"), number(face, "y"));
        [x, y, x + number(face, "width"), y + number(face, "height")]
    };
    drawing.descendants().filter(|element| has_class(*element, "face")).map(face).collect()
}

fn check(svg: &str, nodes: usize, name: &str) {
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(covered(&document), nodes, "{name}: nodes are missing, or counted twice");
    for drawing in all(&document, "drawing") {
        let faces = faces(drawing);
        for (at, a) in faces.iter().enumerate() {
            for b in &faces[at + 1..] {
                let apart = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
                assert!(apart, "{name}: {a:?} overlaps {b:?}");
            }
        }
    }
}

#[test]
fn pictures_of_every_space_cover_all_nodes() {
    for network in networks() {
        let svg = draw(&network.subject()).unwrap();
        check(&svg, inference(&network.graph).nodes.len(), &network.title);
        assert_eq!(svg, draw(&network.subject()).unwrap(), "{}", network.title);
        let document = Document::parse(&svg).unwrap();
        let boxes = all(&document, "box").len();
        assert!(boxes < 120, "{}: {boxes} boxes", network.title);
    }
}

#[test]
fn cells_are_drawn_once_and_counted() {
    let network = architecture(NasBench201::new(), Some(CELL), &[3, 32, 32]);
    let svg = draw(&network.subject()).unwrap();
    let document = Document::parse(&svg).unwrap();
    let texts = texts(&document);
    assert_eq!(texts.iter().filter(|text| **text == "A: cell ×5").count(), 3);
    assert_eq!(texts.iter().filter(|text| **text == "B: reduction").count(), 3, "two places and the drawing's title");
    for line in ["stage2.cell1–5 ×5: 32×16×16", "op_1_2 = avg_pool_3x3", "every arrow carries 16×32×32", CELL] {
        assert!(texts.contains(&line), "{line} is not in {texts:?}");
    }
    let layers = draw(&vit(12).subject()).unwrap();
    assert!(layers.contains(">A: layer ×12<") && layers.contains("×3 side by side"), "{layers}");
    assert!(draw(&decoder(6, 8).subject()).unwrap().contains("repeated ×8 side by side"));
}

#[test]
fn a_network_without_names_is_folded_by_its_structure() {
    let mut nodes = vec![node("input", "Input", &[])];
    for layer in 0..30 {
        let last = nodes.len() as u32 - 1;
        nodes.push(node(&format!("n{}", 3 * layer), "LayerNormalization", &[last]));
        nodes.push(node(&format!("n{}", 3 * layer + 1), "Sigmoid", &[last + 1]));
        nodes.push(node(&format!("n{}", 3 * layer + 2), "Mul", &[last, last + 2]));
    }
    let network = network(nodes, &[8]);
    let svg = draw(&network.subject()).unwrap();
    check(&svg, 91, "unnamed");
    assert!(svg.contains("×30"), "{svg}");
}

/// Two of four equal nodes in a row are also read elsewhere. "×4" would hide which.
#[test]
fn equal_nodes_with_different_readers_are_drawn_apart() {
    let nodes = vec![
        node("input", "Input", &[]),
        node("a", "Softplus", &[0]),
        node("b", "Softplus", &[1]),
        node("c", "Softplus", &[2]),
        node("d", "Softplus", &[3]),
        node("join", "Add", &[4, 1]),
        node("end", "Mul", &[5, 2]),
    ];
    let network = network(nodes, &[4]);
    let svg = draw(&network.subject()).unwrap();
    check(&svg, 7, "used apart");
    assert!(!svg.contains('×') || !svg.contains("×4"), "{svg}");
    let document = Document::parse(&svg).unwrap();
    assert_eq!(texts(&document).iter().filter(|text| text.starts_with("Softplus")).count(), 4, "{svg}");
}

/// `a.x` comes before `b`, and `a.y` after it, so that a box for `a` would be part of a cycle.
#[test]
fn groups_that_a_path_leaves_and_enters_again_are_dissolved() {
    let nodes = vec![
        node("input", "Input", &[]),
        node("a.x", "Relu", &[0]),
        node("a.also", "Tanh", &[1]),
        node("b.x", "Sigmoid", &[2]),
        node("a.y", "Add", &[3, 2]),
        node("b.y", "Mul", &[4, 3]),
    ];
    let network = network(nodes, &[4]);
    check(&draw(&network.subject()).unwrap(), 6, "dissolved");
}

#[test]
fn hostile_names_are_escaped_and_shortened() {
    let hostile =
        ["</text><script>alert(1)</script>", "\"&'<>]]>", "\0\u{1}\u{202e}evil\u{fffe}", "....", ".", "é.\u{301}.x"];
    let long = "x.".repeat(500_000);
    let mut nodes = vec![node("input", "Input", &[])];
    for (at, name) in hostile.iter().copied().chain([long.as_str()]).enumerate() {
        nodes.push(node(name, "Relu", &[at as u32]));
    }
    let mut network = network(nodes, &[4]);
    network.title = format!("{} {}", hostile[0], hostile[2]);
    network.text = long.clone();
    network.choices = vec![(hostile[1].into(), hostile[0].into())];
    let svg = draw(&network.subject()).unwrap();
    check(&svg, 8, "hostile");
    assert!(!svg.contains("<script") && svg.len() < 60_000, "{}", svg.len());
    assert!(Document::parse(&with_font(&svg)).is_ok());
}

#[test]
fn two_networks_are_marked_where_they_differ() {
    let [one, other] = [CELL, OTHER_CELL].map(|cell| architecture(NasBench201::new(), Some(cell), &[3, 32, 32]));
    let svg = compare(&one.subject(), &other.subject()).unwrap();
    let document = Document::parse(&svg).unwrap();
    let differs = all(&document, "differs");
    // On each side, the cell in three stages and the operation within it differ.
    assert_eq!(differs.len(), 8, "{svg}");
    assert!(texts(&document).contains(&"op_1_3: nor_conv_3x3 left, nor_conv_1x1 right"));
    let same = compare(&one.subject(), &one.subject()).unwrap();
    let document = Document::parse(&same).unwrap();
    assert!(all(&document, "differs").is_empty() && same.contains("no decision differs"));
    // A different number of layers counts as a difference.
    let layers = compare(&vit(11).subject(), &vit(12).subject()).unwrap();
    assert_eq!(all(&Document::parse(&layers).unwrap(), "differs").len(), 2);
}

#[test]
fn png_is_reproducible() {
    let network = architecture(NasBench201::new(), Some(CELL), &[3, 32, 32]);
    let svg = draw(&network.subject()).unwrap();
    let bytes = png(&svg, 1.0).unwrap();
    assert!(bytes.starts_with(b"\x89PNG") && bytes == png(&svg, 1.0).unwrap());
    // An embedded font changes nothing, because the renderer knows the font.
    assert_eq!(bytes, png(&with_font(&svg), 1.0).unwrap());
    assert!(png(&svg, 1000.0).unwrap().len() > bytes.len(), "large pictures are scaled down to the limit, not refused");
}

#[test]
fn a_hundred_thousand_nodes_are_folded_or_refused_quickly() {
    let start = std::time::Instant::now();
    let mut nodes = vec![node("input", "Input", &[])];
    while nodes.len() < 99_990 {
        let (last, block) = (nodes.len() as u32 - 1, nodes.len() / 4);
        nodes.push(node(&format!("block{block}.norm"), "LayerNormalization", &[last]));
        nodes.push(node(&format!("block{block}.tanh"), "Tanh", &[last + 1]));
        nodes.push(node(&format!("block{block}.gate"), "Mul", &[last + 2, last + 1]));
        nodes.push(node(&format!("block{block}.sum"), "Add", &[last + 3, last]));
    }
    let network = network(nodes, &[8]);
    let svg = draw(&network.subject()).unwrap();
    check(&svg, network.graph.nodes.len(), "large");
    assert!(svg.len() < 60_000, "{}", svg.len());

    let ops = ["Relu", "Tanh", "Sigmoid", "Gelu", "Mish"];
    let mut rng = seeded(1);
    let mut nodes = vec![node("input", "Input", &[])];
    for at in 1..100_000_u32 {
        let inputs = [at - 1 - rng.random_range(0..at.min(50)), at - 1];
        let one = rng.random_range(0..2_u32) == 0;
        let op = if one { ops[rng.random_range(0..5_u32) as usize] } else { "Add" };
        nodes.push(node(&format!("n{at}"), op, if one { &inputs[..1] } else { &inputs }));
    }
    let network = self::network(nodes, &[8]);
    let error = draw(&network.subject()).unwrap_err();
    assert!(matches!(error, DrawError::TooLarge { nodes: 100_000, .. }), "{error}");
    assert!(error.to_string().contains("help: draw a smaller network"), "{error}");
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}

/// Random names and connections give a complete picture, or are too large.
#[test]
fn any_network_is_drawn_completely() {
    let ops = ["Relu", "Tanh", "LayerNormalization", "Sigmoid"];
    let mut drawn = 0;
    for seed in 0..300 {
        let mut rng = seeded(seed);
        let count = rng.random_range(1..60_u32);
        let depth = rng.random_range(1..4_u32);
        let mut nodes = vec![node("input", "Input", &[])];
        for at in 1..=count {
            let groups: Vec<String> =
                (0..rng.random_range(0..depth)).map(|_| format!("g{}", rng.random_range(0..3_u32))).collect();
            let name = groups.into_iter().chain([format!("n{at}")]).collect::<Vec<_>>().join(".");
            let near = at.min(1 + rng.random_range(0..6_u32));
            let inputs: Vec<u32> =
                (0..rng.random_range(1..4_u32)).map(|_| at - 1 - rng.random_range(0..near)).collect();
            let op = if inputs.len() == 1 { ops[rng.random_range(0..4_u32) as usize] } else { "Sum" };
            nodes.push(node(&name, op, &inputs));
        }
        let network = network(nodes, &[4]);
        match draw(&network.subject()) {
            Ok(svg) => {
                drawn += 1;
                check(&svg, network.graph.nodes.len(), &format!("seed {seed}"));
            }
            Err(error) => assert!(matches!(error, DrawError::TooLarge { .. }), "seed {seed}: {error}"),
        }
    }
    assert!(drawn > 250, "{drawn}");
}

fn node(name: &str, op: &'static str, inputs: &[u32]) -> Node {
    Node { name: name.into(), op: op.into(), inputs: inputs.to_vec(), attributes: Vec::new() }
}

fn network(nodes: Vec<Node>, input: &[i64]) -> Network {
    let outputs = vec![nodes.len() as u32 - 1];
    Network::plain("test", Graph { nodes, outputs }, input)
}
