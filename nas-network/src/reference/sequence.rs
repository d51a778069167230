//! Embeddings, attention, rotary positions and routing.

use nas_api::Node;

use super::{Batch, Weights, array, int};

pub fn gather(node: &Node, x: &Batch, weights: &Weights) -> Batch {
    let width = int(node, "embedding_dim", 0);
    let table = array(node, weights, "weight").unwrap();
    let rows = x.values.iter().map(|&row| row as usize * width);
    let values = rows.flat_map(|from| table[from..from + width].to_vec()).collect();
    Batch { shape: [&x.shape[..], &[width]].concat(), values }
}

pub fn attention(node: &Node, inputs: &[&Batch]) -> Batch {
    let &[query, key, value] = inputs else { panic!("not three values") };
    let (heads, groups) = (int(node, "q_num_heads", 0), int(node, "kv_num_heads", 0));
    let (causal, window) = (int(node, "is_causal", 0) == 1, int(node, "window", 0));
    let (wide, values) = (query.shape[1] / heads, value.shape[1] / groups);
    let scale = node.float("scale", 1.0 / (wide as f64).sqrt()).unwrap();
    let softcap = node.float("softcap", 0.0).unwrap();
    Batch::build(query.count(), &[query.shape[0], heads * values], |at| {
        let (head, place) = (at[2] / values, at[2] % values);
        let group = head * groups / heads;
        let score = |to: usize| {
            let product =
                |i: usize| query.at(&[at[0], at[1], head * wide + i]) * key.at(&[at[0], to, group * wide + i]);
            let score = (0..wide).map(product).sum::<f64>() * scale;
            if softcap > 0.0 { softcap * (score / softcap).tanh() } else { score }
        };
        let seen = |&to: &usize| !causal || (to <= at[1] && (window == 0 || at[1] - to < window));
        let all: Vec<(usize, f64)> = (0..key.shape[0]).filter(seen).map(|to| (to, score(to).exp())).collect();
        let total: f64 = all.iter().map(|(_, score)| score).sum();
        all.iter().map(|&(to, score)| score / total * value.at(&[at[0], to, group * values + place])).sum()
    })
}

pub fn rotary(node: &Node, x: &Batch) -> Batch {
    let width = x.shape[1] / int(node, "num_heads", 0);
    let rotated = match int(node, "rotary_embedding_dim", 0) {
        0 => width,
        given => given,
    };
    let (half, base) = (rotated / 2, node.float("base", 10_000.0).unwrap());
    let interleaved = int(node, "interleaved", 0) == 1;
    Batch::build(x.count(), &x.shape, |at| {
        let place = at[2] % width;
        if place >= rotated {
            return x.at(at);
        }
        let (pair, second) = if interleaved { (place / 2, place % 2 == 1) } else { (place % half, place >= half) };
        let first = at[2] - place + if interleaved { 2 * pair } else { pair };
        let (a, b) = (first, first + if interleaved { 1 } else { half });
        let (a, b) = (x.at(&[at[0], at[1], a]), x.at(&[at[0], at[1], b]));
        let angle = at[1] as f64 * base.powf(-2.0 * pair as f64 / rotated as f64);
        if second { b * angle.cos() + a * angle.sin() } else { a * angle.cos() - b * angle.sin() }
    })
}

pub fn routing(node: &Node, x: &Batch) -> Batch {
    let (k, experts) = (int(node, "k", 0), x.shape[x.shape.len() - 1]);
    let mut values = Vec::new();
    for row in x.values.chunks(experts) {
        let mut order: Vec<usize> = (0..experts).collect();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        let chosen = &order[..k];
        let total: f64 = chosen.iter().map(|&at| row[at].exp()).sum();
        values.extend((0..experts).map(|at| if chosen.contains(&at) { row[at].exp() / total } else { 0.0 }));
    }
    Batch { shape: x.shape.clone(), values }
}
