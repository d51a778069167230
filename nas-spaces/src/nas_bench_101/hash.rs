//! The published identity of a cell: an iterated hash, in which vertices take up the hashes of their neighbours until
//! each has seen the whole cell (Ying et al. 2019, section 2.1 and `graph_util.hash_module` of their code).

use md5::{Digest, Md5};

use super::cell::{Cell, OPERATIONS};

/// The MD5 digest of a text in hexadecimal.
pub(crate) fn md5(text: &str) -> String {
    hex::encode(Md5::digest(text.as_bytes()))
}

/// The hash of a cell, which is equal for isomorphic cells. `marks` distinguishes vertices with equal operations; the
/// published hash has none.
pub fn hash(cell: &Cell, marks: Option<&[i64]>) -> String {
    let vertices = 0..cell.vertices;
    let edge = |source: usize, target: usize| cell.matrix[source][target];
    let label = |vertex: usize| match vertex {
        0 => -1,
        last if last + 1 == cell.vertices => -2,
        inner => OPERATIONS.iter().position(|(.., known)| *known == cell.operations[inner - 1]).unwrap_or(0) as i64,
    };
    let initial_hash = |vertex: usize| {
        let out_edges = vertices.clone().filter(|&target| edge(vertex, target)).count();
        let in_edges = vertices.clone().filter(|&source| edge(source, vertex)).count();
        match marks {
            None => md5(&format!("({out_edges}, {in_edges}, {})", label(vertex))),
            Some(marks) => md5(&format!("({out_edges}, {in_edges}, {}, {})", label(vertex), marks[vertex])),
        }
    };
    let mut hashes: Vec<String> = vertices.clone().map(initial_hash).collect();
    let joined = |neighbors: Vec<usize>, hashes: &[String]| {
        let mut known: Vec<&str> = neighbors.into_iter().map(|vertex| hashes[vertex].as_str()).collect();
        known.sort_unstable();
        known.concat()
    };
    for _ in vertices.clone() {
        let next = |vertex: usize| {
            let from = joined(vertices.clone().filter(|&source| edge(source, vertex)).collect(), &hashes);
            let to = joined(vertices.clone().filter(|&target| edge(vertex, target)).collect(), &hashes);
            md5(&format!("{from}|{to}|{}", hashes[vertex]))
        };
        hashes = vertices.clone().map(next).collect();
    }
    hashes.sort_unstable();
    let quoted: Vec<String> = hashes.iter().map(|hash| format!("'{hash}'")).collect();
    md5(&format!("[{}]", quoted.join(", ")))
}
